"""low-rank: what adversarial training does to the clean weights, an update of low rank does nearly as well."""

from __future__ import annotations

import numpy as np
import pandas as pd

from purifyjax.stats import paired_difference_interval
from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.attacked import FINDINGS
from theory_checks.measuring.findings import attack_warnings, rows_in_words
from theory_checks.measuring.ranks import CURVES, RANKS
from theory_checks.papers.low_rank.config import JUDGED, LowRankConfig
from theory_checks.papers.low_rank.measure import attacked_net
from theory_checks.papers.low_rank.tables import UPDATES
from theory_checks.verdict import CONFIDENCE, Measurement, SeedValue

WITHIN = 0.02  # of robust accuracy, that still count as equal
SHARE = 0.25  # of the full rank, that still counts as low


def behind(rows: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """By how much each rank's robust accuracy is behind the unrestricted update's, with paired intervals.

    Where it is unknown how many of the unrestricted net's points a rank loses, it is taken as many as the two counts
    allow, which makes the interval widest.

    Args:
      rows: the table `RANKS` of one net and seed.
      confidence: of the intervals.

    Returns:
      Columns rank, value, low, high; increasing ranks, without the clean net, the unrestricted one with 0 last.
    """
    full = rows[rows.full].iloc[0]
    bounded = rows[~rows.full & (rows["rank"] > 0)].sort_values("rank")
    n, robust = full.points, bounded.robust.to_numpy()
    most = np.minimum(full.robust, n - robust)
    lost = bounded["lost"].fillna(pd.Series(most, bounded.index)).to_numpy() if "lost" in bounded else most
    low, high = paired_difference_interval(lost, robust - (full.robust - lost), n, confidence)
    value = (full.robust - robust) / n
    table = pd.DataFrame({"rank": bounded["rank"], "value": value, "low": low, "high": high})
    unrestricted = pd.DataFrame({"rank": [full["rank"]], "value": 0.0, "low": 0.0, "high": 0.0})
    return pd.concat([table, unrestricted], ignore_index=True)


def sufficient(ranks: np.ndarray, gaps: np.ndarray) -> int:
    """The smallest of increasing ranks from which on no gap exceeds the two points."""
    beyond = np.flatnonzero(gaps > WITHIN)
    return int(ranks[beyond[-1] + 1] if len(beyond) else ranks[0])


def _shares(rows: pd.DataFrame) -> tuple[SeedValue, ...]:
    """r* over the full rank, a seed each; the interval is what r* would be at both ends of the gaps' intervals."""

    def ends(own: pd.DataFrame, confidence: float, *columns: str) -> tuple[float, ...]:
        table = behind(own, confidence)
        ranks = table["rank"].to_numpy()
        return tuple(sufficient(ranks, table[column].to_numpy()) / int(ranks[-1]) for column in columns)

    return tuple(
        SeedValue.of(int(seed), *ends(own, CONFIDENCE, "value"), lambda c, own=own: ends(own, c, "low", "high"))  # pyright: ignore
        for seed, own in rows.groupby("seed")
    )


def _judged(evidence: Evidence) -> list[str]:
    """The nets that the claim is about: of the theorem's own, the contrasts are not."""
    nets = evidence[RANKS].net.unique()
    return [net for net in nets if net == JUDGED or not isinstance(evidence.config, LowRankConfig)]


def _low(evidence: Evidence) -> tuple[Measurement, ...]:
    parts, table = [], evidence[RANKS]
    for net in _judged(evidence):
        rows = table[table.net == net]
        full = rows[rows.full]["rank"].iloc[0]
        words = f"{net}: smallest rank from which on at most {WITHIN:.0%} of robust accuracy are lost, over {full}"
        parts.append(Measurement(words, "<=", SHARE, _shares(rows), unit="share of the full rank"))
    return tuple(parts)


def _note(evidence: Evidence) -> str:
    table = evidence[RANKS]
    table = table.assign(share=table.robust / table.points)
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
    updates = evidence[UPDATES]
    own = updates[updates.net == JUDGED]
    if len(own):
        words.append(
            f"The update of rank {lowest} points along Mw* (|cos| {own.cosine_lowest.mean():.3f}), the mixture that "
            f"all neurons share; the unrestricted update has {own.energy.mean():.0%} of its energy in one direction. "
            "Where m/d is small, features differ in how many neurons chance gave them, and evening that out takes a "
            "full rank: such nets are shown, not judged."
        )
    return " ".join([*words, *_warnings(evidence)])


def _warnings(evidence: Evidence) -> list[str]:
    """What the attacks' own checks say, net by net and rank by rank."""
    config = evidence.config
    if not isinstance(config, LowRankConfig):
        return attack_warnings(evidence)
    found = []
    for name in (attacked_net(net, rank) for net in config.nets for rank in config.all_ranks(net)):
        rows = evidence[FINDINGS]
        found += [f"{name}: {text}" for text in rows_in_words(rows[rows.net == name])]
    return found


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
    kind="experiment",
    experiment="low-rank",
    also=("convnet",),
    note=_note,
    figures=(CURVES,),
)
