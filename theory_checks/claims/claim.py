"""What a claim is, and the measurements that claims are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from purifyjax.stats import clopper_pearson, median_interval
from theory_checks.evidence import Evidence
from theory_checks.verdict import Measurement, Relation, SeedValue, Verdict

# Robust accuracy 1 − o(1) is about 98% at d = 256 and 99.5% at d = 1024, against the strongest attacks.
SHOWS_99_PERCENT = 1024


@dataclass(frozen=True)
class Claim:
    """A theorem's claim and how it is measured.

    Attributes:
      id: its short name on the command line and in reports.
      title: a few words.
      statement: what the source says, in its terms.
      source: paper and section.
      refuted_by: the observation that would refute it.
      measure: the quantities that it bounds, from the experiment's evidence.
      experiment: the trained experiment that it looks at.
      also: further experiments on which it must hold as well.
      smallest_dimension: d below which theory puts the bound out of reach; a miss there is inconclusive.
      note: a caveat for the report.
    """

    id: str
    title: str
    statement: str
    source: str
    refuted_by: str
    measure: Callable[[Evidence], tuple[Measurement, ...]]
    experiment: str = "default"
    also: tuple[str, ...] = ()
    smallest_dimension: int = 0
    note: Callable[[Evidence], str] | str = ""

    @property
    def experiments(self) -> tuple[str, ...]:
        """All that it looks at."""
        return (self.experiment, *self.also)

    def check(self, evidences: Mapping[str, Evidence]) -> Verdict:
        """The verdict, from the evidence of the claim's experiments alone."""
        found = [evidences[name] for name in self.experiments]
        # The same words about several experiments are said once.
        notes = dict.fromkeys(self.note if isinstance(self.note, str) else self.note(evidence) for evidence in found)
        note = " ".join(filter(None, notes))
        dimension = found[0].config["training"]["data"]["dimension"] if self.smallest_dimension else 0
        verdict = Verdict(
            id=self.id,
            title=self.title,
            statement=self.statement,
            source=self.source,
            experiment=", ".join(self.experiments),
            parts=tuple(part for evidence in found for part in self.measure(evidence)),
            note=note,
            reachable=dimension >= self.smallest_dimension,
        )
        if verdict.reachable or verdict.outcome == "holds":
            return verdict
        short = f"d = {dimension} is too small for this bound: it takes d ≥ {self.smallest_dimension}."
        return replace(verdict, note=f"{note} {short}".strip())


def accuracy(
    evidence: Evidence, net: str, attack: str, relation: Relation, bound: float, radius: float | None = None
) -> Measurement:
    """Share of fresh points classified rightly under an attack at τ, with Clopper–Pearson intervals a seed."""
    tau = 0.0 if attack == "none" else evidence.radius if radius is None else radius
    table = evidence.robustness
    rows = table[(table.net == net) & (table.attack == attack) & np.isclose(table.radius, tau)]
    # The claims' own evaluation uses more points than the curve does at the same radius.
    rows = rows.sort_values("points").groupby("seed").tail(1).sort_values("seed")
    kind = "clean accuracy" if attack == "none" else f"accuracy under {_ATTACKS[attack]} at τ = {tau:g}"
    return Measurement(f"{kind}, {net} net", relation, bound, shares(rows.seed, rows.correct, rows.points))


def shares(seed: pd.Series, count: pd.Series, points: pd.Series) -> tuple[SeedValue, ...]:
    """Shares of points with their Clopper–Pearson intervals, a seed each."""
    counts, totals = count.to_numpy(np.int64), points.to_numpy(np.int64)
    low, high = clopper_pearson(counts, totals)
    return tuple(
        SeedValue(int(s), float(v), float(a), float(b))
        for s, v, a, b in zip(seed, counts / totals, low, high, strict=True)
    )


def winners(evidence: Evidence, net: str) -> str:
    """Which attacks broke the net, the one that broke most points first, and what the attacks' own checks say."""
    broke = evidence.wins[evidence.wins.net == net].groupby("attack").broke.sum().sort_values(ascending=False)
    counts = ", ".join(f"{name} {count}" for name, count in broke[broke > 0].items())
    warnings = [text for text in evidence.config.get("attack_warnings", ()) if text.startswith(net)]
    return " ".join([f"Points broken, by the attack that came first: {counts or 'none'}.", *warnings])


_ATTACKS = {
    "noise": "random noise",
    "universal": "the universal direction",
    "fgm": "FGM",
    "pgd": "PGD",
    "worst": "the worst case of all attacks",
}


def live(evidence: Evidence, *nets: str) -> Iterator[tuple[int, pd.DataFrame]]:
    """Seeds with their neurons that fire in all of the nets named."""
    for seed, rows in evidence.neurons.groupby("seed"):
        alive = np.logical_and.reduce([rows[f"live_{net}"].to_numpy() for net in nets])
        yield int(seed), rows[alive]  # pyright: ignore[reportArgumentType]


def perturbed(evidence: Evidence, net: str) -> Iterator[tuple[int, pd.DataFrame]]:
    """Seeds with the strongest perturbations of their net, a row a point."""
    table = evidence.perturbations
    for seed, rows in table[table.net == net].groupby("seed"):
        yield int(seed), rows  # pyright: ignore[reportArgumentType]


def median(
    groups: Iterable[tuple[int, pd.DataFrame]], column: str, quantity: str, relation: Relation, bound: float
) -> Measurement:
    """Median of a column over each seed's rows, with order-statistic intervals a seed."""
    seeds = []
    for seed, rows in groups:
        values = rows[column].to_numpy()
        low, high = median_interval(values)
        seeds.append(SeedValue(seed, float(np.median(values)) if len(values) else float("nan"), low, high))
    return Measurement(quantity, relation, bound, tuple(seeds))


def fraction(
    evidence: Evidence,
    holds: Callable[[pd.DataFrame], np.ndarray],
    nets: tuple[str, ...],
    quantity: str,
    relation: Relation,
    bound: float,
) -> Measurement:
    """Share of live neurons with a property, with Clopper–Pearson intervals a seed."""
    seeds = []
    for seed, rows in live(evidence, *nets):
        count, total = int(np.sum(holds(rows))), len(rows)
        low, high = clopper_pearson(count, total) if total else (0.0, 1.0)
        seeds.append(SeedValue(seed, count / max(total, 1), float(low), float(high)))
    return Measurement(quantity, relation, bound, tuple(seeds))
