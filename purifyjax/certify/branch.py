"""Certificates for many points: the cheap bound first, the dear ones for what is left.

Every point's ball is cut into cells along the net's axis. A cell is closed once its bound is positive, and a point is
certified when all its cells are. Cells that stay open are bounded again with their own curvature, then cut in two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from purifyjax.balls import Ball, require_ball
from purifyjax.certify.dense import dense_bound
from purifyjax.certify.linear import crown
from purifyjax.certify.network import Network, margin, power_of_two_above, require_prepared, scaled
from purifyjax.certify.quadratic import At, Cells, initial, lower_bound, search
from purifyjax.errors import require, require_count, require_real
from purifyjax.margins import require_points, require_signs, require_standing
from purifyjax.settings import real_array

_ROUNDS = (8, 16)  # search steps before the first and before the second look at a cell
_BYTES = 1 << 28  # of temporaries a chunk
_DENSE_WIDTH = 8  # cells a chunk when each has its own d × d matrix

_initial, _search = jax.jit(initial), jax.jit(search, static_argnames="steps")
_crown, _margin = jax.jit(crown), jax.jit(margin)
_lower_bound, _dense_bound = jax.jit(lower_bound), jax.jit(dense_bound)


class Certificate(NamedTuple):
    """Of every point.

    Attributes:
      lower: a lower bound of the least margin y f(x + δ) over the ball; −∞ for points left out, or without a bound.
      certified: whether it is positive: no perturbation in the ball changes the prediction from y.
    """

    lower: Float[np.ndarray, " n"]
    certified: Bool[np.ndarray, " n"]


class _Open(NamedTuple):
    """Cells: index of the point, slab, where the search stands, and the best bound so far."""

    point: np.ndarray
    center: np.ndarray
    half: np.ndarray
    delta: np.ndarray
    multiplier: np.ndarray
    bound: np.ndarray

    def take(self, rows: np.ndarray) -> _Open:
        return _Open(*(field[rows] for field in self))


def certify(
    net: Network,
    x: Float[np.ndarray, "n dim"],
    y: Float[np.ndarray, " n"],
    ball: Ball,
    *,
    cells: int = 8,
    splits: int = 1,
    lowering: Sequence[float] = (0.8,),
    standing: Bool[np.ndarray, " n"] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Certificate:
    """Certify the points of one net; every bound that counts is evaluated in float64, and none has a scale.

    Args:
      net: from `prepare`, with the ball's norm.
      cells: equal cells a ball at first.
      splits: how often cells that stay open are halved.
      lowering: floors to try with the own curvature of the cells that are open at the end, relative to the net's;
        () leaves that out.
      standing: points to look at, those that no attack has broken, say; the others get −∞.
      progress: called with the number of points newly decided; they add up to all that are looked at.

    Raises:
      ConfigError: a net of another norm, a radius that is not positive, counts out of range, points that are not
        finite rows of the net's dimension, or labels that are not ±1.
    """
    require_ball(ball)
    require_prepared(net, ball)
    require(float(ball.radius) > 0, "radius τ", ball.radius, "τ > 0")
    require_count("cells", cells)
    require_count("splits", splits, 0)
    lowering = tuple(real_array("lowering", lowering).ravel())
    for factor in lowering:
        require_real("lowering", factor, "in (0, 1]", lambda value: (value > 0) & (value <= 1))
    require_points(x, y)
    require_signs(y)
    dimension = net.weight.shape[1]
    require(x.shape[1] == dimension, "length of a point", x.shape[1], f"{dimension}, as of the net's weights")
    require(ball.parts == 1, "parts of the ball", ball.parts, "1: the net takes whole inputs")
    require_real("x", x, "finite numbers")
    require_standing(standing, y)
    rows = np.arange(len(x)) if standing is None else np.flatnonzero(standing)
    lower = np.full(len(x), -np.inf)
    if len(rows):
        problem = _Problem.of(net, np.asarray(x, np.float64) * np.asarray(y, np.float64)[:, None], ball)
        broken = np.zeros(len(x), bool)
        for part in np.array_split(rows, -(-len(rows) // problem.width)):
            todo = _whole(problem, part, cells)
            lower[part] = np.inf
            for level in range(splits + 1):
                todo = _tighten(problem, todo, lowering if level == splits else (), broken)
                closed = (todo.bound > 0) | broken[todo.point] | (level == splits)
                np.minimum.at(lower, todo.point[closed], todo.bound[closed])
                todo = _halved(todo.take(np.flatnonzero(~closed)))
            # The linear relaxation is the better one where the net is nearly linear.
            lower[part] = np.fmax(lower[part], problem.crowned(part)) * problem.unit
            if progress is not None:
                progress(len(part))
    lower = np.where(np.isnan(lower), -np.inf, lower)
    return Certificate(lower, lower > 0)


def _tighten(problem: _Problem, todo: _Open, lowering: Sequence[float], broken: np.ndarray) -> _Open:
    """Raise the bounds of open cells; notes in `broken` the points on which a search met a negative margin.

    A search that leaves the range of floats gives NaN, which is no bound: `fmax` passes it over.
    """
    todo = _Open(*(np.array(field) for field in todo))

    for steps in _ROUNDS:
        rows = _still(todo, broken)
        if len(rows) == 0:
            return todo
        todo.delta[rows], todo.multiplier[rows], value = problem.searched(todo.take(rows), steps)
        todo.bound[rows] = np.fmax(todo.bound[rows], problem.bounded(todo.take(rows)))
        broken[todo.point[rows[value <= 0]]] = True
    for factor in lowering:
        rows = _still(todo, broken)
        if len(rows):
            todo.bound[rows] = np.fmax(todo.bound[rows], problem.densely(todo.take(rows), factor))
    return todo


def _still(todo: _Open, broken: np.ndarray) -> np.ndarray:
    return np.flatnonzero((todo.bound <= 0) & ~broken[todo.point])


def _whole(problem: _Problem, rows: np.ndarray, cells: int) -> _Open:
    """Every point's ball in equal cells, the search at its start."""
    reach = float(problem.ball.radius) * float(problem.double.axis_reach)
    half = reach / cells
    center = -reach + half * (2 * np.arange(cells) + 1)
    (delta, multiplier) = problem.started(rows)
    each = np.repeat(np.arange(len(rows)), cells)
    size = len(each)
    return _Open(
        rows[each],
        np.tile(center, len(rows)),
        np.full(size, half),
        delta[each],
        multiplier[each],
        np.full(size, -np.inf),
    )


