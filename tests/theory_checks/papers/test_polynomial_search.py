"""The search over polynomials a coordinate, and the kernels' gates."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from purifyjax.certify import separable_margin
from purifyjax.models import odd_polynomial
from tests.theory_checks.toys import simpler_classes as toys
from theory_checks.measuring.points import fresh_points
from theory_checks.measuring.two_layer import initial_states
from theory_checks.papers.simpler_classes import measure, polynomials
from theory_checks.papers.simpler_classes.candidates import candidates, initial_gates

(TOY,) = toys.experiments()
SEEDS = np.arange(2)
DATA, SEARCH = TOY.training.data, TOY.search
UNIT = 1 / np.sqrt(DATA.sparsity)


@pytest.fixture(scope="module")
def tried():
    return polynomials.search(SEEDS, DATA, TOY.radius, (3, 5, 7), SEARCH.tuning_points, SEARCH.members, SEARCH.rounds)


def same_ratio(member, coefficient):
    """Whether two polynomials are multiples of each other."""
    a, b = (np.pad(np.asarray(c, float), (0, 6 - len(c))) for c in (member, coefficient))
    return np.allclose(a / np.linalg.norm(a), b / np.linalg.norm(b), atol=1e-6)


@pytest.mark.parametrize("degree", [5, 7, 9, 11])
def test_the_critics_polynomial_and_the_cubics_are_in_every_grid(degree):
    grid = polynomials.grid(degree, 100, 6)
    for wanted in ((0, 1), (0.5, 1), (3, 1), (0, 1, -0.04), (0.2, 1, -0.03)):
        assert any(same_ratio(member, wanted) for member in grid), wanted
    assert not grid[:, (degree + 1) // 2 :].any() and np.abs(grid[:, (degree - 1) // 2]).max() > 0


def test_the_critics_polynomial_is_judged_by_name():
    assert polynomials.NAMED == {"u³": (0.0, 1.0), "u³ − 0.04 u⁵": (0.0, 1.0, -0.04)}


def test_a_cubic_grid_has_no_quintic():
    grid = polynomials.grid(3, 100, 3)
    assert any(same_ratio(member, (0, 1)) for member in grid) and not grid[:, 2].any()


def test_members_of_the_grid_are_searched(tried):
    for found in tried.values():
        for seed in SEEDS:
            assert any(same_ratio(member, (0, 1)) for member in found.members[seed])
    for degree in (5, 7):
        for seed in SEEDS:
            assert any(same_ratio(member, (0, 1, -0.04)) for member in tried[degree].members[seed])


@pytest.mark.parametrize("odd", [True, False])
def test_the_pick_is_as_good_as_any_member_on_its_tuning_points(tried, odd):
    """Robust accuracy taken afresh, by the exact bound and not by the search's own estimate."""
    x, y = map(np.asarray, fresh_points(jnp.asarray(SEEDS), SEARCH.tuning_points, DATA, "polynomial search"))
    u = polynomials.in_units(x, y, DATA)
    for found, seed in itertools.product([*tried.values()], range(2)):
        scores = found.scores.odd if odd else found.scores.shifted
        pick = {name: value[seed] for name, value in found.pick(odd=odd).items()}

        def share(coefficient, intercept, seed=seed):
            margin = separable_margin(coefficient, u[seed], TOY.radius / UNIT)
            return 0.5 * np.mean(margin > intercept) + 0.5 * np.mean(margin > -intercept)

        reached = share(**pick)
        assert reached == pytest.approx(scores[seed].max(), abs=1.5 / SEARCH.tuning_points)
        others = [share(member, 0.0) for member in found.members[seed][:12]]
        assert reached >= max(others) - 1.5 / SEARCH.tuning_points


def test_a_higher_degree_is_never_worse_on_its_tuning_points(tried):
    for low, high in ((3, 5), (5, 7)):
        for name in ("odd", "shifted"):
            assert (getattr(tried[high].scores, name).max(1) >= getattr(tried[low].scores, name).max(1) - 1e-6).all()


def test_a_seeds_search_does_not_depend_on_the_others(tried):
    alone = polynomials.search(SEEDS[1:], DATA, TOY.radius, (3, 5), SEARCH.tuning_points, SEARCH.members, SEARCH.rounds)
    wide = polynomials.search(SEEDS, DATA, TOY.radius, (3, 5), SEARCH.tuning_points, SEARCH.members, SEARCH.rounds)
    np.testing.assert_array_equal(alone[5].members[0], wide[5].members[1])


