"""Linear, polynomial, tangent and random-feature models against explicit formulas."""

from __future__ import annotations

from itertools import combinations_with_replacement

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.errors import ConfigError
from purifyjax.models import Linear, Polynomial, RandomFeatures, SymmetricReLU, TangentKernel, margin, output

DIM, NEURONS, POINTS = 3, 7, 11
FULL = jax.lax.Precision.HIGHEST
MODELS = {
    "linear": Linear(FULL),
    "quadratic": Polynomial(2, 5, precision=FULL),
    "cubic": Polynomial(3, 5, precision=FULL),
    "tangent": TangentKernel(NEURONS, 0.6, FULL),
    "features": RandomFeatures(NEURONS, 0.6, FULL),
}


def inputs(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), (*shape, DIM))


def drawn(model, seed: int):
    """Parameters without zeros, and what the model holds fixed."""
    variables = dict(model.init(jax.random.key(seed), inputs(0)))
    leaves, tree = jax.tree.flatten(variables["params"])
    rng = np.random.default_rng(seed)
    return tree.unflatten([jnp.asarray(rng.normal(size=a.shape), jnp.float32) for a in leaves]), variables.get("fixed")


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("linear", {"weight": (DIM,), "intercept": ()}),
        ("cubic", {"intercept": (), "weight": (DIM,), "square": (5, DIM), "square_coefficient": (5,)}),
        ("tangent", {"weight": (NEURONS, DIM)}),
        ("features", {"coefficient": (NEURONS,)}),
    ],
)
def test_shapes_and_a_start_at_zero(name, shapes):
    variables = MODELS[name].init(jax.random.key(0), inputs(0))
    if name == "cubic":
        shapes = shapes | {"cube": (5, DIM), "cube_coefficient": (5,)}
    assert {key: leaf.shape for key, leaf in variables["params"].items()} == shapes
    f = output(MODELS[name], variables["params"], inputs(1, POINTS), fixed=variables.get("fixed"))
    np.testing.assert_array_equal(f, np.zeros(POINTS))


@pytest.mark.parametrize("name", list(MODELS))
def test_batch_axes_and_the_margin(name):
    params, fixed = drawn(MODELS[name], 1)
    x = inputs(2, 2, 4)
    flat = output(MODELS[name], params, x.reshape(-1, DIM), fixed=fixed)
    np.testing.assert_allclose(output(MODELS[name], params, x, fixed=fixed).ravel(), flat, rtol=1e-5, atol=1e-5)
    chex.assert_shape(output(MODELS[name], params, x[0, 0], fixed=fixed), ())
    y = jnp.where(jnp.arange(8) % 2 == 0, 1.0, -1.0)
    np.testing.assert_allclose(margin(MODELS[name], params, x.reshape(-1, DIM), y, fixed), y * flat, rtol=1e-5)


def test_linear_is_an_inner_product():
    params, _ = drawn(MODELS["linear"], 3)
    x = inputs(3, POINTS)
    f = np.asarray(x) @ np.asarray(params["weight"]) + float(params["intercept"])
    np.testing.assert_allclose(output(MODELS["linear"], params, x), f, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["quadratic", "cubic"])
