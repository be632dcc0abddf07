"""Gradient descent is equivariant: clean nets of a dense M are the identity's, rotated."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.balls import Ball
from purifyjax.data import instance
from purifyjax.sweep import seed_keys
from purifyjax.training.recipes import feature_purification
from purifyjax.training.trajectory import stage_keys
from theory_checks.measuring.monitor import Monitor
from theory_checks.measuring.rotation import ROTATED, rotated, turned
from theory_checks.measuring.two_layer import initial_states, run, stages
from theory_checks.papers.feature_purification.experiment import PROFILES

SIZE = {"dimension": 32, "sparsity": 3, "neurons": 24, "pace": 0.02, "batch_size": 32}
SEEDS = np.array([3, 4])


def untyped(value: Any) -> Any:
    return value


def test_nets_of_a_dense_dictionary_are_those_of_the_identity_rotated():
    (plain, _), (dense, _) = feature_purification(**SIZE), feature_purification(norm="linf", **SIZE)
    assert dense.data.dictionary == "random" and plain.clean == dense.clean
    keys = jax.vmap(stage_keys)(seed_keys(SEEDS))[1]
    start = initial_states(dense, SEEDS)
    own = run(keys, initial_states(plain, SEEDS), plain, plain.clean)
    there = run(
        keys, start._replace(weight=jnp.asarray(turned(np.asarray(start.weight), dense.data))), dense, dense.clean
    )
    moved = float(np.linalg.norm(own["weight"] - np.asarray(start.weight)))
    np.testing.assert_allclose(there["weight"], turned(own["weight"], dense.data), atol=1e-4 * moved)
    np.testing.assert_allclose(there["threshold"], own["threshold"], rtol=1e-4)
    # A control: nets that are not rotated differ by as much as training moved them.
    assert np.linalg.norm(there["weight"] - own["weight"]) > moved


def test_turned_weights_see_inputs_as_the_others_see_codes():
    (dense, _), draw = feature_purification(norm="linf", **SIZE), np.random.default_rng(0)
    weight, code = draw.normal(size=(1, 5, 32)), draw.normal(size=(7, 32))
    x = np.asarray(instance(dense.data).to_input(jnp.asarray(code)))
    np.testing.assert_allclose(x @ turned(weight, dense.data)[0].T, code @ weight[0].T, atol=1e-4)


def test_the_dense_experiment_shares_the_clean_nets_of_the_default_one_and_trains_none():
    plain, radius = feature_purification(**SIZE)
    dense, _ = feature_purification(norm="linf", **SIZE)
    default = stages(plain, Monitor(Ball(radius), mixtures=True))
    shared, turn, robust = rotated(plain, radius, dense, Monitor(Ball(0.1, "linf"), mixtures=True))
    assert (shared.name, shared.config) == (default[0].name, default[0].config)
    assert turn.name == f"{ROTATED}clean" and turn.steps == 0 and turn.after == ("clean",)
    assert robust.name == f"{ROTATED}robust" and robust.after == (turn.name,)
    nets = {"weight": np.ones((2, 24, 32), np.float32), "threshold": np.ones((2, 24)), "history_loss": np.ones((2, 3))}
    found = turn.train(SEEDS, {"clean": nets}, checkpoint=None)
    np.testing.assert_allclose(found["weight"], turned(nets["weight"], dense.data))
    assert found["history_loss"] is nets["history_loss"]


def test_the_profiles_rotate_where_nothing_breaks_the_symmetry():
    for name, experiments in PROFILES.items():
        for experiment in map(untyped, experiments()):
            twin = getattr(experiment, "twin", None)
            assert (twin is not None) == (experiment.name == "linf"), name
            if twin is not None:
                plain, dense = twin[0].data, experiment.training.data
                assert replace(experiment, name="other").stages()[0].name == "clean"
                assert plain == dense.replace(dictionary="identity") and plain.noise is plain.spike_noise is None
