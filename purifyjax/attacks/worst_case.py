"""The worst case per point over several attacks, batched over seeds, each attack on points still standing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from purifyjax.attacks.attack import Attack
from purifyjax.attacks.diagnostics import Finding, in_words, masked_findings, start_findings
from purifyjax.balls import ORDER, Ball, require_ball
from purifyjax.errors import ConfigError, require, require_count
from purifyjax.margins import (
    MarginOf,
    Params,
    require_finite,
    require_labels,
    require_one_a_point,
    require_points,
    require_standing,
)
from purifyjax.modes import typed
from purifyjax.programs import program
from purifyjax.seeds import each, over_seeds, take

# Float32 rounding of a projected or normalised step, relative to the radius.
RADIUS_TOLERANCE = 1e-5


class WorstCase(NamedTuple):
    """Worst case over the attacks (host arrays).

    Attributes:
      standing: whether each point withstood every attack; false where that is not known.
      margin: the lowest margin found.
      broken_by: index of the first attack that broke the point, −1 if none.
      void: points that nothing broke, but at which an attack left the ball: whether they stand is not known.
      findings: what the checks found, a seed each; see `diagnostics`. Nothing is looked for without attacks.
    """

    standing: Bool[np.ndarray, "seed n"]
    margin: Float[np.ndarray, "seed n"]
    broken_by: np.ndarray
    void: Bool[np.ndarray, "seed n"]
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

    Points move in chunks of one fixed shape, so that every attack compiles once; attacks and margins that are equal, or
    functions of equal code, share a program, see `programs`. Points that one start of an attack breaks are left out of
    the next. A perturbation outside the ball does not count, and leaves
    open whether its point stands; sizes are taken in float64.

    Args:
      key: one, or one a seed: a seed's numbers then do not depend on which others run beside it.
      margin_of: params of one seed -> margin function.
      params: pytree with a leading seed axis.
      attacks: weakest first; their names differ.
      chunk: points a seed in one call; bounds the memory.
      standing: points not yet broken (at a smaller radius, say); None attacks all that are right.
      progress: called with the number of (seed, point) pairs done after every chunk.

    Raises:
      ConfigError: two attacks of one name, no seed, points that are not rows with a label each, labels that are not the
        margin's, a chunk that is no count, or attacks, a ball, points standing or a `margin_of` that are none.
    """
    require_count("chunk", chunk)
    require(callable(margin_of), "margin_of", margin_of, "params -> margin function")
    require_ball(ball)
    attacks = tuple(attacks) if isinstance(attacks, Iterable) else (attacks,)
    for attack in attacks:
        require(isinstance(attack, Attack), "attack", attack, "a record such as FGM()")
    _require_seeds(x, y)
    for leaf in jax.tree.leaves(params):
        require(np.shape(leaf)[:1] == y.shape[:1], "shape of parameters", np.shape(leaf), f"{len(y)} seeds first, as x")
    require_standing(standing, y)
    for name, count in Counter(attack.name for attack in attacks).items():
        require(count == 1, "name of an attack", name, "one that no other attack of the suite has")
    seeds, n = y.shape
    on_cpu = jax.default_backend() == "cpu"
    if on_cpu:  # no program has to be compiled for picking rows
        x, y = np.asarray(x), np.asarray(y)  # pyright: ignore[reportAssignmentType]
    key = typed(key)
    keys = key if key.ndim else jax.random.split(key, seeds)
    require(keys.shape == (seeds,), "shape of the keys", keys.shape, f"one key, or {seeds}, one a seed")
    width = max(1, min(chunk, n))
    clean = program(_clean, margin_of=margin_of)

    def margins(labels):
        parts = [_padded(width, x[:, i : i + width], labels[:, i : i + width]) for i in range(0, max(n, 1), width)]
        return np.concatenate([np.asarray(over_seeds(clean, (params, *part))) for part in parts], axis=1)[:, :n]

    lowest = margins(y)
    require_labels(y, lowest, margins)
    still = lowest > 0 if standing is None else np.array(standing)
    broken_by, void = np.full((seeds, n), -1), np.zeros((seeds, n), bool)
    first = np.s_[:, :width]  # as many points as an attack sees at once
    findings = (
        start_findings(margin_of, params, x[first], y[first], lowest[first], still[first]) if attacks and n else []
    )
    outside: list[Finding] = []
    for index, attack in enumerate(attacks):
        struck = program(_struck, attack=attack.of_a_start, margin_of=margin_of)
        excess = [(0, 0.0)] * seeds
        attack_keys = _folded(keys, index)
        for number, start, rows in _rounds(attack.starts, still, width):
            # Seeds with fewer points left repeat point 0; the repeats are thrown away. On a CPU, where each seed is a
            # call of its own, seeds without any are left out.
            asking = np.array([s for s, row in enumerate(rows) if len(row) or not on_cpu])
            chosen = np.stack([np.pad(rows[s], (0, width - len(rows[s]))) for s in asking])
            places = asking[:, None], chosen
            own = (*take(asking, (_folded(attack_keys, start), params)), x[places], y[places])
            found_margins, deltas = map(np.asarray, over_seeds(struck, own, ball, np.int32(number)))
            sizes = _size(deltas, ball)
            inside = sizes <= float(ball.radius) * (1 + RADIUS_TOLERANCE)
            for place, s in enumerate(asking):
                row = rows[s]
                legal = inside[place, : len(row)]
                excess[s] = _worse(excess[s], sizes[place, : len(row)][~legal], float(ball.radius))
                found = np.where(legal, found_margins[place, : len(row)], np.inf)
                lowest[s, row] = np.minimum(lowest[s, row], found)
                broken = row[~(found > 0)]  # NaN is broken too, as it is at the start
                still[s, broken] = False
                broken_by[s, broken] = index
                void[s, row[~legal]] = True
            if progress is not None:
                progress(sum(len(row) for row in rows))
        outside += [
            Finding(s, "outside", attack.name, count, n, worst, index)
            for s, (count, worst) in enumerate(excess)
            if count
        ]
    findings += masked_findings(attacks, broken_by) + outside
    void &= still
    return WorstCase(still & ~void, lowest, broken_by, void, tuple(findings))


