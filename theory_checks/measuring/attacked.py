"""How many points nets get right: under every attack of a suite, and under the worst case at several radii."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
import pandas as pd
from jaxtyping import PRNGKeyArray

from purifyjax.attacks import Attack, Attacked, Finding, in_words
from purifyjax.balls import Ball
from purifyjax.margins import MarginOf
from purifyjax.seeds import over_seeds
from theory_checks.evidence import Evidence, Table
from theory_checks.experiment import Seeds
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.points import Points, attack_keys
from theory_checks.progress import Progress
from theory_checks.spans import span

# Rows of `ROBUSTNESS` under all attacks, and under all but those that know the net's structure.
WORST, WORST_BLIND = "worst", "worst-gradient"
_STRUCTURAL_CHUNK = 128  # few points are left by then, and a chunk costs the same however few of its points count
_HEAD = {"experiment": "name of the experiment", "seed": "number of the seed", "net": "which of its nets"}

ROBUSTNESS = Table(
    "robustness",
    "How many fresh points a net gets right under an attack.",
    _HEAD
    | {
        "attack": "none, the attack's name, worst: all attacks, or worst-gradient: all but those that know the "
        "net's kinks, where there are any",
        "radius": "of the perturbations, in the experiment's norm",
        "correct": "points classified rightly",
        "points": "points attacked",
    },
)
WINS = Table(
    "wins",
    "How many points each attack of the suite broke at τ that those before it had left standing.",
    _HEAD | {"attack": "the attack's name", "broke": "points"},
)
FINDINGS = Table(
    "findings",
    "What the attacks' own checks found: signs that robust accuracy may be lower than it was measured.",
    _HEAD
    | {
        "run": "the attack that was run; empty for a whole suite at once",
        "kind": "what was found, see purifyjax.attacks.Finding",
        "attack": "the attack that it is about",
        "count": "points where it was found",
        "of": "points that were looked at",
        "worst": "its largest size",
        "place": "the attack's place in its suite",
        "against": "the attacks that it is compared with",
    },
)
CERTIFICATES = Table(
    "certificates",
    "On how many points it is proven that no perturbation of the radius changes a right prediction.",
    _HEAD
    | {
        "method": "of the proof: lipschitz, interval, crown or quadratic",
        "norm": "of the perturbations",
        "radius": "of the perturbations",
        "certified": "points proven right",
        "standing": "points that withstand the attacks",
        "points": "points in all",
    },
)


@dataclass(frozen=True)
class Evaluation:
    """How hard nets are attacked.

    Attributes:
      points: fresh points a seed for the claims' accuracies.
      curve_points: fresh points a seed for accuracy against the radius, attacked and certified.
      curve: radii, increasing, in units of τ.
      steps, restarts: of APGD, the strongest attack.
      curve_restarts: of APGD along the curve: from x and from afar.
      chunk: points a seed in one call; keys of attacks hang on it.
    """

    points: int = 4096
    curve_points: int = 512
    curve: tuple[float, ...] = (0.25, 0.5, 0.75, 0.875, 1.0, 1.125, 1.25, 1.5, 2.0)
    steps: int = 15
    restarts: int = 3
    curve_restarts: int = 2
    chunk: int = 512


def attacked(
    experiment: str,
    seeds: Seeds,
    nets: Mapping[str, Any],
    margin_of: MarginOf,
    points: Points,
    curve_points: Points,
    ball: Ball,
    suite: Sequence[Attack],
    brief: Sequence[Attack],
    progress: Progress,
    *,
    structural: Sequence[Attack] = (),
    alone: Sequence[str],
    curve: Sequence[float],
    chunk: int,
) -> dict[Table, pd.DataFrame]:
    """Attack every net with the suite at the ball's radius, and with the brief suite along the curve.

    Args:
      nets: name -> parameters with a leading seed axis.
      points, curve_points: fresh points a seed.
      suite: weakest first; an attack sees the points that those before it left standing.
      brief: the attacks of the curve, whose radii are many.
      structural: attacks that know more of the net than values and gradients, after the suite and along the curve;
        the worst case is told with them and without.
      alone: attacks of the suite whose accuracy is also told by itself.
      curve: radii, increasing, in units of the ball's.
      chunk: points a seed in one call.
    """
    rows: list[pd.DataFrame] = []
    wins: list[pd.DataFrame] = []
    findings: list[pd.DataFrame] = []
    worst, few = (WORST, WORST_BLIND) if structural else (WORST,), min(chunk, _STRUCTURAL_CHUNK)
    for net, params in progress.over(nets.items()):
        head = {"experiment": experiment, "net": net}
        run = partial(worst_case, attack_keys(seeds), margin_of, params)
        at_rest = ball.replace(radius=0.0)
        right = run(*points, at_rest, ()).standing
        rows.append(counts(seeds, right, **head, attack="none", radius=0.0))
        blind = standing = right
        kinds = [*suite, *structural, *curve]
        for kind in progress.over(kinds):
            if isinstance(kind, Attack):
                if kind in structural[:1]:
                    rows.append(counts(seeds, standing, **head, attack=WORST_BLIND, radius=ball.radius))
                by_itself, at_once = kind.name in alone, few if kind in structural else chunk
                found = run(*points, ball, (kind,), standing=right if by_itself else standing, chunk=at_once)
                if by_itself:
                    rows.append(counts(seeds, found.standing, **head, attack=kind.name, radius=ball.radius))
                broke = (standing & ~found.standing).sum(axis=1)
                standing = standing & found.standing
                wins.append(pd.DataFrame({**head, "seed": seeds, "attack": kind.name, "broke": broke}))
                findings.append(finding_rows(seeds, found.findings, **head, run=kind.name))
                continue
            if kind == curve[0]:
                rows.append(counts(seeds, standing, **head, attack=WORST, radius=ball.radius))
                blind = standing = run(*curve_points, at_rest, ()).standing
                rows += [counts(seeds, standing, **head, attack=name, radius=0.0) for name in worst]
            # A point broken at a smaller radius stays broken: its perturbation lies in every larger ball.
            wider = ball.replace(radius=kind * ball.radius)
            blind = run(*curve_points, wider, brief, standing=blind, chunk=chunk).standing
            standing = run(*curve_points, wider, structural, standing=standing & blind, chunk=few).standing
            for name, stands in zip(worst, (standing, blind), strict=False):
                rows.append(counts(seeds, stands, **head, attack=name, radius=wider.radius))
    return {
        ROBUSTNESS: pd.concat(rows, ignore_index=True),
        WINS: pd.concat(wins, ignore_index=True),
        FINDINGS: pd.concat(findings, ignore_index=True),
    }


@span("attack")
def perturbed(
    attack: Attack, margin_of: MarginOf, keys: PRNGKeyArray, params: Any, points: Points, ball: Ball
) -> Attacked:
    """What one attack finds on every point of every seed, as numpy arrays [seed, n, …].

    Args:
      keys: one a seed.
      params: with a leading seed axis.
    """
    found = over_seeds(_perturbed, (keys, params, *points), ball, attack, margin_of)
    return jax.tree.map(np.asarray, found)


@partial(jax.jit, static_argnames=("attack", "margin_of"))
def _perturbed(keys, params, x, y, ball: Ball, attack: Attack, margin_of: MarginOf) -> Attacked:
    def one(args):
        key, p, xs, ys = args
        return attack(key, margin_of(p), xs, ys, ball)

    return jax.lax.map(one, (keys, params, x, y))


def counts(seeds: Seeds, standing: np.ndarray, **head: Any) -> pd.DataFrame:
    """Rows of `ROBUSTNESS` (or of images), one a seed, from which points stand [seed, n]."""
    return pd.DataFrame({**head, "seed": seeds, "correct": standing.sum(axis=1), "points": standing.shape[1]})


def finding_rows(seeds: Seeds, findings: Iterable[Finding], **head: Any) -> pd.DataFrame:
    """Rows of `FINDINGS`; `Finding.seed` is a place along the seed axis."""
    rows = [head | found._asdict() | {"seed": int(seeds[found.seed])} for found in findings]
    return pd.DataFrame(rows, columns=list(FINDINGS.columns))


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
