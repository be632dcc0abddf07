"""The worst case per point over several attacks, batched over seeds, each attack on points still standing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Shaped

from purifyjax.attacks.attack import Attack
from purifyjax.attacks.diagnostics import Finding, in_words, masked_findings, start_findings
from purifyjax.balls import ORDER, Ball
from purifyjax.errors import require
from purifyjax.margins import MarginOf, Params
from purifyjax.seeds import over_seeds

# Float32 rounding of a projected or normalised step, relative to the radius.
RADIUS_TOLERANCE = 1e-5


class WorstCase(NamedTuple):
    """Worst case over the attacks (host arrays).

    Attributes:
      standing: whether each point withstood every attack.
      margin: the lowest margin found.
      broken_by: index of the first attack that broke the point, −1 if none.
      findings: what the checks found, a seed each; see `diagnostics`. Nothing is looked for without attacks.
    """

    standing: Bool[np.ndarray, "seed n"]
    margin: Float[np.ndarray, "seed n"]
    broken_by: np.ndarray
    findings: tuple[Finding, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the numbers may not be the worst case, in words."""
        return tuple(in_words(self.findings))


def worst_case(
    key: PRNGKeyArray | Shaped[PRNGKeyArray, " seed"],
    margin_of: MarginOf,
    params: Params,
    x: Float[Array, "seed n dim"],
    y: Float[Array, "seed n"],
    ball: Ball,
    attacks: Sequence[Attack],
    *,
    chunk: int = 512,
    standing: Bool[np.ndarray, "seed n"] | None = None,
    progress: Callable[[int], None] | None = None,
) -> WorstCase:
    """Each attack in turn on the points that the earlier ones left standing (AutoAttack's protocol).

    Points move in chunks of one fixed shape, so that every attack compiles once. A perturbation
    outside the ball does not count; sizes are taken in float64.

    Args:
      key: one, or one a seed: a seed's numbers then do not depend on which others run beside it.
      margin_of: params of one seed -> margin function.
      params: pytree with a leading seed axis.
      attacks: weakest first; their names differ.
      chunk: points a seed in one call; bounds the memory.
      standing: points not yet broken (at a smaller radius, say); None attacks all that are right.
      progress: called with the number of (seed, point) pairs done after every chunk.

    Raises:
      ConfigError: two attacks of one name.
    """
    for name, count in Counter(attack.name for attack in attacks).items():
        require(count == 1, "name of an attack", name, "one that no other attack of the suite has")
    seeds, n = y.shape
    keys = key if key.ndim else jax.random.split(key, seeds)
    width = min(chunk, n)
    lowest = np.array(over_seeds(_clean, (params, x, y), margin_of))
    still = lowest > 0 if standing is None else np.array(standing)
    broken_by = np.full((seeds, n), -1)
    first = np.s_[:, :width]  # as many points as an attack sees at once
    findings = start_findings(margin_of, params, x[first], y[first], lowest[first], still[first]) if attacks else []
    outside: list[Finding] = []
    for index, attack in enumerate(attacks):
        excess = [(0, 0.0)] * seeds
        attack_keys = _folded(keys, index)
        order = [np.flatnonzero(row) for row in still]
        longest = max((len(row) for row in order), default=0)
        for start in range(0, longest, width):
            rows = [row[start : start + width] for row in order]
            # Seeds with fewer points left repeat point 0; the repeats are thrown away.
            chosen = np.stack([np.pad(row, (0, width - len(row))) for row in rows])
            seed_axis = np.arange(seeds)[:, None]
            own = (_folded(attack_keys, start), params, x[seed_axis, chosen], y[seed_axis, chosen])
            margins, deltas = map(np.asarray, over_seeds(_struck, own, ball, attack, margin_of))
            sizes = _size(deltas, ball)
            inside = sizes <= float(ball.radius) * (1 + RADIUS_TOLERANCE)
            for s, row in enumerate(rows):
                legal = inside[s, : len(row)]
                excess[s] = _worse(excess[s], sizes[s, : len(row)][~legal], float(ball.radius))
                found = np.where(legal, margins[s, : len(row)], np.inf)
                lowest[s, row] = np.minimum(lowest[s, row], found)
                broken = row[~(found > 0)]  # NaN is broken too, as it is at the start
                still[s, broken] = False
                broken_by[s, broken] = index
            if progress is not None:
                progress(sum(len(row) for row in rows))
        outside += [
            Finding(s, "outside", attack.name, count, n, worst, index)
            for s, (count, worst) in enumerate(excess)
            if count
        ]
    findings += masked_findings(attacks, broken_by) + outside
    return WorstCase(still, lowest, broken_by, tuple(findings))


def _size(delta: Float[np.ndarray, "seed n dim"], ball: Ball) -> Float[np.ndarray, "seed n"]:
    """‖δ‖ in float64 on the host: squares of a small radius underflow in float32."""
    parts = np.asarray(delta, np.float64).reshape(*delta.shape[:-1], ball.parts, -1)
    return np.linalg.norm(parts, ord=ORDER[ball.norm], axis=-1).max(axis=-1)


def _worse(excess: tuple[int, float], sizes: Float[np.ndarray, " illegal"], radius: float) -> tuple[int, float]:
    """Number of perturbations outside the ball and the worst ‖δ‖/τ − 1 (inf for NaN), with more of them."""
    if not len(sizes):
        return excess
    with np.errstate(divide="ignore"):
        worst = float(np.max(np.nan_to_num(sizes / np.float64(radius) - 1.0, nan=np.inf)))
    return excess[0] + len(sizes), max(excess[1], worst)


@partial(jax.jit, static_argnames="margin_of")
def _clean(params, x, y, margin_of: MarginOf):
    """The margin at unperturbed points, over a leading seed axis."""
    return jax.lax.map(lambda a: margin_of(a[0])(a[1], a[2]), (params, x, y))


@partial(jax.jit, static_argnames=("attack", "margin_of"))
def _struck(keys, params, x, y, ball: Ball, attack: Attack, margin_of: MarginOf):
    """Margins and perturbations of an attack, over a leading seed axis."""

    def one(args):
        key, p, xs, ys = args
        attacked = attack(key, margin_of(p), xs, ys, ball)
        # The margin is evaluated afresh: the attack's own book-keeping is not trusted.
        return margin_of(p)(xs + attacked.perturbation, ys), attacked.perturbation

    return jax.lax.map(one, (keys, params, x, y))


@jax.jit
def _folded(keys: Shaped[PRNGKeyArray, " seed"], number: int) -> Shaped[PRNGKeyArray, " seed"]:
    """Every seed's key for a place in the suite or among the points."""
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)
