"""Statistics of single neurons, before and after adversarial training, and what claims make of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.analysis import absolute_cosine, features, firing, firing_rate, own_feature
from purifyjax.data import SparseCoding, instance
from purifyjax.stats import ratio_interval, ratio_of_medians_interval
from theory_checks.evidence import Evidence, Table
from theory_checks.experiment import Arrays, Nets, Seeds
from theory_checks.measuring.points import fresh_codes, fresh_points
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
    fixed = instance(data)
    x, _ = fresh_points(jnp.asarray(seeds), statistics.points, data, "neurons")
    frames = []
    for s, seed in enumerate(seeds):
        of = {net: nets[f"{prefix}{net}"] for net in NETS}
        w = {"init": jnp.asarray(initial[s])} | {net: jnp.asarray(own["weight"][s]) for net, own in of.items()}
        columns: dict[str, Any] = {
            "experiment": experiment,
            "seed": int(seed),
            "neuron": np.arange(len(initial[s])),
            "cos_init_clean": absolute_cosine(w["clean"], w["init"]),
            "cos_init_robust": absolute_cosine(w["robust"], w["init"]),
            "cos_clean_robust": absolute_cosine(w["clean"], w["robust"]),
            "cos_clean_continued": _beside(w["clean"], nets.get(f"{prefix}{CONTINUED}"), s),
            "norm_init": jnp.linalg.norm(w["init"], axis=1),
        }
        for net in NETS:
            rate = firing_rate(w[net], jnp.asarray(of[net]["threshold"][s]), x[s])
            found = features(fixed.to_code(w[net]), fixed.label_weights, data.sparsity)
            columns |= {
                f"live_{net}": rate >= statistics.live_rate,
                f"firing_{net}": rate,
                f"norm_{net}": jnp.linalg.norm(w[net], axis=1),
                f"feature_{net}": found.feature,
                f"purity_{net}": found.purity,
                f"mixture_{net}": found.mixture,
                f"mixture_error_{net}": found.mixture_error,
            }
        frames.append(pd.DataFrame({n: v if isinstance(v, str | int) else np.asarray(v) for n, v in columns.items()}))
    return pd.concat(frames, ignore_index=True)


def _beside(weight: jax.Array, net: Arrays | None, place: int) -> jax.Array:
    """|cos| with the same neuron of a seed's other net."""
    if net is None:
        return jnp.full(len(weight), jnp.nan)
    return absolute_cosine(weight, jnp.asarray(net["weight"][place]))


def selectivity(
    experiment: str, seeds: Seeds, nets: Nets, data: SparseCoding, statistics: NeuronStatistics
) -> pd.DataFrame:
    """Whether the neurons of both nets fire if, and only if, their feature is present."""
    fixed, rows = instance(data), []
    x, code = fresh_codes(jnp.asarray(seeds), statistics.points, data, "selectivity")
    for net in NETS:
        for s, seed in enumerate(seeds):
            weight, threshold = jnp.asarray(nets[net]["weight"][s]), jnp.asarray(nets[net]["threshold"][s])
            counted = firing_rate(weight, threshold, x[s]) >= statistics.live_rate
            found = firing(weight, threshold, own_feature(fixed.to_code(weight)), counted, x[s], code[s])
            counts = [np.asarray(count, np.float64) for count in found]
            for feature, pairs, fired in (("present", *counts[:2]), ("absent", *counts[2:])):
                total = pairs.sum()
                share = fired.sum() / total if total else math.nan
                rows.append((experiment, int(seed), net, feature, int(total), share, *ratio_interval(fired, pairs)))
    return pd.DataFrame(rows, columns=list(SELECTIVITY.columns))


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
