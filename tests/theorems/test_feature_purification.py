"""The main theorem's bounds, asserted on a small trained trajectory (d = 256, far from asymptotic).

Bounds that already hold at this size are the theorem's; where d is too small they are weaker and say so.
"""

import jax
import numpy as np
import pytest

from purifyjax.analysis import decompose, features
from purifyjax.attacks import pgd, universal
from purifyjax.balls import Ball
from purifyjax.data import instance, sample
from purifyjax.models import SymmetricReLU, margin
from theory_checks.measuring.attacked import ROBUSTNESS
from theory_checks.papers.feature_purification.tables import PERTURBATIONS, TRANSFER
from theory_checks.testing import assert_holds, verdict

# What already holds at d = 256, by the claims' own bounds.
HOLD = (
    "clean-accuracy",
    "noise-robust",
    "dense-mixture",
    "decomposition",
    "selectivity",
    "purification",
)

pytestmark = pytest.mark.long


def accuracy(evidence, net, attack):
    radius = 0.0 if attack == "none" else evidence.config.radius
    table = evidence[ROBUSTNESS]
    rows = table[(table.net == net) & (table.attack == attack) & np.isclose(table.radius, radius)]
    rows = rows.sort_values("points").groupby("seed").tail(1)
    return (rows.correct / rows.points).to_numpy()


def test_clean_training_is_accurate_and_not_robust(checked):
    _, evidence, _ = checked
    assert np.all(accuracy(evidence, "clean", "none") >= 0.99)
    assert np.all(accuracy(evidence, "clean", "noise") >= 0.98)
    # The theorem's 1% wants a larger d: neurons that fire on their feature alone leave about 20% here.
    assert np.all(accuracy(evidence, "clean", "worst") <= 0.30)


def test_adversarial_training_is_robust_at_the_same_radius(checked):
    _, evidence, _ = checked
    assert np.all(accuracy(evidence, "robust", "none") >= 0.99)
    # d = 256 is too small for the theorem's 99% against the strongest attacks.
    # At d = 256 robust nets keep 92 to 96%, as rounding has it: docs/recipes.md.
    assert np.all(accuracy(evidence, "robust", "worst") >= 0.9)


def test_an_independent_attack_agrees(checked):
    """A longer PGD on points and code paths of its own finds the same two accuracies."""
    experiment, evidence, arrays = checked
    model = SymmetricReLU(experiment.training.neurons)
    x, y, _ = sample(jax.random.key(77), 512, experiment.training.data)

    def attacked(net):
        params = {"weight": arrays[f"w_{net}"][0], "threshold": arrays[f"b_{net}"][0]}
        result = pgd(
            jax.random.key(5),
            lambda x, y: margin(model, params, x, y),
            x,
            y,
            Ball(evidence.config.radius),
            steps=60,
            restarts=3,
        )
        return float(np.mean(result.margin > 0))

    assert attacked("clean") <= 0.30
    assert attacked("robust") >= 0.9


def test_the_weights_decompose(checked):
    """w = βw' + v with ‖βw'‖ > ‖v‖ for most neurons."""
    _, _, arrays = checked
    for clean, robust in zip(arrays["w_clean"], arrays["w_robust"], strict=True):
        parts = decompose(clean, robust)
        assert np.mean(parts.pure > parts.remainder) >= 0.85


def test_the_mixture_shrinks_and_the_feature_survives(checked):
    experiment, _, arrays = checked
    weights = instance(experiment.training.data).label_weights
    k = experiment.training.data.sparsity
    for clean, robust in zip(arrays["w_clean"], arrays["w_robust"], strict=True):
        before, after = features(clean, weights, k), features(robust, weights, k)
        assert np.median(before.mixture) >= 0.3
        assert np.mean(before.mixture > 3 * before.mixture_error) >= 0.9
        assert abs(np.median(after.mixture)) <= 0.25 * np.median(before.mixture)
        assert np.median(after.purity) > np.median(before.purity)
        assert np.mean(before.feature == after.feature) >= 0.8


def test_the_universal_direction_needs_no_network(checked):
    """Along −y Mw*/‖w*‖ the clean net's margin falls on every point, the robust net's far less."""
    experiment, evidence, arrays = checked
    weights = instance(experiment.training.data).label_weights
    model = SymmetricReLU(experiment.training.neurons)
    x, y, _ = sample(jax.random.key(8), 512, experiment.training.data)

    def share_lost(net):
        params = {"weight": arrays[f"w_{net}"][0], "threshold": arrays[f"b_{net}"][0]}
        value = lambda x, y: margin(model, params, x, y)  # noqa: E731
        before = value(x, y)
        after = universal(weights, value, x, y, Ball(evidence.config.radius)).margin
        assert np.mean(after < before) > 0.95
        return float(np.median((before - after) / before))

    # A pure net's k active neurons lose τ/√d each of a margin of about σ: √(k/d). Mixtures multiply that by C k.
    pure = np.sqrt(experiment.training.data.sparsity / experiment.training.data.dimension)
    assert share_lost("clean") > 2 * pure and share_lost("robust") < 1.5 * pure


def test_perturbations_are_purer_after_adversarial_training(checked):
    experiment, evidence, _ = checked
    d, k = experiment.training.data.dimension, experiment.training.data.sparsity
    for _, rows in evidence[PERTURBATIONS].groupby("seed"):
        clean, robust = (rows[rows.net == net] for net in ("clean", "robust"))
        assert robust.participation.median() <= 3 * k
        assert robust.mixture_cosine.median() <= 2 * np.sqrt(k / d)
        # The claim's 1/√2 is met at d = 1024; here spikes on strong features have half of the energy.
        assert clean.mixture_cosine.median() >= 0.6


def test_perturbations_transfer_between_clean_nets_only(checked):
    _, evidence, _ = checked
    for net, low, high in (("clean", 0.0, 0.3), ("robust", 0.9, 1.0), ("clean to robust", 0.97, 1.0)):
        rows = evidence[TRANSFER][evidence[TRANSFER].net == net]
        assert len(rows) == 4 and np.all((rows.correct / rows.points).between(low, high))


@pytest.mark.parametrize("claim", HOLD)
def test_the_claim_holds(checked, store, claim):
    assert_holds(claim, profile="small", out=store)


def test_what_does_not_hold_is_said_with_its_numbers(checked, store):
    found = verdict("pure-perturbations", profile="small", out=store)
    assert found.outcome != "holds"
    with pytest.raises(AssertionError, match=r"(?s)Perturbations are dense .* bound >= 85\.33") as failed:
        assert_holds("pure-perturbations", profile="small", out=store)
    assert found.note in str(failed.value)
