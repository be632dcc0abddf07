"""low-rank: what adversarial training does to the clean weights, an update of low rank does nearly as well."""

from __future__ import annotations

import numpy as np
import pandas as pd

from theory_checks.claims.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.verdict import Measurement, SeedValue

WITHIN = 0.02  # of robust accuracy, that still count as equal
SHARE = 0.25  # of the full rank, that still counts as low
_NORMAL = 1.959964  # 97.5% quantile


def behind(rows: pd.DataFrame) -> pd.DataFrame:
    """By how much each rank's robust accuracy is behind the unrestricted update's, with paired 95% intervals.

    Of n points the rank loses l that the unrestricted net gets right and gains g that it does not:

        p_l = (l + 1)/(n + 2),    p_g = (g + 1)/(n + 2),    p_l − p_g ± z √((p_l + p_g − (p_l − p_g)²)/(n + 2)).

    Where l is unknown it is taken as large as the two counts allow, which makes the interval widest.

    Args:
      rows: the table `ranks` of one net and seed.

    Returns:
      Columns rank, value, low, high; increasing ranks, without the clean net, the unrestricted one with 0 last.

    Source: Bonett & Price, Journal of Educational and Behavioral Statistics 37 (2012), for the interval.
    """
    full = rows[rows.full].iloc[0]
    bounded = rows[~rows.full & (rows["rank"] > 0)].sort_values("rank")
    n, robust = full.points, bounded.robust.to_numpy()
    most = np.minimum(full.robust, n - robust)
    lost = bounded["lost"].fillna(pd.Series(most, bounded.index)).to_numpy() if "lost" in bounded else most
    gained = robust - (full.robust - lost)
    shares = (lost + 1) / (n + 2), (gained + 1) / (n + 2)
    middle = shares[0] - shares[1]
    half = _NORMAL * np.sqrt((shares[0] + shares[1] - middle**2) / (n + 2))
    value = (full.robust - robust) / n
    table = pd.DataFrame({"rank": bounded["rank"], "value": value, "low": middle - half, "high": middle + half})
    unrestricted = pd.DataFrame({"rank": [full["rank"]], "value": 0.0, "low": 0.0, "high": 0.0})
    return pd.concat([table, unrestricted], ignore_index=True)


def sufficient(ranks: np.ndarray, gaps: np.ndarray) -> int:
    """The smallest of increasing ranks from which on no gap exceeds the two points."""
    beyond = np.flatnonzero(gaps > WITHIN)
    return int(ranks[beyond[-1] + 1] if len(beyond) else ranks[0])


def _shares(rows: pd.DataFrame) -> tuple[SeedValue, ...]:
    """r* over the full rank, a seed each; the interval is what r* would be at both ends of the gaps' intervals."""
    seeds = []
    for seed, own in rows.groupby("seed"):
        table = behind(own)
        ranks = table["rank"].to_numpy()
        found = (sufficient(ranks, table[column].to_numpy()) / int(ranks[-1]) for column in ("value", "low", "high"))
        seeds.append(SeedValue(int(seed), *found))  # pyright: ignore[reportArgumentType]
    return tuple(seeds)


def _judged(evidence: Evidence) -> list[str]:
    return [net for net in evidence.ranks.net.unique() if net not in evidence.config.get("contrasts", ())]


def _low(evidence: Evidence) -> tuple[Measurement, ...]:
    parts = []
    for net in _judged(evidence):
        rows = evidence.ranks[evidence.ranks.net == net]
        full = rows[rows.full]["rank"].iloc[0]
        words = f"{net}: smallest rank from which on at most {WITHIN:.0%} of robust accuracy are lost, over {full}"
        parts.append(Measurement(words, "<=", SHARE, _shares(rows)))
    return tuple(parts)


def _note(evidence: Evidence) -> str:
    table = evidence.ranks.assign(share=evidence.ranks.robust / evidence.ranks.points)
    words = []
    for net, rows in table.groupby("net", sort=False):
        lowest = rows[rows["rank"] > 0]["rank"].min()
        before, first = (rows[rows["rank"] == rank].share.mean() for rank in (0, lowest))
        least, most = (round(f(s.value for s in _shares(rows)) * rows["rank"].max()) for f in (min, max))
        needed = f"{least}" if least == most else f"{least} to {most}"
        words.append(
            f"{net}: robust accuracy {before:.1%} before the update, {first:.1%} at rank {lowest}, "
            f"{rows[rows.full].share.mean():.1%} unrestricted; enough from rank {needed} on."
        )
    updates = pd.DataFrame(evidence.config.get("updates", []))
    if len(updates):
        own = updates[updates.net == _judged(evidence)[0]]
        energy = np.mean([next(iter(found.values())) for found in own.energy])
        words.append(
            f"The update of rank {lowest} points along Mw* (|cos| {own.cosine_lowest.mean():.3f}), the mixture that "
            f"all neurons share; the unrestricted update has {energy:.0%} of its energy in one direction. Where m/d is "
            "small, features differ in how many neurons chance gave them, and evening that out takes a full rank: such "
            "nets are shown, not judged."
        )
    return " ".join([*words, *evidence.config.get("attack_warnings", ())])


CLAIM = Claim(
    id="low-rank",
    title="Adversarial training works through low-rank updates",
    statement=(
        "Adversarial training started from the clean weights w works through an update w′ − w of low rank: restricted "
        "to such updates it makes nets nearly as robust."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190, v4); two points and a quarter are our bounds",
    refuted_by="more than two points lost, for every seed, at some rank of a quarter of the full one or more",
    measure=_low,
    experiment="low-rank",
    also=("convnet",),
    note=_note,
)