def test_tuning_points_are_not_the_judged_ones():
    judged, _ = measure.judged_points(TOY, SEEDS)
    tuning, _ = fresh_points(jnp.asarray(SEEDS), TOY.points, DATA, "polynomial search")
    assert not np.isclose(np.asarray(judged)[:, :, None], np.asarray(tuning)[:, None]).all(-1).any()


def test_an_intercept_is_found_where_it_helps():
    """Of f = 0 + c half of the points are robust, whatever the radius; the odd part alone has none."""
    points = polynomials.tuning_points(SEEDS, 40, DATA)
    scores = polynomials._scores(points, jnp.zeros((2, 1, 2)).at[..., 0].set(1.0), 50.0)
    np.testing.assert_allclose(scores.odd, 0.0)
    np.testing.assert_allclose(scores.shifted, 0.5)
    assert (np.asarray(scores.intercept) > 0).all()


def test_normalised_has_size_one_on_features():
    rng = np.random.default_rng(0)
    members = polynomials.normalised(rng.normal(size=(2, 5, 4)))
    u = np.linspace(1, 3, 21)
    for a in members.reshape(-1, 4):
        assert np.sqrt(np.mean(odd_polynomial(a, u) ** 2)) == pytest.approx(1.0)


def test_searched_polynomials_are_judged_by_the_common_suite(monkeypatch):
    seen = []
    pair = measure.strongest_pair
    monkeypatch.setattr(measure, "strongest_pair", lambda *a: seen.append(pair(*a)) or pair(*a))
    rows = pd.DataFrame(measure.searched(TOY, SEEDS, measure.judged_points(TOY, SEEDS)))
    assert set(seen) == {pair(DATA, TOY.attack_steps)}
    assert set(rows.model) == {
        *(f"degree {n}, searched, {kind}" for n in SEARCH.degrees for kind in ("odd", "with intercept")),
        polynomials.CUBE,
        polynomials.CRITICS,
    }
    at = rows[np.isclose(rows.radius, TOY.radius)]
    assert (at.certified <= at.robust).all() and rows[~np.isclose(rows.radius, TOY.radius)].certified.isna().all()
    assert at.certified.max() > 0 and set(rows.degree) == {3, 5, 7}
    # The certificate and the attack are of the same polynomial: they enclose its robust accuracy.
    assert (at.robust - at.certified).max() <= 3


def test_judged_accuracy_of_a_named_polynomial_is_the_one_of_its_formula():
    points = measure.judged_points(TOY, SEEDS)
    rows = pd.DataFrame(measure.searched(TOY, SEEDS, points))
    rows = rows[(rows.model == polynomials.CRITICS) & (rows.radius == 0)].sort_values("seed")
    u = np.asarray(points[0]) / UNIT
    right = np.sign((u**3 - 0.04 * u**5).sum(-1)) == np.asarray(points[1])
    assert rows.clean.tolist() == right.sum(1).tolist()


def test_own_gates_are_the_nets_first_ones():
    """w⁰ of the very seed, and thresholds of 2 standard deviations of ⟨w⁰, x⟩, as the first phase has them."""
    states = initial_states(TOY.training, SEEDS)
    for s, seed in enumerate(SEEDS):
        gates = initial_gates(jnp.asarray(seed), TOY.training)
        np.testing.assert_allclose(gates["weight"], states.weight[s], rtol=1e-6)
        rms = np.sqrt(((1.5**2 + 1.5 + 1) / 3 + DATA.atom_rate) / 32)
        norm = np.linalg.norm(np.asarray(states.weight[s]), axis=1)
        np.testing.assert_allclose(gates["threshold"], 2.0 * norm * rms, rtol=1e-5)


def test_widths_are_those_of_the_network_and_above():
    kernels = [c for c in candidates(TOY) if c.family == "tangent kernel"]
    assert [(c.width, c.own_gates is not None, c.curve) for c in kernels] == [(32, False, True), (64, True, False)]
    assert kernels[0].rates[0] * 32 == pytest.approx(kernels[1].rates[0] * 64)
    trained, fixed = kernels[1].start(jax.random.key(0), jnp.asarray(1), 32)
    wide = TOY.training.replace(neurons=64)
    np.testing.assert_array_equal(fixed["weight"], initial_gates(jnp.asarray(1), wide)["weight"])
    assert trained["weight"].shape == (64, 32) and not trained["weight"].any()
    _, random = kernels[0].start(jax.random.key(0), jnp.asarray(1), 32)
    assert len(np.unique(random["threshold"])) == 1
