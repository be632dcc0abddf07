"""The train step against plain numpy, and the invariances of a run."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import FGM, PGD
from purifyjax.data import instance, sample, second_moment
from purifyjax.errors import ConfigError
from purifyjax.training import Phase, initial_state, run_steps, start_stage, train, validate
from purifyjax.training.loop import train_step

KEY = jax.random.key(3)


def numpy_step(config, phase, key, weight, threshold, trace):
    """One step of momentum SGD on the logistic loss, written out with loops' worth of numpy in float64."""
    x, y, _ = sample(jax.random.split(key, 3)[0], phase.batch_size, config.data, instance(config.data))
    x, y, w = (np.asarray(a, np.float64) for a in (x, y, weight))
    norm = np.linalg.norm(w, axis=1)
    b = phase.threshold * norm * float(jnp.sqrt(second_moment(config.data)))
    if phase.threshold_rule == "frozen":
        b = np.asarray(threshold, np.float64)

    def forward(x):
        p = x @ w.T
        f = np.maximum(p - b, 0).sum(1) - np.maximum(-p - b, 0).sum(1)
        return f, (p > b).astype(float) + (-p > b)

    if phase.adversary == FGM():
        _, gate = forward(x)
        g = -y[:, None] * (gate @ w)
        x = x + phase.radius * g / np.maximum(np.linalg.norm(g, axis=1, keepdims=True), 1e-30)
    f, gate = forward(x)
    slope = -y / (1 + np.exp(y * f)) / len(y)
    gradient = (slope[:, None] * gate).T @ x
    gradient += phase.weight_decay * w
    if phase.cubic_decay is not None:
        gradient += phase.cubic_decay * norm[:, None] * w
    trace = config.momentum * np.asarray(trace) + gradient
    return w - phase.learning_rate * trace, b, np.mean(np.log1p(np.exp(-y * f)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"weight_decay": 0.3, "cubic_decay": 0.7},
        {"adversary": FGM(), "radius": 0.3},
        {"threshold_rule": "frozen", "adversary": FGM(), "radius": 0.1},
    ],
)
def test_a_step_matches_numpy(tiny, changes):
    phase = Phase(5, 32, 0.2, threshold=1.0).replace(**changes)
    state = initial_state(jax.random.key(0), tiny)
    state = state._replace(threshold=jnp.full(tiny.neurons, 0.1))
    trace = jax.random.normal(jax.random.key(9), state.weight.shape)
    state = state._replace(optimizer=jax.tree.map(lambda leaf: trace, state.optimizer))
    new, loss = train_step(KEY, state, tiny, phase, jnp.int32(2), 5, instance(tiny.data), None)
    weight, threshold, expected = numpy_step(tiny, phase, KEY, state.weight, state.threshold, trace)
    np.testing.assert_allclose(new.weight, weight, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(new.threshold, threshold, rtol=1e-5)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_cutting_a_run_changes_nothing(tiny):
    phase, state = tiny.clean[0], initial_state(KEY, tiny)
    whole, losses = run_steps(KEY, state, tiny, phase, 0, 0, 4)
    half, first = run_steps(KEY, state, tiny, phase, 0, 0, 2)
    rest, second = run_steps(KEY, half, tiny, phase, 0, 2, 2)
    chex.assert_trees_all_close(whole, rest, rtol=1e-6)
    np.testing.assert_allclose(losses, jnp.concatenate([first, second]), rtol=1e-6)


def test_a_vmapped_seed_equals_the_seed_alone(tiny):
    keys = jax.random.split(KEY, 3)
    together = jax.jit(jax.vmap(train, (0, None)))(keys, tiny)
    for i in range(3):
        alone = jax.jit(train)(keys[i], tiny)
        np.testing.assert_allclose(together.w_robust[i], alone.w_robust, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(together.clean_loss[i], alone.clean_loss, rtol=1e-4)
    assert not np.any(together.diverged)
    assert together.clean_loss.shape == (3, 7) and together.robust_loss.shape == (3, 4)


def test_values_do_not_recompile(tiny):
    run = jax.jit(chex.assert_max_traces(train, n=1))
    first = run(KEY, tiny)
    phases = tuple(p.replace(learning_rate=0.1, weight_decay=0.0, threshold=0.5) for p in tiny.clean)
    changed = tiny.replace(
        clean=phases,
        robust=(tiny.robust[0].replace(radius=0.4),),
        momentum=0.5,
        init_scale=0.2,
        data=tiny.data.replace(margin=0.1, value_max=1.2),
    )
    second = run(KEY, changed)
    assert not np.allclose(first.w_clean, second.w_clean)


def test_hyperparameters_are_an_axis(tiny):
    rates = jnp.array([0.05, 0.2])

    def with_rate(rate):
        return train(KEY, tiny.replace(clean=(tiny.clean[0].replace(learning_rate=rate),))).w_clean

    together = jax.vmap(with_rate)(rates)
    np.testing.assert_allclose(together[1], with_rate(0.2), rtol=1e-4, atol=1e-5)
    assert not np.allclose(together[0], together[1])


def test_training_is_equivariant_under_rotation(tiny):
    """With w⁰ rotated along, a run on x = Mz is the run on z, rotated: M = I is no loss of generality."""
    rotated = tiny.replace(data=tiny.data.replace(dictionary="random"))
    dictionary = instance(rotated.data).dictionary
    assert dictionary is not None
    state = initial_state(KEY, tiny)
    turned = state._replace(weight=state.weight @ dictionary.T)
    phase = Phase(6, 16, 0.2, threshold=1.0, adversary=FGM(), radius=0.2, weight_decay=1e-2)
    plain, _ = run_steps(KEY, state, tiny, phase, 0, 0, 6)
    other, _ = run_steps(KEY, turned, rotated, phase, 0, 0, 6)
    np.testing.assert_allclose(other.weight, plain.weight @ dictionary.T, rtol=1e-3, atol=1e-4)


def test_a_fixed_sample_is_the_same_for_all_steps_and_phases(tiny):
    """Full-batch descent on a fixed sample has a loss that falls; the phases share the sample."""
    phase = Phase(30, 16, 0.05, sample_size=16, threshold=0.5)
    still = phase.replace(learning_rate=1e-12)
    state = initial_state(KEY, tiny)
    _, losses = run_steps(KEY, state, tiny, phase, 0, 0, 30)
    assert np.all(np.diff(losses) < 0)
    _, first = run_steps(KEY, state, tiny, still, 0, 0, 2)
    _, second = run_steps(KEY, state, tiny, still, 1, 0, 2)
    np.testing.assert_allclose(first, second, rtol=1e-5)


def test_adam_and_pgd_and_smoothing_train(tiny):
    phase = Phase(60, 32, 0.02, threshold=1.0, adversary=PGD.for_training(3), radius=0.1, smoothing=0.05)
    config = tiny.replace(optimizer="adam", clean=(phase,), robust=())
    result = train(KEY, config)
    assert float(result.clean_loss[-10:].mean()) < 0.8 * float(result.clean_loss[:3].mean())
    chex.assert_trees_all_close(result.w_clean, result.w_robust)


def test_divergence_is_marked(tiny):
    wild = tiny.replace(clean=(tiny.clean[0].replace(learning_rate=1e30, steps=10),))
    assert bool(train(KEY, wild).diverged)


@pytest.mark.parametrize("rule", ["per_neuron", "uniform"])
@pytest.mark.parametrize("stage", ["clean", "robust"])
def test_thresholds_that_are_not_finite_are_divergence(tiny, rule, stage):
    """Weights stay finite: such a threshold silences all neurons."""
    phase = tiny.clean[0].replace(threshold=jnp.array(jnp.inf), threshold_rule=rule, learning_rate=1e-6)
    silent = train(KEY, tiny.replace(**{"clean": (), "robust": ()} | {stage: (phase,)}))
    assert np.isfinite(silent.w_clean).all() and np.isfinite(silent.w_robust).all() and bool(silent.diverged)


def test_a_stage_starts_with_a_fresh_optimizer(tiny):
    state, _ = run_steps(KEY, initial_state(KEY, tiny), tiny, tiny.clean[0], 0, 0, 4)
    fresh = start_stage(state, tiny)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(fresh.optimizer))
    chex.assert_trees_all_equal(fresh.weight, state.weight)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"neurons": 0}, "neurons"),
        ({"momentum": 1.0}, "momentum"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"init_scale": 0.0}, "init_scale"),
        ({"clean": (Phase(1, 8, 0),)}, "clean[0].learning_rate"),
        ({"robust": (Phase(1, 8, 0.1, radius=-1),)}, "robust[0].radius"),
        ({"robust": (Phase(1, 8, 0.1, sample_size=4),)}, "robust[0].sample_size"),
    ],
)
def test_bad_settings_are_named(tiny, changes, names):
    with pytest.raises(ConfigError) as error:
        validate(tiny.replace(**changes))
    assert str(error.value).startswith(names) and "\n" not in str(error.value)
