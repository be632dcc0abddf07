"""Points in blocks, no more of them than a verdict needs: after each block an interval that stopping does not harm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Int, PRNGKeyArray

from purifyjax.attacks import Finding, WorstCase
from purifyjax.balls import Ball
from purifyjax.margins import MarginOf
from purifyjax.stats.sequential import RepeatedIntervals
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.points import Points

# Of the widest interval that a verdict is concluded from: that of a claim of ten parts, see `theory_checks.verdict`.
CONFIDENCE = 0.995

# (number of the block, its points, seeds that still need it) -> which of the block's points stand [seed, point]
OfBlock = Callable[[int, slice, np.ndarray], np.ndarray]


def until_decided(
    of_block: OfBlock, seeds: int, looks: RepeatedIntervals, bounds: Sequence[float]
) -> tuple[Bool[np.ndarray, "seed n"], Int[np.ndarray, " seed"]]:
    """Which points stand, and how many of its first points were looked at for each seed.

    A seed has enough points when the interval of its share lies on one side of every bound: which seeds run beside it
    does not matter. Without bounds all points are looked at, since nothing says when they are enough.

    Args:
      bounds: that claims set on the share.
    """
    standing, n = np.zeros((seeds, looks.looks[-1]), bool), np.zeros(seeds, int)
    asking, start = np.ones(seeds, bool), 0
    for block, look in enumerate(looks.looks):
        points = slice(start, look)
        standing[asking, points] = of_block(block, points, asking)[asking]
        n[asking] = look
        if bounds:
            asking &= ~looks.decided(standing[:, :look].sum(axis=1), np.full(seeds, look), bounds, CONFIDENCE)
        if not asking.any():
            break
        start = look
    return standing, n


def worst_case_of_block(
    keys: PRNGKeyArray, margin_of: MarginOf, params: Any, *given: Any, block: int = 0, **options: Any
) -> WorstCase:
    """The worst case with keys of the block's own."""
    own = jax.vmap(lambda key: jax.random.fold_in(key, block))(keys) if block else keys
    return worst_case(own, margin_of, params, *given, **options)


class InBlocks:
    """Attacks one after another on what stands of a block: a step of `until_decided`, and what it leaves behind.

    Attributes:
      blind: which points stand before the structural attacks [seed, n].
      broke: points that each attack broke, a row an attack.
      findings: names of attacks, and what their runs found.
    """

    def __init__(self, run, points: Points, ball: Ball, attacks, standing: np.ndarray, structural, chunk: int) -> None:
        self._run, self._points, self._ball, self._chunk = run, points, ball, chunk
        self._attacks, self._structural, self._standing = attacks, structural, standing
        self.blind = np.zeros_like(standing)
        self.broke = np.zeros((len(attacks), len(standing)), int)
        self.findings: list[tuple[str, tuple[Finding, ...]]] = []

    def __call__(self, block: int, points: slice, asking: np.ndarray) -> np.ndarray:
        x, y = (part[:, points] for part in self._points)
        left = standing = self._standing[:, points] & asking[:, None]
        for place, attack in enumerate(self._attacks):
            if attack in self._structural[:1]:
                left = standing
            found = self._run(x, y, self._ball, (attack,), standing=standing, chunk=self._chunk, block=block)
            self.broke[place] += (standing & ~found.standing).sum(axis=1)
            standing = standing & found.standing
            self.findings.append((attack.name, found.findings))
        self.blind[asking, points] = (left if self._structural else standing)[asking]
        return standing
