"""A search for the odd polynomial, one for all coordinates, of the highest robust accuracy.

Adversarial training finds the least adversarial loss, and at τ that of hardly any polynomial is below f = 0's; the
polynomials that are right on most points and wrong by much on the others are found by their accuracy alone. It is
estimated by duality (`purifyjax.certify.separable_estimate`), which is cheaper than an attack and leaves no doubt about
its strength, on points that nothing else is judged on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from purifyjax.certify import Histogram, histogram, separable_estimate
from purifyjax.data import SparseCoding
from purifyjax.margins import Margin
from purifyjax.models import CoordinatePolynomial, Params, margin
from purifyjax.seeds import each, over_seeds
from theory_checks.experiment import Seeds
from theory_checks.measuring.points import fresh_points

CUBE, CRITICS = "u³", "u³ − 0.04 u⁵"
NAMED: dict[str, tuple[float, ...]] = {CUBE: (0.0, 1.0), CRITICS: (0.0, 1.0, -0.04)}  # a₁, a₃, …

_REACH = 5.0  # |u| of a feature and its perturbation together, in units of 1/√k
_PARENTS = 8
_QUANTILES = 33  # of margins, tried as intercepts


class Scores(NamedTuple):
    """What polynomials reach on the tuning points.

    Attributes:
      odd: robust accuracy of Σ_j p(u_j).
      shifted: that of c + Σ_j p(u_j), with the best c found.
      intercept: that c.
    """

    odd: Float[Array, "seed member"]
    shifted: Float[Array, "seed member"]
    intercept: Float[Array, "seed member"]


class Searched(NamedTuple):
    """All that was tried of a degree.

    Attributes:
      members: a₁, a₃, … of every polynomial, the grid's first.
      scores: of theirs.
    """

    members: Float[np.ndarray, "seed member power"]
    scores: Scores

    def pick(self, *, odd: bool) -> dict[str, Float[np.ndarray, "seed *"]]:
        """The parameters of the best one with intercept 0, or with any, a seed each."""
        place = np.argmax(self.scores.odd if odd else self.scores.shifted, axis=1)
        seed = np.arange(len(place))
        intercept = np.asarray(self.scores.intercept)[seed, place]
        return {
            "coefficient": self.members[seed, place],
            "intercept": np.zeros_like(intercept) if odd else intercept,
        }


@dataclass(frozen=True)
class UnweightedMargin:
    """params of a `CoordinatePolynomial` -> its margin, every w_j = 1.

    Attributes:
      model: of the highest degree; lower ones have zeros among their coefficients and share its program.
    """

    model: CoordinatePolynomial

    def __call__(self, params: Params) -> Margin:
        return lambda x, y: margin(self.model, params, x, y, fixed={"label_weight": jnp.ones(x.shape[-1])})


def fixed_pick(coefficient: tuple[float, ...], degree: int, seeds: int) -> dict[str, np.ndarray]:
    """A polynomial known beforehand, as `Searched.pick` gives one."""
    own = np.zeros((seeds, (degree + 1) // 2))
    own[:, : len(coefficient)] = coefficient
    return {"coefficient": normalised(own), "intercept": np.zeros(seeds)}


def grid(degree: int, count: int, powers: int) -> Float[np.ndarray, "member power"]:
    """Polynomials of at most the degree: the named ones, cubics and quintics over ratios, ramps, and random ones.

    A ramp is the least-squares fit to max(|u| − b, 0) sign u, what a pure neuron with a threshold computes.
    """
    rng, terms = np.random.default_rng(degree), (degree + 1) // 2
    found = [a for a in NAMED.values() if len(a) <= terms]
    found += [(a, 1.0) for a in np.linspace(-1.0, 8.0, 19)]
    if terms > 2:
        found += [(a, 1.0, -b) for a in (0.0, 0.2, 0.5, 1.0, 2.0) for b in (0.02, 0.03, 0.04, 0.05, 0.06)]
    found += [_ramp(terms, start, end) for start in (0.5, 0.75, 1.0, 1.25) for end in (3.0, 3.5, 4.0, 5.0)]
    members = np.zeros((max(count, len(found)), powers))
    for row, a in zip(members, found, strict=False):
        row[: len(a)] = a
    rest = members[len(found) :]
    rest[:] = rng.normal(size=(len(rest), terms)) @ _waves(terms, powers)
    return members


def _ramp(terms: int, start: float, end: float) -> tuple[float, ...]:
    u = np.linspace(0.0, end, 200)
    powers = u[:, None] ** (2 * np.arange(terms) + 1)
    return tuple(np.linalg.lstsq(powers, np.maximum(u - start, 0.0), rcond=None)[0])


def _waves(terms: int, powers: int) -> Float[np.ndarray, "term power"]:
    """The odd Chebyshev polynomials T₁, T₃, … of u/R as coefficients: directions of order one on [0, R]."""
    waves = np.zeros((terms, powers))
    for i in range(terms):
        own = np.polynomial.chebyshev.cheb2poly([0.0] * (2 * i + 1) + [1.0])[1::2]
        waves[i, : i + 1] = own / _REACH ** (2.0 * np.arange(i + 1) + 1)
    return waves


def normalised(members: np.ndarray) -> np.ndarray:
    """Each member with root mean square 1 over u in [1, 3]: an intercept then has a size."""
    u = np.linspace(1.0, 3.0, 21)
    values = (u ** (2 * np.arange(members.shape[-1])[:, None] + 1)).T @ members[..., None]
    return members / np.maximum(np.sqrt(np.mean(values**2, axis=-2)), 1e-12)


def in_units(x: np.ndarray, y: np.ndarray, data: SparseCoding) -> np.ndarray:
    """y u = y √k x, of codes with M = I and w* = 1."""
    return np.asarray(y)[..., None] * np.asarray(x) * np.sqrt(data.sparsity)


@jax.jit
def _scores(points: Histogram, members: Float[Array, "seed member power"], radius: float) -> Scores:
    def one(coefficient, own):
        margin = separable_estimate(coefficient, own, radius)
        shift = jnp.concatenate([jnp.zeros(1), jnp.quantile(jnp.abs(margin), jnp.linspace(0.0, 1.0, _QUANTILES))])
        shift = shift.at[-1].multiply(1.01)[:, None]  # past them all: a constant
        margin = margin[None, :]
        # (x, y) and (−x, −y) are equally likely, and c helps the one as it harms the other.
        held = 0.5 * (jnp.mean(margin > shift, axis=1) + jnp.mean(margin > -shift, axis=1))
        best = jnp.argmax(held)
        return jnp.mean(margin > 0), held[best], shift[best, 0]

    def seed(args):
        own, coefficients = args
        return jax.lax.map(lambda coefficient: one(coefficient, own), coefficients)

    return Scores(*each(seed, (points, members)))


def tuning_points(seeds: Seeds, points: int, data: SparseCoding) -> Histogram:
    """The histograms of the tuning points, a seed each."""
    x, y = fresh_points(jnp.asarray(seeds), points, data, "polynomial search")
    own = [histogram(u) for u in in_units(np.asarray(x), np.asarray(y), data)]
    return Histogram(*(jnp.stack(parts) for parts in zip(*own, strict=True)))


def search(
    seeds: Seeds, data: SparseCoding, radius: float, degrees: tuple[int, ...], points: int, members: int, rounds: int
) -> dict[int, Searched]:
    """Polynomials of every degree: its grid with the best of the degree before, then rounds of changes to the best.

    Args:
      radius: τ.
      degrees: n, odd and increasing.
      points: tuning points a seed.
      members: polynomials a grid and a round.
      rounds: of changes.
    """
    powers = (degrees[-1] + 1) // 2
    tuning = tuning_points(seeds, points, data)
    length = jnp.float32(radius * np.sqrt(data.sparsity))
    best = np.zeros((len(seeds), 0, powers))
    found: dict[int, Searched] = {}
    for degree in degrees:
        # As many a round whatever the degree: one program for all.
        fresh = grid(degree, members - best.shape[1], powers)
        population = np.concatenate([np.broadcast_to(fresh, (len(seeds), *fresh.shape)), best], axis=1)
        tried = []
        for number in range(rounds + 1):
            population = normalised(population)
            score = over_seeds(_scores, (tuning, jnp.asarray(population, jnp.float32)), length)
            tried.append((population, score))
            everyone = Searched(*jax.tree.map(lambda *a: np.concatenate(a, axis=1), *tried))
            best = _top(everyone)
            population = _changed(best, members, degree, number)
        found[degree] = everyone
    return found


def _top(tried: Searched) -> np.ndarray:
    """The best by either score, [seed, 2 × parents, power]."""
    scores = (np.asarray(tried.scores.odd), np.asarray(tried.scores.shifted))
    order = np.concatenate([np.argsort(-score, axis=1, kind="stable")[:, :_PARENTS] for score in scores], axis=1)
    return np.take_along_axis(tried.members, order[..., None], axis=1)


def _changed(parents: np.ndarray, count: int, degree: int, number: int) -> np.ndarray:
    """Changes to the parents, smaller every round; the same ones for every seed."""
    rng, (several, powers) = np.random.default_rng((degree, number)), parents.shape[1:]
    waves = _waves((degree + 1) // 2, powers)
    size = rng.choice([1.0, 0.3, 0.1], (count, 1)) / (number + 1)
    return parents[:, rng.integers(0, several, count)] + size * rng.normal(size=(count, len(waves))) @ waves