def _rounds(
    starts: range, still: Bool[np.ndarray, "seed n"], width: int
) -> Iterator[tuple[int, int, list[Int[np.ndarray, " row"]]]]:
    """Every start's number with chunks of the rows that stand by then: where a chunk begins, and each seed's rows."""
    for number in starts:
        order = [np.flatnonzero(row) for row in still]
        for start in range(0, max(map(len, order), default=0), width):
            yield number, start, [row[start : start + width] for row in order]


def _padded(width: int, x: Any, y: Any) -> tuple[Any, Any]:
    """Points [seed, width, …], the first one repeated where there are fewer."""
    short = width - y.shape[1]
    if short <= 0 or y.shape[1] == 0:
        return x, y
    of = np if isinstance(x, np.ndarray) else jnp
    return of.concatenate([x, of.repeat(x[:, :1], short, 1)], 1), of.concatenate([y, of.repeat(y[:, :1], short, 1)], 1)


def _require_seeds(x: Any, y: Any) -> None:
    """Raise `ConfigError` unless x and y are points and labels behind an axis of seeds."""
    for name, values in (("x", x), ("y", y)):
        require(hasattr(values, "dtype"), name, values, "an array")
    if x.ndim != 3 or len(x) == 0:
        raise ConfigError(f"x of shape {x.shape} is not allowed: rows behind an axis of seeds, [seed, n, dim]")
    if y.ndim != 2 or len(y) != len(x):
        raise ConfigError(f"y of shape {y.shape} is not allowed: one label a point, {x.shape[:2]}")
    require_points(x[0], y[0])
    require_finite(x)


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


def _clean(params, x, y, margin_of: MarginOf):
    """The margin at unperturbed points, over a leading seed axis."""

    def one(args):
        p, xs, ys = args
        value = margin_of(p)(xs, ys)
        require_one_a_point(value, ys)
        return value

    return each(one, (params, x, y))


def _struck(keys, params, x, y, ball: Ball, number, attack: Attack, margin_of: MarginOf):
    """Margins and perturbations of one start of an attack, over a leading seed axis."""

    def one(args):
        key, p, xs, ys = args
        attacked = attack.from_start(key, margin_of(p), xs, ys, ball, number)
        # The margin is evaluated afresh: the attack's own book-keeping is not trusted.
        return margin_of(p)(xs + attacked.perturbation, ys), attacked.perturbation

    return each(one, (keys, params, x, y))


@jax.jit
def _folded(keys: Shaped[PRNGKeyArray, " seed"], number: int) -> Shaped[PRNGKeyArray, " seed"]:
    """Every seed's key for a place in the suite or among the points."""
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)
