"""What attacks found, in words: who broke the points, and why a number may not be the worst case."""

from __future__ import annotations

import pandas as pd

from purifyjax.attacks import Finding, in_words
from theory_checks.evidence import Evidence
from theory_checks.measuring.attacked import FINDINGS, WINS


def rows_in_words(rows: pd.DataFrame) -> list[str]:
    """What rows of `FINDINGS` about one run say, over all seeds."""
    return in_words(Finding(**{name: row[name] for name in Finding._fields}) for _, row in rows.iterrows())


def attack_warnings(evidence: Evidence, net: str = "") -> list[str]:
    """What the attacks' own checks say about nets whose name starts so, over all seeds."""
    warnings, rows = [], evidence[FINDINGS]
    for (own, run), found in rows.groupby(["net", "run"], sort=False):
        if not str(own).startswith(net):
            continue
        where = f"{own} net, {run}" if run else f"{own} net"
        warnings += [f"{where}: {text}" for text in rows_in_words(found)]
        wins = evidence[WINS]
        broke = int(wins[(wins.net == own) & (wins.attack == "square")].broke.sum()) if run == "square" else 0
        if broke:
            warnings.append(f"{own} net: the square attack broke {broke} points that gradients did not")
    return warnings


def winners(evidence: Evidence, net: str) -> str:
    """Which attacks broke the net, the one that broke most points first, and what the attacks' own checks say."""
    wins = evidence[WINS]
    broke = wins[wins.net == net].groupby("attack").broke.sum().sort_values(ascending=False)
    told = ", ".join(f"{name} {count}" for name, count in broke[broke > 0].items())
    warnings = attack_warnings(evidence, net)
    return " ".join([f"Points broken, by the attack that came first: {told or 'none'}.", *warnings])
