"""Statistics of single neurons, before and after adversarial training, and what claims make of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.analysis import absolute_cosine, features, firing, firing_rate, own_feature
from purifyjax.data import Instance, SparseCoding
from purifyjax.seeds import each, over_seeds
from purifyjax.stats import ratio_interval, ratio_of_medians_interval
from theory_checks.evidence import Evidence, Table
from theory_checks.experiment import Nets, Seeds
from theory_checks.measuring.points import fresh_codes, fresh_points, instance_of
from theory_checks.measuring.two_layer import CONTINUED, NETS
from theory_checks.quantities import fraction
from theory_checks.verdict import Measurement, SeedValue


@dataclass(frozen=True)
class NeuronStatistics:
    """How neurons are looked at.

    Attributes:
      points: fresh points a seed.
      live_rate: a neuron is live if it fires on at least this share of them.
    """

    points: int = 4096
    live_rate: float = 1e-3


_OF_A_NET = {
    "live": "whether it fires at all, see NeuronStatistics",
    "firing": "share of points on which it fires",
    "norm": "‖w‖",
    "feature": "the feature that it is most aligned with",
    "purity": "share of ‖w‖² in its feature",
    "mixture": "C, the coefficient of the dense mixture",
    "mixture_error": "standard error of C",
}
NEURONS = Table(
    "neurons",
    "A neuron of a seed, before and after adversarial training.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        "neuron": "number of the neuron",
        "cos_init_clean": "|cos(w, w⁰)|",
        "cos_init_robust": "|cos(w′, w⁰)|",
        "cos_clean_robust": "|cos(w, w′)|",
        "cos_clean_continued": "|cos(w, w̃)|, w̃ trained on without an adversary; NaN where there is none",
        "norm_init": "‖w⁰‖",
        **{f"{name}_{net}": f"{words} ({net} net)" for net in NETS for name, words in _OF_A_NET.items()},
    },
)
SELECTIVITY = Table(
    "selectivity",
    "How often the live neurons of a seed's net fire, with and without their feature in the input.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        "net": "clean or robust",
        "feature": "present or absent",
        "pairs": "pairs of a live neuron and a fresh point",
        "fired": "share of them in which the neuron fires",
        "low": "of the 95% interval over points",
        "high": "of the 95% interval over points",
    },
)


def neurons(
    experiment: str,
    seeds: Seeds,
    initial: np.ndarray,
    nets: Nets,
    data: SparseCoding,
    statistics: NeuronStatistics,
    *,
    prefix: str = "",
) -> pd.DataFrame:
    """Statistics of every neuron before and after adversarial training.

    Args:
      initial: w⁰ [seed, neuron, d].
    """
    x, _ = fresh_points(jnp.asarray(seeds), statistics.points, data, "neurons")
    of = {net: nets[f"{prefix}{net}"] for net in NETS}
    weights = {"init": initial} | {net: own["weight"] for net, own in of.items()}
    continued = nets.get(f"{prefix}{CONTINUED}")
    if continued is not None:
        weights[CONTINUED] = continued["weight"]
    thresholds = {net: own["threshold"] for net, own in of.items()}
    found = over_seeds(_columns, (weights, thresholds, x), instance_of(data), data.sparsity)
    found = {name: np.asarray(values) for name, values in found.items()}
    frames = []
    for s, seed in enumerate(seeds):
        own = {name: values[s] for name, values in found.items()}
        live = {f"live_{net}": own[f"firing_{net}"] >= statistics.live_rate for net in NETS}
        head = {"experiment": experiment, "seed": int(seed), "neuron": np.arange(len(initial[s]))}
        frames.append(pd.DataFrame(head | {"cos_clean_continued": np.nan} | own | live)[list(NEURONS.columns)])
    return pd.concat(frames, ignore_index=True)


@partial(jax.jit, static_argnames="sparsity")
def _columns(weights, thresholds, x, fixed: Instance, sparsity: int) -> dict[str, jax.Array]:
    """Columns of `NEURONS` that need the weights, of every seed."""

    def one(args):
        w, b, points = args
        columns = {
            "cos_init_clean": absolute_cosine(w["clean"], w["init"]),
            "cos_init_robust": absolute_cosine(w["robust"], w["init"]),
            "cos_clean_robust": absolute_cosine(w["clean"], w["robust"]),
            "norm_init": jnp.linalg.norm(w["init"], axis=1),
        }
        if CONTINUED in w:
            columns["cos_clean_continued"] = absolute_cosine(w["clean"], w[CONTINUED])
        for net in NETS:
            found = features(fixed.to_code(w[net]), fixed.label_weights, sparsity)
            columns |= {
                f"firing_{net}": firing_rate(w[net], b[net], points),
                f"norm_{net}": jnp.linalg.norm(w[net], axis=1),
                f"feature_{net}": found.feature,
                f"purity_{net}": found.purity,
                f"mixture_{net}": found.mixture,
                f"mixture_error_{net}": found.mixture_error,
            }
        return columns

    return each(one, (weights, thresholds, x))


def selectivity(
    experiment: str, seeds: Seeds, nets: Nets, data: SparseCoding, statistics: NeuronStatistics
) -> pd.DataFrame:
    """Whether the neurons of both nets fire if, and only if, their feature is present."""
    fixed, rows = instance_of(data), []
    x, code = fresh_codes(jnp.asarray(seeds), statistics.points, data, "selectivity")
    for net in NETS:
        own = (nets[net]["weight"], nets[net]["threshold"], x, code)
        found = over_seeds(_firing, own, fixed, np.float32(statistics.live_rate))
        for s, seed in enumerate(seeds):
            counts = [np.asarray(count[s], np.float64) for count in found]
            for feature, pairs, fired in (("present", *counts[:2]), ("absent", *counts[2:])):
                total = pairs.sum()
                share = fired.sum() / total if total else math.nan
                rows.append((experiment, int(seed), net, feature, int(total), share, *ratio_interval(fired, pairs)))
    return pd.DataFrame(rows, columns=list(SELECTIVITY.columns))


@jax.jit
def _firing(weight, threshold, x, code, fixed: Instance, live_rate):
    """`firing` of the live neurons of every seed."""

    def one(args):
        w, b, points, codes = args
        counted = firing_rate(w, b, points) >= live_rate
        return firing(w, b, own_feature(fixed.to_code(w)), counted, points, codes)

    return each(one, (weight, threshold, x, code))


def live(evidence: Evidence, *nets: str) -> Iterator[tuple[int, pd.DataFrame]]:
    """Seeds with their neurons that fire in all of the nets named."""
    for seed, rows in evidence[NEURONS].groupby("seed"):
        alive = np.logical_and.reduce([rows[f"live_{net}"].to_numpy() for net in nets])
        yield int(seed), rows[alive]  # pyright: ignore[reportArgumentType]


def mixture_fall(evidence: Evidence) -> Measurement:
    """Median |C| of the robust net over that of the clean net, over the live neurons of both."""
    return _fall(evidence, _relative, "median |C| of the robust net over the clean net's", 0.1)


def absolute_mixture_fall(evidence: Evidence) -> Measurement:
    """The same of the mixtures themselves, |C| |c| in units of k/d: C alone falls wherever the feature c grows."""

    def size(rows: pd.DataFrame, net: str) -> pd.Series:
        return _relative(rows, net) * rows[f"purity_{net}"] * rows[f"norm_{net}"]

    return _fall(evidence, size, "median size of the robust net's mixture over that of the clean net's", 0.2)


def _relative(rows: pd.DataFrame, net: str) -> pd.Series:
    return rows[f"mixture_{net}"].abs()


def _fall(
    evidence: Evidence, size: Callable[[pd.DataFrame, str], pd.Series], quantity: str, bound: float
) -> Measurement:
    """The median size of neurons in the robust net over that in the clean net."""
    seeds = []
    for seed, rows in live(evidence, *NETS):
        clean, robust = (size(rows, net).to_numpy() for net in NETS)
        seeds.append(SeedValue(seed, *ratio_of_medians_interval(robust, clean, seed)))
    return Measurement(quantity, "<=", bound, tuple(seeds))


def purer(evidence: Evidence) -> Measurement:
    """Share of live neurons whose feature has a larger share of ‖w′‖² than of ‖w‖²."""
    return fraction(
        ((s, (rows.purity_robust > rows.purity_clean).to_numpy()) for s, rows in live(evidence, "clean", "robust")),
        "share of live neurons that are purer after adversarial training",
        ">=",
        0.9,
        unit="share of neurons",
    )


def feature_kept(evidence: Evidence) -> Measurement:
    """Share of live neurons that are most aligned with the same feature in both nets."""
    return fraction(
        ((s, (rows.feature_robust == rows.feature_clean).to_numpy()) for s, rows in live(evidence, "clean", "robust")),
        "share of live neurons that keep their feature",
        ">=",
        0.8,
        unit="share of neurons",
    )


def mostly_own(evidence: Evidence) -> Measurement:
    """Share of live neurons with ‖βw′‖ > ‖v‖ in w = βw′ + v, which is |cos(w, w′)| > 1/√2."""
    equal = 1.0 / math.sqrt(2.0)
    return fraction(
        ((seed, (rows.cos_clean_robust > equal).to_numpy()) for seed, rows in live(evidence, "clean", "robust")),
        "share of live neurons with ‖βw'‖ > ‖v‖",
        ">=",
        0.9,
        unit="share of neurons",
    )
