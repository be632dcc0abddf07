"""Alternating robust optimisation on images (Shaham, Yamada & Negahban): robust, no less accurate, twice as dear."""

from typing import Any

from purifyjax.stats import median_interval
from theory_checks.claims.claim import Claim
from theory_checks.claims.images import difference, outcomes
from theory_checks.evidence import Evidence
from theory_checks.verdict import Measurement, SeedValue

_WHERE: dict[str, Any] = {
    "experiment": "robust-optimisation",
    "source": "Shaham, Yamada & Negahban, Understanding Adversarial Training (arXiv 1511.05432), section 4",
}
_NORMS = ("l1", "l2", "linf")
_TWICE = 2.5  # "about twice" the time of standard training, read as at most this


def _collection(evidence: Evidence) -> tuple[Measurement, ...]:
    words = "on the collection"
    return tuple(difference(evidence, net, "other baseline", "collection", words) for net in _NORMS)


def _collection_note(evidence: Evidence) -> str:
    shares = {net: outcomes(evidence, net, "collection").mean().mean() for net in ("other baseline", *_NORMS)}
    kept = outcomes(evidence, "baseline", "collection")
    return (
        f"The baseline itself scores {kept.mean().mean():.1%}, by construction: smallest perturbations in every norm "
        f"of images that it gets right, {len(kept)} test images. What counts is a baseline of another seed, which had "
        f"no part in making them: {shares['other baseline']:.1%}, against "
        + ", ".join(f"{shares[net]:.1%} ({net})" for net in _NORMS)
        + "."
    )


def _trained_for(evidence: Evidence) -> tuple[Measurement, ...]:
    return tuple(
        difference(evidence, net, "baseline", f"{net} {attack}", f"under {net} {attack}")
        for net in _NORMS
        for attack in ("one-step", "worst")
    )


def _trained_note(evidence: Evidence) -> str:
    def share(net: str, attack: str) -> str:
        return f"{outcomes(evidence, net, attack).mean().mean():.1%}"

    told = [
        f"{norm}: {share('baseline', f'{norm} one-step')} → {share(norm, f'{norm} one-step')} under one step, "
        f"{share('baseline', f'{norm} worst')} → {share(norm, f'{norm} worst')} under the worst of all attacks"
        for norm in _NORMS
    ]
    return f"Baseline → net trained in that norm (all attacks: one step, PGD, APGD). {'; '.join(told)}."


def _clean(evidence: Evidence) -> tuple[Measurement, ...]:
    return tuple(difference(evidence, net, "baseline", "none", "on clean images") for net in _NORMS)


def _clean_note(evidence: Evidence) -> str:
    shares = [f"{net} {outcomes(evidence, net, 'none').mean().mean():.2%}" for net in ("baseline", *_NORMS)]
    return f"Clean accuracy: {', '.join(shares)}. The source reports 99.09% and 99.12, 99.29, 99.34% on MNIST."


def _cost(evidence: Evidence) -> tuple[Measurement, ...]:
    parts = []
    for net in _NORMS:
        ratios = evidence.costs[evidence.costs.net == net].ratio.to_numpy()
        value = SeedValue(0, float(sorted(ratios)[len(ratios) // 2]), *median_interval(ratios))
        parts.append(Measurement(f"time of a step over the baseline's, {net} net", "<=", _TWICE, (value,)))
    return tuple(parts)


COLLECTION = Claim(
    id="ro-collection",
    title="Robust nets withstand what fools the baseline",
    statement=(
        "Nets trained on their own worst cases get right what was made to fool the baseline: a fixed collection of "
        "adversarial examples of correctly classified test points."
    ),
    refuted_by="accuracy on the collection no higher than another seed's baseline has, mean over seeds and images",
    measure=_collection,
    note=_collection_note,
    **_WHERE,
)

TRAINED = Claim(
    id="ro-trained-attack",
    title="Robust nets withstand the attack that they were trained for",
    statement="In its own norm and at its own radius every robust net is more accurate than the baseline.",
    refuted_by="accuracy under one step, or under the strongest attack of that norm, no higher than the baseline's",
    measure=_trained_for,
    note=_trained_note,
    **_WHERE,
)

CLEAN = Claim(
    id="ro-clean-accuracy",
    title="Robust optimisation improves clean accuracy",
    statement="The robust nets are more accurate than the baseline on clean test images as well.",
    refuted_by="clean accuracy below the baseline's, mean over seeds and images",
    measure=_clean,
    note=_clean_note,
    **_WHERE,
)

COST = Claim(
    id="ro-cost",
    title="Robust optimisation costs about twice standard training",
    statement="One ascent step on the input for every descent step on the weights: about twice the time.",
    refuted_by=f"a training step that takes more than {_TWICE} times the baseline's",
    measure=_cost,
    note="Steps of one seed, timed in turns with the baseline's; the interval is the median's over repeats.",
    **_WHERE,
)

CLAIMS = (COLLECTION, TRAINED, CLEAN, COST)
