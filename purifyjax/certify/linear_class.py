"""What no linear classifier can do: a bound on the robust accuracy of all of them at once, and the best one found.

Let (x, y) and (−x, −y) have the same law. A classifier sign(⟨w, x⟩ + c) is robust at x if y (⟨w, x⟩ + c) > τ ‖w‖, and
at both x and −x only if |⟨w, x⟩| > τ ‖w‖ + |c|. Averaged over pairs, with Chebyshev's inequality,

    robust accuracy ≤ ½ + ½ Pr[|⟨w, x⟩| > τ ‖w‖] ≤ ½ + ½ λ_max(E x xᵀ)/τ²,

and twice the second term without intercept, for then x is robust only if −x is.

The same bound holds for every quadratic classifier, and for any even function in place of its even part: let
f = even + ⟨w, x⟩. If f is right at x + δ and at −x − δ for all ‖δ‖ ≤ τ, then y [f(x + δ) − f(−x − δ)] =
2y ⟨w, x + δ⟩ > 0 for all δ, so that |⟨w, x⟩| > τ ‖w‖. An odd part of degree 3 has no such bound: on x = ±s e_j with
y = sign Σ_j x_j³ that cubic is robust everywhere for τ < s/√2, while λ_max/τ² tends to 0 as 1/d.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float, PRNGKeyArray
from numpy.typing import ArrayLike, NDArray

from purifyjax.balls import Ball, require_ball, require_radius
from purifyjax.certify.network import dual_norm
from purifyjax.errors import require, require_count, require_real
from purifyjax.margins import Margin, require_points, require_signs
from purifyjax.norms import power_of_two
from purifyjax.settings import require_confidence
from purifyjax.stats import clopper_pearson

Sampler = Callable[[PRNGKeyArray, int], tuple[Float[Array, "n dim"], Float[Array, " n"]]]
FloatArray = NDArray[np.float64]

_CHUNK = 8192
_PILOT = 8192
_HIGHEST = jax.lax.Precision.HIGHEST
_SMOOTHING = 1e-8  # of ‖w‖ at w = 0, where it has a corner
_NO_LOGIT = 1e-2  # a trained w whose |⟨w, x⟩| all stay below has been shrunk to 0, and its direction is noise


class LinearClassBound(NamedTuple):
    """Upper bounds of robust accuracy, each for every classifier of its class.

    Attributes:
      estimate: λ_max of the empirical second moment of x 1{‖x‖² ≤ R}.
      upper: an upper confidence bound of λ_max(E x xᵀ 1{‖x‖² ≤ R}).
      excess: an upper confidence bound of Pr[‖x‖² > R].
      truncation: R.
      with_intercept: ½ + ½ (excess + upper/τ²), for linear and quadratic classifiers with any intercept; at most 1.
      without_intercept: excess + upper/τ², for linear classifiers through the origin; at most 1.
    """

    estimate: float
    upper: float
    excess: float
    truncation: float
    with_intercept: float
    without_intercept: float


class LinearCandidate(NamedTuple):
    """One linear classifier and its accuracies on held-out points, exact for the ℓ2 ball.

    Attributes:
      name: where the direction comes from; "constant" has none.
      intercept_fitted: whether c is the best one on the training points, or 0.
      weight, intercept: w and c, with ‖w‖ = 1 (0 for the constant).
      clean_accuracy, robust_accuracy: fractions of the held-out points.
    """

    name: str
    intercept_fitted: bool
    weight: FloatArray
    intercept: float
    clean_accuracy: float
    robust_accuracy: float


def linear_robust_margin(params: Mapping[str, Any], ball: Ball) -> Margin:
    """(x, y) ↦ min over ‖δ‖ ≤ τ of y f(x + δ) = y (⟨w, x⟩ + c) − τ ‖w‖_*, for the parameters of `Linear`.

    The slope of ‖w‖_* is taken to be 0 at w = 0, where training starts.
    """
    require_ball(ball)
    require(ball.parts == 1, "parts of the ball", ball.parts, "1: the classifier takes whole inputs")
    w, c = params["weight"], params["intercept"]
    nonzero = jnp.any(w != 0)
    size = jnp.where(nonzero, dual_norm(ball, jnp.where(nonzero, w, 1.0)), 0.0)
    return lambda x, y: y * (jnp.matmul(x, w, precision=_HIGHEST) + c) - ball.radius * size


def linear_class_bound(
    key: PRNGKeyArray, sample: Sampler, n: int, radius: float, confidence: float = 0.999
) -> LinearClassBound:
    """Bound the robust accuracy of every linear (and quadratic) classifier from n fresh points.

    x is truncated to x 1{‖x‖² ≤ R}, with R the largest ‖x‖² of an independent pilot sample, and Pr[‖x‖² > R] is
    added: no a-priori bound of x is needed, and R is far below the worst case. For the unknown top eigenvector v of the
    true second moment, v' Σ̂ v ≤ λ_max(Σ̂) is a mean of n independent numbers ⟨v, x⟩² in [0, R]. Chernoff's bound for
    its lower tail, n kl(λ̂/R, λ/R) ≤ log(1/η) with kl(q, p) = q log(q/p) + (1 − q) log((1 − q)/(1 − p)), gives the upper
    limit of λ. Half of 1 − confidence goes to each of the two limits. Sums are float32 in chunks, float64 over chunks.

    Args:
      sample: (key, n) -> (x, y), from a distribution symmetric under (x, y) → (−x, −y); traced, n is static.
      n: points, rounded up to whole chunks of 8192.
      radius: τ > 0, in ℓ2.
      confidence: with which both limits hold.

    Raises:
      ConfigError: n, radius or confidence out of range.

    Source: Hoeffding, JASA 58 (1963), theorem 1, for the tail.
    """
    require_count("points n", n)
    require_radius("radius τ", radius)
    require(radius > 0, "radius τ", radius, "τ > 0")
    require_confidence(confidence)
    key_pilot, key_points = jax.random.split(key)
    unit = float(jax.jit(lambda k: power_of_two(jnp.max(jnp.abs(sample(k, _PILOT)[0]))))(key_pilot))
    truncation = float(jax.jit(lambda k: jnp.max(jnp.sum((sample(k, _PILOT)[0] / unit) ** 2, axis=1)))(key_pilot))
    require(np.isfinite(truncation), "largest ‖x‖² of the sample", truncation, "finite")

    @jax.jit
    def chunk(key):
        x = sample(key, _CHUNK)[0] / unit
        inside = jnp.sum(x**2, axis=1) <= truncation
        kept = jnp.where(inside[:, None], x, 0.0)
        return jnp.matmul(kept.T, kept, precision=_HIGHEST), _CHUNK - jnp.sum(inside)

    points, moment, beyond = -(-n // _CHUNK) * _CHUNK, 0.0, 0
    for index in range(points // _CHUNK):
        partial_moment, outside = chunk(jax.random.fold_in(key_points, index))
        moment, beyond = moment + np.asarray(partial_moment, np.float64), beyond + int(outside)
    estimate = float(np.linalg.eigvalsh(np.asarray(moment) / points)[-1])
    mean = estimate / truncation if truncation > 0 else 0.0  # points that are all 0 have no second moment
    upper = truncation * chernoff_upper(mean, points, (1 + confidence) / 2)
    # The upper end of the two-sided interval at this confidence leaves out (1 − confidence)/2.
    excess = clopper_pearson(beyond, points, confidence)[1]
    pairs = min(1.0, excess + float(np.sqrt(upper) * (unit / radius)) ** 2)  # squares in units: τ² may be no float
    estimate, upper, truncation = estimate * unit**2, upper * unit**2, truncation * unit**2
    return LinearClassBound(estimate, upper, excess, truncation, 0.5 + 0.5 * pairs, pairs)


def chernoff_upper(mean: float, n: int, confidence: float) -> float:
    """Upper limit of E X, X in [0, 1], from the mean q of n values: the p > q with n kl(q, p) = −log(1 − confidence).

    It grows with q, and so is a limit from any upper bound of the mean as well.
    """
    budget = -np.log1p(-confidence) / n

    def gap(p):
        return scipy.special.rel_entr(mean, p) + scipy.special.rel_entr(1.0 - mean, 1.0 - p) - budget

    if mean >= 1.0:
        return 1.0
    return float(scipy.optimize.brentq(gap, mean, np.nextafter(1.0, 0.0), xtol=1e-14))  # pyright: ignore[reportArgumentType]


def best_robust_linear(
    train: tuple[ArrayLike, ArrayLike],
    held_out: tuple[ArrayLike, ArrayLike],
    radius: float,
    directions: Mapping[str, ArrayLike] | None = None,
    decays: Sequence[float] = (1e-4, 1e-3, 1e-2),
    reaches: Sequence[float] = (0.5, 1.0),
) -> list[LinearCandidate]:
    """The most robust linear classifiers that are found, each with its accuracies on held-out points.

    Directions: the minimisers of the convex adversarial logistic loss

        mean log(1 + exp(−y (⟨w, x⟩ + c) + r ‖w‖)) + λ ‖w‖²/2

    for r in `reaches`·τ and λ in `decays`; the class mean difference E[y x]; those given, such as M w*; and none, a
    constant classifier. The accuracies depend on w/‖w‖ and c/‖w‖ alone: every direction comes with c = 0 and
    with the c that makes the most training points robust, found exactly.

    Args:
      train, held_out: (x, y), [n, dim] and [n].
      radius: τ ≥ 0, in ℓ2.
      directions: more w by name.

    Raises:
      ConfigError: a radius, decay or reach out of range, a direction that is zero or not finite, or points that are not
        finite rows with a label ±1 each, at least one.
    """
    require_radius("radius τ", radius)
    for name, values in (("decays", decays), ("reaches", reaches)):
        for value in values:
            require_real(name, value, "at least 0 each, finite", lambda number: number >= 0)
    (x, y), (fresh_x, fresh_y) = (tuple(np.asarray(a, np.float64) for a in pair) for pair in (train, held_out))
    for points, labels in ((x, y), (fresh_x, fresh_y)):
        require_points(points, labels)
        require_signs(labels)
        require(len(points) > 0, "number of points", len(points), "at least 1")
        require_real("x", points, "finite numbers")
    found = {"class means": y @ x / len(y)}
    for name, given in (directions or {}).items():
        found[name] = np.asarray(given, np.float64)
        size = float(np.linalg.norm(found[name]))
        require(np.isfinite(size) and size > 0, f"norm of direction {name}", size, "finite and above 0")
    for fraction in reaches:
        for decay in decays:
            w = _adversarial_logistic(x, y, fraction * radius, decay)
            if np.abs(x @ w).max() > _NO_LOGIT:
                found[f"logistic, r = {fraction:g} τ, λ = {decay:g}"] = w

    def candidate(name: str, fitted: bool, w: FloatArray, reach: float) -> LinearCandidate:
        c = best_intercept(x @ w, y, reach) if fitted else 0.0
        margin = fresh_y * (fresh_x @ w + c)
        return LinearCandidate(name, fitted, w, c, float(np.mean(margin > 0)), float(np.mean(margin > reach)))

    candidates = [candidate("constant", True, np.zeros(x.shape[1]), 0.0)]
    for name, w in found.items():
        size = np.linalg.norm(w)
        if size > 0:
            candidates += [candidate(name, fitted, w / size, radius) for fitted in (False, True)]
    return candidates


def best_intercept(score: FloatArray, y: FloatArray, reach: float) -> float:
    """A c that makes y (score + c) > reach for the most points, by sorting.

    A positive point is robust for c > reach − score, a negative one for c < −reach − score.
    """
    positive, negative = np.sort(reach - score[y > 0]), np.sort(-reach - score[y < 0])
    ends = np.unique(np.concatenate([positive, negative]))
    # One c inside every interval between the ends, and one beyond each side.
    levels = np.concatenate([[ends[0] - 1.0], (ends[1:] + ends[:-1]) / 2.0, [ends[-1] + 1.0]])
    robust = np.searchsorted(positive, levels, "left") + len(negative) - np.searchsorted(negative, levels, "right")
    return float(levels[np.argmax(robust)])


def _adversarial_logistic(x: FloatArray, y: FloatArray, reach: float, decay: float) -> FloatArray:
    """w of the minimiser, by L-BFGS; ‖w‖ is smoothed at 0."""

    def objective(theta):
        w, c = theta[:-1], theta[-1]
        size = np.sqrt(w @ w + _SMOOTHING**2)
        margin = y * (x @ w + c) - reach * size
        slope = -scipy.special.expit(-margin) / len(y)
        gradient = np.append((slope * y) @ x - slope.sum() * reach * w / size + decay * w, slope @ y)
        return np.mean(np.logaddexp(0.0, -margin)) + decay * (w @ w) / 2.0, gradient

    start = np.append(y @ x / len(y), 0.0)
    return scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x[:-1]
