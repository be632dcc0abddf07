"""Attacks on stochastic networks: expectation over their randomness."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.errors import require_count
from purifyjax.margins import Margin

NoisyMargin = Callable[[PRNGKeyArray, Float[Array, "n dim"], Float[Array, " n"]], Float[Array, " n"]]


def averaged(key: PRNGKeyArray, noisy: NoisyMargin, draws: int) -> Margin:
    """The margin (1/draws) Σ_r y f(x; ρ_r) over a fixed set of draws: expectation over transformation.

    Its gradient is the average of the draws' gradients (EOT; Athalye et al., arXiv 1707.07397 and 1802.00420), and
    it is deterministic, so that attacks and their verification see one function. The error falls as 1/√draws.

    Args:
      noisy: (key, x, y) -> margin under the draw of that key.
      draws: static count.

    Raises:
      ConfigError: draws that are not a whole number, at least 1.
    """
    require_count("draws", draws)
    keys = jax.random.split(key, draws)

    def average(x, y):
        # One draw after another, each forgotten until the backward pass: memory does not grow with the draws.
        one = jax.checkpoint(lambda key: noisy(key, x, y))
        return jax.lax.scan(lambda total, key: (total + one(key), None), jnp.zeros(len(x)), keys)[0] / draws

    return average