def test_a_polynomial_equals_its_explicit_expansion(name):
    """Coefficients of all monomials, read off the powers of the linear forms one product of coordinates at a time."""
    params, _ = drawn(MODELS[name], 4)
    p = {key: np.asarray(leaf, np.float64) for key, leaf in params.items()}
    x = np.asarray(inputs(4, POINTS), np.float64)
    f = p["intercept"] + x @ p["weight"]
    for power, form in ((2, "square"), (3, "cube"))[: 1 if name == "quadratic" else 2]:
        tensor = np.zeros((DIM,) * power)
        for a, u in zip(p[f"{form}_coefficient"], p[form], strict=True):
            rank_one = u
            for _ in range(power - 1):
                rank_one = np.multiply.outer(rank_one, u)
            tensor += a * rank_one
        for index in np.ndindex(tensor.shape):
            f = f + tensor[index] * np.prod(x[:, list(index)], axis=1)
    np.testing.assert_allclose(output(MODELS[name], params, jnp.asarray(x, jnp.float32)), f, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("degree", "rank"), [(2, DIM), (3, DIM * (DIM + 1) * (DIM + 2) // 6)])
def test_the_stated_rank_reaches_every_polynomial(degree, rank):
    """Generic powers of that many linear forms span the monomials of their degree."""
    forms = np.random.default_rng(0).normal(size=(max(rank, DIM * (DIM + 1) // 2), DIM))
    x = np.random.default_rng(1).normal(size=(40, DIM))
    monomials = np.stack(
        [np.prod(x[:, i], axis=1) for i in map(list, combinations_with_replacement(range(DIM), degree))]
    )
    if degree == 2:
        # A given quadratic form needs only its own d eigenvectors.
        matrix = forms[:DIM] + forms[:DIM].T
        values, vectors = np.linalg.eigh(matrix)
        np.testing.assert_allclose((x @ vectors) ** 2 @ values, np.einsum("ni,ij,nj->n", x, matrix, x), atol=1e-10)
    powers = (x @ forms.T) ** degree
    coefficients, *_ = np.linalg.lstsq(powers, monomials.T, rcond=None)
    np.testing.assert_allclose(powers @ coefficients, monomials.T, atol=1e-8)


def test_the_tangent_model_is_the_derivative_of_the_net():
    """f(x; w⁰ + v) − f(x; w⁰) → Σ_i ⟨v_i, x⟩ gate_i, and the random features are the net with rescaled outputs."""
    v, fixed = drawn(MODELS["tangent"], 5)
    assert fixed is not None
    x, net = inputs(5, POINTS), SymmetricReLU(NEURONS, precision=FULL)
    _, slope = jax.jvp(
        lambda w: output(net, {"weight": w, "threshold": fixed["threshold"]}, x), (fixed["weight"],), (v["weight"],)
    )
    np.testing.assert_allclose(output(MODELS["tangent"], v, x, fixed=fixed), slope, rtol=1e-5, atol=1e-5)
    ones = {"coefficient": jnp.ones(NEURONS)}
    np.testing.assert_allclose(output(MODELS["features"], ones, x, fixed=fixed), output(net, fixed, x), atol=1e-5)
    silent = np.abs(np.asarray(x @ fixed["weight"].T)) < 0.6
    assert 0.1 < silent.mean() < 0.9


@pytest.mark.parametrize("name", list(MODELS))
def test_the_input_gradient_is_the_finite_difference(name):
    params, fixed = drawn(MODELS[name], 6)
    x, step = inputs(6, POINTS), 1e-2

    def f(x):
        return output(MODELS[name], params, x, fixed=fixed)

    gradient = np.asarray(jax.vmap(jax.grad(f))(x))
    for j in range(DIM):
        e = step * jnp.eye(DIM)[j][None, :]
        difference = np.asarray(f(x + e) - f(x - e)) / (2 * step)
        smooth = np.full(POINTS, True)
        if fixed is not None:  # the points that cross no gate: there a gate jumps
            moved = step * np.abs(np.asarray(fixed["weight"])[:, j])
            smooth = (np.abs(np.abs(np.asarray(x @ fixed["weight"].T)) - 0.6) > moved).all(axis=1)
        assert smooth.sum() >= 6
        np.testing.assert_allclose(difference[smooth], gradient[smooth, j], rtol=2e-2, atol=2e-2)


def test_what_is_fixed_is_drawn_from_the_key():
    one, other = (MODELS["tangent"].init(jax.random.key(s), inputs(0))["fixed"] for s in (0, 1))
    assert np.abs(np.asarray(one["weight"] - other["weight"])).max() > 0.1
    np.testing.assert_array_equal(one["threshold"], np.full(NEURONS, 0.6, np.float32))


@pytest.mark.parametrize(("model", "field"), [(Polynomial(4, 2), "degree"), (Polynomial(2, 0), "rank")])
def test_bad_arguments(model, field):
    with pytest.raises(ConfigError, match=f"^{field} = ") as error:
        model.init(jax.random.key(0), inputs(0))
    assert "\n" not in str(error.value)
