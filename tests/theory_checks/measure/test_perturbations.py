"""The strongest perturbations of nets that are linear, where every answer is known."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import Ball
from purifyjax.data import SparseCoding, instance
from purifyjax.training import Training
from theory_checks.evidence import TRANSFER
from theory_checks.experiments import Experiment, profile
from theory_checks.measure.networks import margin_of, network
from theory_checks.measure.perturbations import (
    PERTURBATION_TICKS,
    POINTS,
    perturbation_coordinates,
    perturbations,
    strongest,
    transfer,
)

DIM, RADIUS = 16, 0.3
PROFILE = replace(profile("quick"), attack_steps=3)
DATA = SparseCoding(dimension=DIM, sparsity=4, value_max=1.5, margin=0.3, dictionary="random", label_spread=0.3)
EXPERIMENT = Experiment("default", Training(DATA, DIM, clean=(), robust=()), 2, RADIUS)
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
    return {f"w_{net}": w for net, w in weight.items()} | {
        f"b_{net}": np.full((2, DIM), -20.0, np.float32) for net in weight
    }


@pytest.fixture(scope="module")
def found():
    ticks = []
    attacked = strongest(PROFILE, EXPERIMENT, SEEDS, nets(), ticks.append)
    assert sum(ticks) == PERTURBATION_TICKS
    return attacked


@pytest.mark.parametrize("net", ["clean", "robust"])
def test_perturbations_lie_in_the_ball_and_margins_are_theirs(found, net):
    sizes = np.asarray(Ball(RADIUS).size(found.perturbation[net].reshape(-1, DIM)))
    assert sizes == pytest.approx(RADIUS, rel=1e-4)  # linear nets are attacked from the sphere
    for s in range(2):
        params = {name: value[s] for name, value in network(nets(), net).items()}
        margin = margin_of(DIM)(params)(found.x[s] + found.perturbation[net][s], found.y[s])
        np.testing.assert_allclose(found.margin[net][s], margin, atol=1e-5)


def test_a_seeds_points_do_not_depend_on_the_others(found):
    alone = strongest(PROFILE, EXPERIMENT, SEEDS[1:], {n: v[1:] for n, v in nets().items()}, lambda n: None)
    np.testing.assert_array_equal(alone.x[0], found.x[1])
    np.testing.assert_allclose(alone.perturbation["clean"][0], found.perturbation["clean"][1], atol=1e-6)


def test_sparsity_and_cosine_of_linear_nets(found):
    table = perturbations(EXPERIMENT, SEEDS, found)
    assert len(table) == 2 * 2 * POINTS and set(table.seed) == set(SEEDS)
    w = np.asarray(instance(DATA).label_weights, np.float64)
    clean, robust = table[table.net == "clean"], table[table.net == "robust"]
    np.testing.assert_allclose(clean.participation, np.sum(w**2) ** 2 / np.sum(w**4), rtol=1e-3)
    np.testing.assert_allclose(clean.mixture_cosine, 1, rtol=1e-4)
    np.testing.assert_allclose(robust.participation, 1, rtol=1e-3)
    for seed, feature in zip(SEEDS, (5, 11), strict=True):
        cosine = robust.mixture_cosine[robust.seed == seed]
        np.testing.assert_allclose(cosine, abs(w[feature]) / np.linalg.norm(w), rtol=1e-3)
    np.testing.assert_allclose(clean.margin, np.asarray(found.margin["clean"]).ravel(), rtol=1e-6)


def test_the_typical_point_is_the_robust_nets_median_and_one_for_both_nets(found):
    table = perturbations(EXPERIMENT, SEEDS, found)
    robust = (table.seed == 8) & (table.net == "robust")
    table.loc[robust, "participation"] = np.arange(POINTS) + 0.0
    table.loc[robust & (table.point == 41), "participation"] = (POINTS - 1) / 2
    rows = perturbation_coordinates(EXPERIMENT, SEEDS, found, table)
    assert len(rows) == 2 * 2 * DIM
    fixed = instance(DATA)
    y = float(found.y[1, 41])
    for net in ("clean", "robust"):
        one = rows[(rows.seed == 8) & (rows.net == net)]
        np.testing.assert_allclose(one.value, y * fixed.to_code(found.perturbation[net][1, 41]), atol=1e-6)
        np.testing.assert_allclose(one.code, y * fixed.to_code(found.x[1, 41]), atol=1e-6)
    # δ = −y τ Mw*/‖w*‖ on the clean net: in the label's sign all of it speaks against w*.
    assert np.all(rows.value[rows.net == "clean"] * np.tile(fixed.label_weights, 2) < 0)


def test_transfer_is_the_targets_accuracy_at_the_sources_perturbed_points(found):
    table = transfer(EXPERIMENT, SEEDS, nets(), found)
    assert list(table.columns) == list(TRANSFER) and len(table) == 3 * 4
    routes = {"clean": ("clean", "clean"), "robust": ("robust", "robust"), "clean to robust": ("clean", "robust")}
    for row in table.to_dict("records"):
        origin, victim = routes[row["net"]]
        s, t = (int(np.flatnonzero(row[name] == SEEDS)[0]) for name in ("source", "target"))
        x = np.asarray(found.x[s] + found.perturbation[origin][s], np.float64)
        margin = np.asarray(found.y[s]) * (x @ nets()[f"w_{victim}"][t].sum(axis=0))
        # Where the features differ many margins are 0 but for rounding.
        assert np.sum(margin > 1e-4) <= row["correct"] <= np.sum(margin > -1e-4) and row["points"] == POINTS
    # The clean nets are one function: only the points differ, by source.
    clean = table[table.net == "clean"].pivot(index="source", columns="target", values="correct").to_numpy()
    assert clean[0, 0] == clean[0, 1] != clean[1, 0] == clean[1, 1]


def test_one_seed_has_nobody_to_transfer_to(found):
    table = transfer(EXPERIMENT, SEEDS[:1], nets(), found)
    assert table.empty and list(table.columns) == list(TRANSFER)
