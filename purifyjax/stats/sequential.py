"""Intervals of a share that is measured in blocks of points until enough is known: they hold wherever it stops.

An interval of 95% is one of 95% where it is looked at once. Of several looks at growing numbers of points the one that
happens to exclude the truth is the more likely to be the last, and the interval at the stop covers it less often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from purifyjax.errors import require, require_count
from purifyjax.settings import real_array, require_confidence
from purifyjax.stats.counts import clopper_pearson
from purifyjax.stats.inputs import FloatArray, same_shape


@dataclass(frozen=True)
class RepeatedIntervals:
    """Repeated confidence intervals of a share p, one at each of L planned looks at the first n_1 < … < n_L points.

    Look l spends a share w_l of the error α = 1 − confidence, Σ_l w_l = 1: its interval I_l is Clopper and Pearson's at
    1 − α w_l. All looks but the last spend `early` = e together, in equal parts, the last one spends the rest:

        w_1 = … = w_{L−1} = e/(L − 1),    w_L = 1 − e;    w_1 = 1 if L = 1.

    By the union bound all intervals cover p at once,

        Pr[p ∈ I_l for all l] ≥ 1 − Σ_l α w_l = 1 − α,

    and so does the one at which the measurement stops, whatever decides to stop: this count, other counts, or a person.
    In the same way p lies below any of them with at most α/2, and above any with at most α/2. The points are
    independent draws, and neither their order nor which of them are successes hangs on when it stops. With e = 10% the
    last interval is one of 95.5% at 95%, about 2% wider than that of a single look. The share count/n itself is biased
    where the stop hangs on the count; the interval is not harmed.

    Attributes:
      looks: n_1 < … < n_L, whole numbers of points, those of earlier looks included.
      early: e, inside (0, 1); without effect on a single look.

    Raises:
      ConfigError: no looks, looks that are not whole or do not grow, or `early` out of range.

    Source: Jennison & Turnbull, Journal of the Royal Statistical Society B 51 (1989), for repeated confidence
    intervals; Lan & DeMets, Biometrika 70 (1983), for the spending of an error.
    """

    looks: tuple[int, ...]
    early: float = 0.1

    def __post_init__(self) -> None:
        require(isinstance(self.looks, tuple) and self.looks, "looks", self.looks, "a tuple of at least one look")
        for look in self.looks:
            require_count("look", look)
        growing = all(one < other for one, other in zip(self.looks, self.looks[1:], strict=False))
        require(growing, "looks", self.looks, "each of more points than the one before")
        inside = isinstance(self.early, float | np.floating) and 0 < self.early < 1
        require(inside, "early", self.early, "a number inside (0, 1)")

    @classmethod
    def doubling(cls, points: int, first: int = 256, early: float = 0.1) -> RepeatedIntervals:
        """Looks at first, 2 first, 4 first, … points while these are fewer than `points`, the last at all of them.

        Args:
          points: n_L; at most `first` of them are looked at once.
          first: n_1.
          early: as of the class.

        Raises:
          ConfigError: a number of points that is not whole or below 1, or `early` out of range.
        """
        require_count("points", points)
        require_count("first", first)
        looks, look = [], int(first)
        while look < points:
            looks.append(look)
            look *= 2
        return cls((*looks, int(points)), early)

    @property
    def shares(self) -> tuple[float, ...]:
        """w_1, …, w_L, the shares of the error that the looks spend."""
        before = len(self.looks) - 1
        return (*[self.early / before] * before, 1 - self.early) if before else (1.0,)

    @overload
    def share_spent(self, n: int) -> float: ...
    @overload
    def share_spent(self, n: ArrayLike) -> FloatArray: ...
    def share_spent(self, n: ArrayLike) -> Any:
        """The share w_l of the error that is spent by the look at which a measurement of n points stopped.

        Args:
          n: a look, or an array of looks.

        Returns:
          In the shape of `n`, a scalar for a scalar.

        Raises:
          ConfigError: an n that is no look.
        """
        sizes = real_array("n", n)
        require(np.isin(sizes, self.looks).all(), "n", n, f"a planned look, one of {self.looks}")
        spent = np.array(self.shares)[np.searchsorted(self.looks, sizes)]
        return float(spent) if spent.ndim == 0 else spent

    @overload
    def interval(self, count: int, n: int, confidence: float = 0.95) -> tuple[float, float]: ...
    @overload
    def interval(self, count: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]: ...
    def interval(self, count: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> tuple[Any, Any]:
        """The interval of p at a look: Clopper and Pearson's at 1 − (1 − confidence) w_l.

        Args:
          count, n: successes among the first n points, whole numbers or arrays of them that broadcast; every n is a
            look, not all of them the same.
          confidence: of covering p at all looks together, in (0, 1).

        Returns:
          `(low, high)`: fractions in [0, 1], in the broadcast shape (scalars for scalars).

        Raises:
          ConfigError: an n that is no look, a count that is not whole or above n, or `confidence` out of range.
        """
        require_confidence(confidence)
        counts, sizes = same_shape(count=count, n=n)
        self.share_spent(sizes)  # refuses what is no look
        low, high = np.empty(sizes.shape), np.empty(sizes.shape)
        for look, share in zip(self.looks, self.shares, strict=True):
            here = sizes == look
            if here.any():
                low[here], high[here] = spending(counts[here], look, share, confidence)
        return (float(low), float(high)) if low.ndim == 0 else (low, high)

    @overload
    def decided(self, count: int, n: int, bounds: Sequence[float], confidence: float = 0.95) -> bool: ...
    @overload
    def decided(
        self, count: ArrayLike, n: ArrayLike, bounds: Sequence[float], confidence: float = 0.95
    ) -> NDArray[np.bool_]: ...
    def decided(self, count: ArrayLike, n: ArrayLike, bounds: Sequence[float], confidence: float = 0.95) -> Any:
        """Whether the interval at a look lies strictly on one side of every bound, so that no more points are needed.

        Args:
          count, n: as of `interval`.
          bounds: numbers in [0, 1], at least one.
          confidence: of the widest interval that anything is concluded from, in (0, 1).

        Returns:
          In the broadcast shape of `count` and `n`, a truth value for scalars.

        Raises:
          ConfigError: no bound, one outside [0, 1], or what `interval` refuses.
        """
        limits = real_array("bounds", bounds)
        inside = limits.ndim == 1 and limits.size and ((limits >= 0) & (limits <= 1)).all()
        require(inside, "bounds", bounds, "at least one number, each in [0, 1]")
        low, high = self.interval(count, n, confidence)
        found = np.all([(limit < low) | (limit > high) for limit in limits], axis=0)
        return bool(found) if found.ndim == 0 else found


def spending(count: Any, n: Any, share: float, confidence: float) -> tuple[Any, Any]:
    """Clopper and Pearson's interval at 1 − (1 − confidence) w, which spends this share w of the error."""
    return clopper_pearson(count, n, 1 - (1 - confidence) * share)
