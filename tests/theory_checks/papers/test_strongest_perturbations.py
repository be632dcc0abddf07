"""The strongest perturbations of nets that are linear, where every answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from purifyjax.data import SparseCoding, instance
from purifyjax.training import Training
from theory_checks.measuring.attacked import Evaluation
from theory_checks.measuring.two_layer import margin_of
from theory_checks.papers.feature_purification.experiment import Purification
from theory_checks.papers.feature_purification.perturbations import (
    ROUTES,
    perturbation_coordinates,
    perturbations,
    points,
    strongest,
    transfer,
)
from theory_checks.papers.feature_purification.tables import TRANSFER

DIM, RADIUS = 16, 0.3
DATA = SparseCoding(dimension=DIM, sparsity=4, value_max=1.5, margin=0.3, dictionary="random", label_spread=0.3)
CONFIG = Purification(
    name="default",
    training=Training(DATA, DIM, clean=(), robust=()),
    radius=RADIUS,
    monitored_radius=RADIUS,
    seeds=2,
    evaluation=Evaluation(steps=3),
)
POINTS = CONFIG.perturbations.points
SEEDS = np.array([3, 8])


def nets():
    """With thresholds below all pre-activations f is linear, f(x) = 2 ⟨Σ w_i, x⟩.

    Σ w_i = Mw* for the clean nets, and one feature, each seed's own, for the robust ones.
    """
    fixed = instance(DATA)
    weight = {net: np.zeros((2, DIM, DIM), np.float32) for net in ("clean", "robust")}
    weight["clean"][:, :4] = np.asarray(fixed.to_input(fixed.label_weights)) / 4
    for s, feature in enumerate((5, 11)):
        weight["robust"][s, 2] = np.asarray(fixed.to_input(jnp.eye(DIM)[feature]))
    threshold = np.full((2, DIM), -20.0, np.float32)
    return {net: {"weight": w, "threshold": threshold} for net, w in weight.items()}


@pytest.fixture(scope="module")
def found():
    with Progress("attacks", silent=True) as progress:
        return strongest(CONFIG, SEEDS, nets(), progress)


@pytest.fixture(scope="module")
def attacked_points():
    return points(CONFIG, SEEDS)


@pytest.mark.parametrize("net", ["clean", "robust"])
def test_perturbations_lie_in_the_ball_and_margins_are_theirs(found, attacked_points, net):
    x, y = attacked_points
    sizes = np.asarray(Ball(RADIUS).size(jnp.asarray(found[net].perturbation.reshape(-1, DIM))))
    assert sizes == pytest.approx(RADIUS, rel=1e-4)  # linear nets are attacked from the sphere
    for s in range(2):
        params = {name: value[s] for name, value in nets()[net].items()}
        margin = margin_of(DIM)(params)(x[s] + found[net].perturbation[s], y[s])
        np.testing.assert_allclose(found[net].margin[s], margin, atol=1e-5)


def test_a_seeds_points_do_not_depend_on_the_others(found, attacked_points):
    with Progress("attacks", silent=True) as progress:
        own = {net: jax.tree.map(lambda values: values[1:], arrays) for net, arrays in nets().items()}
        alone = strongest(CONFIG, SEEDS[1:], own, progress)
    np.testing.assert_array_equal(points(CONFIG, SEEDS[1:])[0][0], attacked_points[0][1])
    np.testing.assert_allclose(alone["clean"].perturbation[0], found["clean"].perturbation[1], atol=1e-6)


def test_sparsity_and_cosine_of_linear_nets(found):
    table = perturbations(CONFIG, SEEDS, found)
    assert len(table) == 2 * 2 * POINTS and set(table.seed) == set(SEEDS)
    w = np.asarray(instance(DATA).label_weights, np.float64)
    clean, robust = table[table.net == "clean"], table[table.net == "robust"]
    np.testing.assert_allclose(clean.participation, np.sum(w**2) ** 2 / np.sum(w**4), rtol=1e-3)
    np.testing.assert_allclose(clean.mixture_cosine, 1, rtol=1e-4)
    np.testing.assert_allclose(robust.participation, 1, rtol=1e-3)
    for seed, feature in zip(SEEDS, (5, 11), strict=True):
        cosine = robust.mixture_cosine[robust.seed == seed]
        np.testing.assert_allclose(cosine, abs(w[feature]) / np.linalg.norm(w), rtol=1e-3)
    np.testing.assert_allclose(clean.margin, np.asarray(found["clean"].margin).ravel(), rtol=1e-6)


def test_the_typical_point_is_the_robust_nets_median_and_one_for_both_nets(found, attacked_points):
    table = perturbations(CONFIG, SEEDS, found)
    robust = (table.seed == 8) & (table.net == "robust")
    table.loc[robust, "participation"] = np.arange(POINTS) + 0.0
    table.loc[robust & (table.point == 41), "participation"] = (POINTS - 1) / 2
    rows = perturbation_coordinates(CONFIG, SEEDS, found, table)
    assert len(rows) == 2 * 2 * DIM
    fixed = instance(DATA)
    x, y = attacked_points[0][1, 41], float(attacked_points[1][1, 41])
    for net in ("clean", "robust"):
        one = rows[(rows.seed == 8) & (rows.net == net)]
        np.testing.assert_allclose(one.value, y * fixed.to_code(jnp.asarray(found[net].perturbation[1, 41])), atol=1e-6)
        np.testing.assert_allclose(one.code, y * fixed.to_code(x), atol=1e-6)
    # δ = −y τ Mw*/‖w*‖ on the clean net: in the label's sign all of it speaks against w*.
    assert np.all(rows.value[rows.net == "clean"] * np.tile(fixed.label_weights, 2) < 0)


def test_transfer_is_the_targets_accuracy_at_the_sources_perturbed_points(found, attacked_points):
    table = transfer(CONFIG, SEEDS, nets(), {net: attacked.perturbation for net, attacked in found.items()})
    assert list(table.columns) == list(TRANSFER.columns) and len(table) == 3 * 4
    for row in table.to_dict("records"):
        origin, victim = ROUTES[row["net"]]
        s, t = (int(np.flatnonzero(row[name] == SEEDS)[0]) for name in ("source", "target"))
        x = np.asarray(attacked_points[0][s] + found[origin].perturbation[s], np.float64)
        margin = np.asarray(attacked_points[1][s]) * (x @ nets()[victim]["weight"][t].sum(axis=0))
        # Where the features differ many margins are 0 but for rounding.
        assert np.sum(margin > 1e-4) <= row["correct"] <= np.sum(margin > -1e-4) and row["points"] == POINTS
    # The clean nets are one function: only the points differ, by source.
    clean = table[table.net == "clean"].pivot(index="source", columns="target", values="correct").to_numpy()
    assert clean[0, 0] == clean[0, 1] != clean[1, 0] == clean[1, 1]


def test_one_seed_has_nobody_to_transfer_to(found):
    table = transfer(CONFIG, SEEDS[:1], nets(), {net: attacked.perturbation for net, attacked in found.items()})
    assert table.empty and list(table.columns) == list(TRANSFER.columns)
