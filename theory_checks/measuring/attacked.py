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

from purifyjax.attacks import Attack, Attacked, Finding
from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from purifyjax.margins import MarginOf
from purifyjax.seeds import each, over_seeds
from purifyjax.stats.sequential import RepeatedIntervals
from theory_checks.evidence import Table
from theory_checks.experiment import Seeds
from theory_checks.measuring.looks import InBlocks, until_decided, worst_case_of_block
from theory_checks.measuring.points import Points, attack_keys
from theory_checks.spans import span

# Rows of `ROBUSTNESS` under all attacks, and under all but those that know the net's structure.
WORST, WORST_BLIND = "worst", "worst-gradient"
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
        "spent": "share of an interval's error that may be spent at so many points, where they came in blocks",
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
      points: fresh points a seed for the claims' accuracies, at most.
      first: points after which it is first looked at whether the worst case has enough of them.
      bounds: of the claims on accuracies under the worst case; without any all points are attacked.
      curve_points: fresh points a seed for accuracy against the radius, attacked and certified.
      curve: radii, increasing, in units of τ.
      steps, restarts: of APGD, the strongest attack.
      curve_restarts: of APGD along the curve: from x and from afar.
      chunk: points a seed in one call; keys of attacks hang on it, and programs: one size serves all papers.
    """

    points: int = 4096
    first: int = 256
    bounds: tuple[float, ...] = (0.01, 0.99)
    curve_points: int = 512
    curve: tuple[float, ...] = (0.25, 0.5, 0.75, 0.875, 1.0, 1.125, 1.25, 1.5, 2.0)
    steps: int = 15
    restarts: int = 3
    curve_restarts: int = 2
    chunk: int = 256

    @property
    def looks(self) -> RepeatedIntervals:
        """When the points may be enough."""
        return RepeatedIntervals.doubling(self.points, self.first)


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
    looks: RepeatedIntervals | None = None,
    bounds: Sequence[float] = (),
) -> dict[Table, pd.DataFrame]:
    """Attack every net with the suite at the ball's radius, and with the brief suite along the curve.

    Attacks that are told by themselves see all points. The others, which are dear, see them block by block, until the
    share that withstands all of them is known to be on one side of every bound.

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
      looks: when the points may be enough, at the end only if None.
      bounds: of the claims on the accuracy under the worst case.
    """
    rows: list[pd.DataFrame] = []
    wins: list[pd.DataFrame] = []
    findings: list[pd.DataFrame] = []
    worst = (WORST, WORST_BLIND) if structural else (WORST,)
    looks = RepeatedIntervals((points[0].shape[1],)) if looks is None else looks
    for net, params in progress.over(nets.items()):
        head = {"experiment": experiment, "net": net}
        run = partial(worst_case_of_block, attack_keys(seeds), margin_of, params)
        at_rest = ball.replace(radius=0.0)
        right = standing = run(*points, at_rest, ()).standing
        rows.append(counts(seeds, right, **head, attack="none", radius=0.0))
        parts = ("by itself", "in blocks", *curve)
        blind = right
        for part in progress.over(parts):
            if part == "by itself":
                for attack in progress.over([attack for attack in suite if attack.name in alone]):
                    found = run(*points, ball, (attack,), standing=right, chunk=chunk)
                    rows.append(counts(seeds, found.standing, **head, attack=attack.name, radius=ball.radius))
                    broke = (standing & ~found.standing).sum(axis=1)
                    wins.append(_wins(seeds, broke, **head, attack=attack.name))
                    findings.append(finding_rows(seeds, found.findings, **head, run=attack.name))
                    standing = standing & found.standing
            elif part == "in blocks":
                rest = [*(attack for attack in suite if attack.name not in alone), *structural]
                blocks = InBlocks(run, points, ball, rest, standing, structural, chunk)
                standing, n = until_decided(blocks, len(seeds), looks, bounds)
                for name, stands in zip(worst, (standing, blocks.blind), strict=False):
                    rows.append(counts_in_blocks(seeds, stands, n, looks, **head, attack=name, radius=ball.radius))
                for attack, broke in zip(rest, blocks.broke, strict=True):
                    wins.append(_wins(seeds, broke, **head, attack=attack.name))
                findings += [finding_rows(seeds, found, **head, run=name) for name, found in blocks.findings]
                blind = standing = run(*curve_points, at_rest, ()).standing
                rows += [counts(seeds, standing, **head, attack=name, radius=0.0) for name in worst]
            else:
                # A point broken at a smaller radius stays broken: its perturbation lies in every larger ball.
                wider = ball.replace(radius=part * ball.radius)
                blind = run(*curve_points, wider, brief, standing=blind, chunk=chunk).standing
                standing = run(*curve_points, wider, structural, standing=standing & blind, chunk=chunk).standing
                for name, stands in zip(worst, (standing, blind), strict=False):
                    rows.append(counts(seeds, stands, **head, attack=name, radius=wider.radius))
    return {
        ROBUSTNESS: pd.concat(rows, ignore_index=True),
        WINS: pd.concat(wins, ignore_index=True),
        FINDINGS: pd.concat(findings, ignore_index=True),
    }


def _wins(seeds: Seeds, broke: np.ndarray, **head: Any) -> pd.DataFrame:
    """Rows of `WINS`, one a seed."""
    return pd.DataFrame({**head, "seed": seeds, "broke": broke})


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

    return each(one, (keys, params, x, y))


def counts(seeds: Seeds, standing: np.ndarray, **head: Any) -> pd.DataFrame:
    """Rows of `ROBUSTNESS` or alike, one a seed, from which points stand [seed, n]."""
    return pd.DataFrame({**head, "seed": seeds, "correct": standing.sum(axis=1), "points": standing.shape[1]})


def counts_in_blocks(
    seeds: Seeds, standing: np.ndarray, n: np.ndarray, looks: RepeatedIntervals, **head: Any
) -> pd.DataFrame:
    """The same where n points of each seed were looked at, as `looks` planned it."""
    return counts(seeds, standing, **head).assign(points=n, spent=looks.share_spent(n))


def finding_rows(seeds: Seeds, findings: Iterable[Finding], **head: Any) -> pd.DataFrame:
    """Rows of `FINDINGS`; `Finding.seed` is a place along the seed axis."""
    rows = [head | found._asdict() | {"seed": int(seeds[found.seed])} for found in findings]
    return pd.DataFrame(rows, columns=list(FINDINGS.columns))
