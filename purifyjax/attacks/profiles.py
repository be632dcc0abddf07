"""The margin's exact profile along every coordinate, minimised under the budget: an attack that sees a net's kinks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from purifyjax.attacks.attack import Attack, Attacked, better, nowhere
from purifyjax.attacks.gradient import descend
from purifyjax.attacks.inputs import checked
from purifyjax.balls import Norm
from purifyjax.errors import require, require_count, require_real
from purifyjax.frozen import FrozenArray, frozen
from purifyjax.models.margin import symmetric_net
from purifyjax.norms import norm as norm_of

_FULL = jax.lax.Precision.HIGHEST
_DEPTH = 12  # λ is looked for in [1/2^12, 1] of its upper bound, by as many bisections of its logarithm


class Profile(NamedTuple):
    """A piecewise linear function on [−1, 1], by its pieces from left to right.

    Pieces come first: what runs over the few of them is then vectorised over the many functions.

    Attributes:
      place: ends of the pieces, ascending from −1 to 1.
      slope: of every piece.
      value: at the left end of every piece, less that at −1.
    """

    place: Float[Array, "piece+1 *n"]
    slope: Float[Array, "piece *n"]
    value: Float[Array, "piece *n"]


def profile(
    weight: Float[Array, "neuron *n"],
    preactivation: Float[Array, "neuron *n"],
    threshold: Float[Array, "neuron *n"],
    slope: Float[Array, "*n"],
) -> Profile:
    """g(t) = slope·t + Σ_i [ReLU(p_i + v_i t − b_i) − ReLU(−p_i − v_i t − b_i)] for |t| ≤ 1, exactly.

    The slope is Σ_i v_i far to the left; it rises by |v_i| where p_i + v_i t = b_i and falls by as much at −b_i.

    Args:
      weight, preactivation, threshold: v, p and b.
      slope: of all other neurons together.
    """
    size = jnp.abs(weight)
    run = jnp.where(size > 0, weight, 1.0)
    kinks = jnp.concatenate([(threshold - preactivation) / run, (-threshold - preactivation) / run])
    kinks, turns = _sorted(jnp.clip(kinks, -1.0, 1.0), jnp.concatenate([size, -size]))
    edge = jnp.ones_like(slope)[None]
    place = jnp.concatenate([-edge, kinks, edge])
    first = (slope + jnp.sum(weight, axis=0))[None]
    slopes = jnp.concatenate([first, first + _running(turns)])
    rise = _running(slopes * jnp.diff(place, axis=0))
    return Profile(place, slopes, jnp.concatenate([jnp.zeros_like(first), rise[:-1]]))


def _sorted(keys: Float[Array, "even *n"], values: Float[Array, "even *n"]) -> tuple[Array, Array]:
    """Both along the first axis by the keys, by exchanging neighbours: XLA's sort is slow for many short rows."""

    def exchanged(keys, values):
        swap = keys[1::2] < keys[::2]
        pairs = ((jnp.where(swap, a[1::2], a[::2]), jnp.where(swap, a[::2], a[1::2])) for a in (keys, values))
        return [jnp.stack(pair, axis=1).reshape(keys.shape) for pair in pairs]

    def twice(_, pair):
        keys, values = pair = exchanged(*pair)
        inner = exchanged(keys[1:-1], values[1:-1])
        return tuple(jnp.concatenate([a[:1], b, a[-1:]]) for a, b in zip(pair, inner, strict=True))

    return jax.lax.fori_loop(0, len(keys) // 2, twice, (keys, values))


def _running(values: Float[Array, "piece *n"]) -> Float[Array, "piece *n"]:
    """Sums up to every piece, as a product: faster than a scan of so few."""
    until = jnp.tril(jnp.ones((len(values), len(values)), values.dtype))
    return jnp.tensordot(until, values, axes=1, precision=_FULL)


def minimiser(g: Profile, penalty: Float[Array, "*n"] | Float[Array, ""] | float) -> Float[Array, "*n"]:
    """argmin over [−1, 1] of g(t) + λ t²: on each piece −slope/2λ, or the end that is nearer to it.

    Args:
      penalty: λ > 0, of all functions or one each.
    """
    left, right = g.place[:-1], g.place[1:]
    penalty = jnp.broadcast_to(penalty, (1, *g.slope.shape[1:]))
    t = jnp.clip(-g.slope / (2.0 * penalty), left, right)
    value = g.value + g.slope * (t - left) + penalty * jnp.square(t)
    return jnp.max(jnp.where(value == jnp.min(value, axis=0, keepdims=True), t, -1.0), axis=0)


def within_unit_ball(
    g: Profile, free: Bool[Array, " coordinate"], held: Float[Array, " coordinate"]
) -> Float[Array, " coordinate"]:
    """c that minimises Σ_j g_j(c_j) + λ ‖c‖², λ by bisection the least with ‖c‖ ≤ 1.

    Where ‖c‖ jumps over 1, the coordinates that jump are worth the same: they do one after the other until the budget
    is spent, and what the last one takes too much is scaled away.

    Args:
      free: which coordinates move.
      held: where the others are, ‖held‖ ≤ 1.
    """

    def at(penalty):
        return jnp.where(free, minimiser(g, penalty), held)

    # |t| ≤ max |slope|/λ at the minimum of a coordinate: ‖c‖ ≤ 1 for this λ.
    steepest = norm_of(jnp.max(jnp.abs(g.slope), axis=0), 2)
    most = jnp.where(steepest > 0, steepest, 1.0)

    def halve(depths, _):
        inside, outside = depths
        middle = 0.5 * (inside + outside)
        fits = jnp.linalg.norm(at(most * jnp.exp2(-middle))) <= 1.0
        return (jnp.where(fits, middle, inside), jnp.where(fits, outside, middle)), None

    (inside, outside), _ = jax.lax.scan(halve, (jnp.zeros_like(most), jnp.full_like(most, _DEPTH)), length=_DEPTH)
    small, large = at(most * jnp.exp2(-inside)), at(most * jnp.exp2(-outside))
    more = jnp.square(large) - jnp.square(small)
    spent_before = jnp.sum(jnp.square(small)) + jnp.cumsum(more) - more
    code = jnp.where(spent_before < 1.0, large, small)
    return code / jnp.maximum(jnp.linalg.norm(code), 1.0)


@dataclass(frozen=True)
class CoordinateProfiles(Attack):
    """Steps that minimise the margin's profile along every feature, the budget split between them, then a descent.

    Of a net f(x) = Σ_i ReLU(⟨w_i, x⟩ − b_i) − ReLU(−⟨w_i, x⟩ − b_i) all kinks along a direction are known. With
    δ = M c, minimise Σ_j g_j(c_j) over the ball, where g_j is the profile of y f along M e_j: exact over the neurons of
    largest |⟨w_i, M e_j⟩|, linear for the rest. A multiplier λ of ‖δ‖² makes that one problem a coordinate, solved
    exactly although g_j is not convex: a neuron behind its threshold, whose gradient is zero, is woken if that pays.
    What the profiles leave out is that coordinates share neurons. So `descend` polishes, and further rounds take
    the profiles around the best δ so far and move a random part of the coordinates.

    In ℓ2, and in ℓ∞ without a dictionary, where every coordinate has a budget of its own.

    Attributes:
      dictionary: M, unitary, its columns the features; None for the identity.
      neurons: in every profile, or all if there are fewer.
      rounds: of profiles and descent.
      steps: of every descent.
      share: how many coordinates move in a round after the first.
      batch: points whose profiles are held at once: some 0.5 MB each at d = 1024.
    """

    dictionary: FrozenArray | Float[Array | np.ndarray, "dim dim"] | None = None
    neurons: int = 8
    rounds: int = 3
    steps: int = 4
    share: float = 0.9
    batch: int = 32
    name: str = field(default="profiles", kw_only=True, compare=False)

    def __post_init__(self) -> None:
        if self.dictionary is not None:
            object.__setattr__(self, "dictionary", frozen(self.dictionary))
        super().__post_init__()

    def validate(self) -> None:
        for setting in ("neurons", "rounds", "steps", "batch"):
            require_count(f"{setting} of CoordinateProfiles", getattr(self, setting))
        allowed = "0 < share ≤ 1"
        require_real("share of CoordinateProfiles", self.share, allowed, lambda share: (share > 0) & (share <= 1))
        if self.dictionary is not None:
            matrix = frozen(self.dictionary).array
            require(_unitary(matrix), "dictionary of CoordinateProfiles", matrix.shape, "a unitary matrix")

    def __call__(self, key, margin, x, y, ball):
        fits = ball.parts == 1 and (ball.norm == "l2" or (ball.norm == "linf" and self.dictionary is None))
        require(
            fits, "ball of CoordinateProfiles", f"{ball.norm}, parts={ball.parts}", "l2, or linf without a dictionary"
        )
        net = symmetric_net(margin, "CoordinateProfiles")
        checked(margin, x, y, gradients=False)
        weight, threshold = (leaf.astype(x.dtype) for leaf in net)
        basis = None if self.dictionary is None else jnp.asarray(frozen(self.dictionary).array, x.dtype)
        radius, y = jnp.asarray(ball.radius, x.dtype), jnp.asarray(y, x.dtype)
        # Codes are in units of τ, in the frame y x where the margin is f, which is odd.
        along = radius * (weight if basis is None else jnp.matmul(weight, basis, precision=_FULL))
        loudest = jax.lax.top_k(jnp.abs(along.T), min(self.neurons, len(threshold)))[1]
        heard = _Heard(*(part.T for part in (jnp.take_along_axis(along.T, loudest, 1), threshold[loudest], loudest)))
        at_rest = jnp.matmul(y[:, None] * x, weight.T, precision=_FULL)

        def to_code(delta):
            rows = y[:, None] * delta / jnp.where(radius > 0, radius, 1.0)
            return rows if basis is None else jnp.matmul(rows, basis, precision=_FULL)

        def to_input(code):
            rows = radius * y[:, None] * code
            return ball.project(rows if basis is None else jnp.matmul(rows, basis.T, precision=_FULL))

        def advance(best, xs):
            key, share = xs
            code, free = to_code(best.perturbation), jax.random.bernoulli(key, share, x.shape)
            p = at_rest + jnp.matmul(code, along.T, precision=_FULL)
            slope = jnp.matmul(_gain(p, threshold), along, precision=_FULL)
            solve = partial(_solved, heard, ball.norm)
            code = jax.lax.map(lambda point: solve(*point), (p, slope, code, free), batch_size=self.batch)
            start = blank._replace(perturbation=to_input(code))
            return better(best, descend(margin, x, y, ball, start, self.steps)), None

        blank = nowhere(margin, x, y)
        unmoved = Attacked(blank.perturbation, margin(x, y))
        shares = np.full(self.rounds, self.share, np.float32)
        shares[0] = 1.0
        return jax.lax.scan(advance, unmoved, (jax.random.split(key, self.rounds), shares))[0]


class _Heard(NamedTuple):
    """What the neurons that hear a coordinate best make of a whole budget spent on it: a column a coordinate."""

    weight: Float[Array, "neuron coordinate"]
    threshold: Float[Array, "neuron coordinate"]
    neuron: Int[Array, "neuron coordinate"]


def _solved(
    heard: _Heard,
    norm: Norm,
    preactivation: Float[Array, " neuron"],
    slope: Float[Array, " coordinate"],
    code: Float[Array, " coordinate"],
    free: Bool[Array, " coordinate"],
) -> Float[Array, " coordinate"]:
    """The best code of one point by the profiles around its present one, in units of τ."""
    p = preactivation[heard.neuron]
    others = slope - jnp.sum(heard.weight * _gain(p, heard.threshold), axis=0)
    g = profile(heard.weight, p - heard.weight * code[None], heard.threshold, others)
    if norm == "linf":
        # Next to no price: the best end of a piece.
        price = 1e-9 * jnp.max(jnp.abs(g.slope), axis=0)
        return jnp.where(free, minimiser(g, jnp.where(price > 0, price, 1.0)), code)
    return within_unit_ball(g, free, code)


def _gain(preactivation: Float[Array, "*n neuron"], threshold: Float[Array, "*n neuron"]) -> Float[Array, "*n neuron"]:
    """h′(p) of h(p) = ReLU(p − b) − ReLU(−p − b)."""
    threshold = jnp.broadcast_to(threshold, preactivation.shape)
    return (preactivation > threshold).astype(preactivation.dtype) + (-preactivation > threshold)


def _unitary(matrix: np.ndarray) -> bool:
    """Whether M Mᵀ v = v for a few v: cheap, and wrong for hardly any other matrix."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        return False
    probes = np.random.default_rng(0).normal(size=(len(matrix), 3))
    return np.allclose(matrix @ (matrix.T @ probes), probes, atol=1e-3)