def _halved(cells: _Open) -> _Open:
    """Both halves of every cell, each starting where the search of the whole one ended, with its bound."""
    half = np.repeat(cells.half, 2) / 2
    center = np.repeat(cells.center, 2) + half * np.tile([-1.0, 1.0], len(cells.center))
    return cells.take(np.repeat(np.arange(len(cells.point)), 2))._replace(center=center, half=half)


class _Problem(NamedTuple):
    """One net in both precisions, its points in the frame of their labels, and the ball.

    All in units of its own, powers of two near the radius and near the largest weight, so that nothing leaves the range
    of float32; margins are in units of their product, `unit`.
    """

    single: Network
    double: Network
    points: np.ndarray
    ball: Ball
    width: int
    unit: float

    @classmethod
    def of(cls, net: Network, points: np.ndarray, ball: Ball) -> _Problem:
        neurons, dimension = net.weight.shape
        width = int(np.clip(_BYTES // (4 * (8 * neurons + 6 * dimension)), _DENSE_WIDTH, 1024))
        reach, size = power_of_two_above(float(ball.radius)), power_of_two_above(float(np.abs(net.weight).max()))
        net = scaled(net, 1.0 / size, 1.0 / size / reach)
        points, ball = points / reach, ball.replace(radius=float(ball.radius) / reach)
        single = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), net)
        with jax.enable_x64(True):
            double = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), net)
        return cls(single, double, points, ball, width, reach * size)

    def crowned(self, rows: np.ndarray) -> np.ndarray:
        """The linear relaxation, in float64."""
        with jax.enable_x64(True):
            return _chunked(lambda x: _crown(self.double, x, self.ball), self.width, self.points[rows])[0]

    def started(self, rows: np.ndarray) -> list[np.ndarray]:
        return _chunked(partial(_initial, self.single, self.ball), self.width, self.points[rows])

    def searched(self, todo: _Open, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The search carried on in float32, and the margin at δ̂ brought into the ball."""

        def run(*cell):
            at = _search(self.single, self.ball, Cells(*cell[:3]), At(*cell[3:]), steps)[0]
            return *at, _margin(self.single, cell[0] + self.ball.project(at.delta))

        delta, multiplier, value = _chunked(run, self.width, *self.cells(todo))
        return delta, multiplier, value

    def bounded(self, todo: _Open) -> np.ndarray:
        """The bound in float64."""

        def run(*cell):
            return _lower_bound(self.double, self.ball, Cells(*cell[:3]), At(*cell[3:]))

        with jax.enable_x64(True):
            return _chunked(run, self.width, *self.cells(todo))[0]

    def densely(self, todo: _Open, factor: float) -> np.ndarray:
        """The bound with the cells' own curvature, in float64."""

        def run(*cell):
            return _dense_bound(self.double, self.ball, Cells(*cell[:3]), At(*cell[3:]), factor)[0]

        with jax.enable_x64(True):
            return _chunked(run, _DENSE_WIDTH, *self.cells(todo))[0]

    def cells(self, todo: _Open) -> tuple[np.ndarray, ...]:
        return self.points[todo.point], todo.center, todo.half, todo.delta.astype(float), todo.multiplier.astype(float)


def _chunked(run: Callable, width: int, *arrays: np.ndarray) -> list[np.ndarray]:
    """`run` on chunks of exactly `width` rows, so that it compiles once; a short chunk repeats its first row."""
    outputs = []
    for start in range(0, len(arrays[0]), width):
        part = [array[start : start + width] for array in arrays]
        short = width - len(part[0])
        part = [np.concatenate([array, np.repeat(array[:1], short, axis=0)]) for array in part]
        outputs.append([np.asarray(leaf)[: width - short] for leaf in jax.tree.leaves(run(*part))])
    return [np.concatenate(leaves) for leaves in zip(*outputs, strict=True)]
