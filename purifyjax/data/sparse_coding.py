"""Sparse-coding data of *Feature Purification* (Allen-Zhu & Li, arXiv 2005.10190).

    x = M z + ξ,   y = sign⟨w*, z⟩,   ξ = ξ' + M ξ''

Coordinates of z are independent and symmetric: |z_j| = 1 with probability a₁/d, |z_j| uniform in
[1/√k, c/√k] with probability a₂k/d, and 0 otherwise, so that ‖z‖₀ = Θ(k) and E z_j² = Θ(1/d).
M is unitary and every |w*_j| = Θ(1). The samples are conditioned on |⟨w*, z⟩| ≥ γ (the margin);
γ = 0 is the paper's own model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import threefry_2x32
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from purifyjax.data.coding import SETTINGS, Batch, Instance, SparseCoding, TabulatedCoding
from purifyjax.data.tables import draw_rows, require_table
from purifyjax.errors import concrete, require, require_count
from purifyjax.modes import GENERATOR, own_key, single
from purifyjax.settings import require_settings

SPIKE_EXPONENT = -0.501  # |ξ''_j| ≤ k^-0.501, just too small to be taken for a feature
MIN_ACCEPTANCE = 1e-3
_MAX_TURNS = 20_000
_FULL = jax.lax.Precision.HIGHEST


def validate(config: SparseCoding) -> None:
    """Raise `ConfigError` for a setting outside its range; traced values are not looked at."""
    require(isinstance(config, SparseCoding), "data", config, "a SparseCoding or a TabulatedCoding")
    require_settings(config, SETTINGS)
    d, k = config.dimension, config.sparsity
    require(k <= d, "sparsity k", k, f"1 ≤ k ≤ d = {d}")
    if isinstance(config, TabulatedCoding):
        require_table(config.table, d)
    else:
        _validate_rates(config)
    spike = concrete(config.spike_noise)
    if spike is not None:
        rate = np.max(_spike_probability(spike, config), initial=0.0)
        require(rate <= 1, "spike_noise σ_s", config.spike_noise, "small enough that Pr[ξ''_j ≠ 0] ≤ 1")
    for member in _members(config):
        if member.margin > 0:
            rate, spread = acceptance_rate(member), label_std(member)
            allowed = f"met by at least 1 in {round(1 / MIN_ACCEPTANCE)} samples (std of ⟨w*, z⟩ is {spread:.3g})"
            require(rate >= MIN_ACCEPTANCE, "margin γ", member.margin, allowed)


def _validate_rates(config: SparseCoding) -> None:
    """The fields that decide how codes are drawn."""
    p, largest = config.nonzero_probability, math.sqrt(config.sparsity)
    inside = np.finfo(np.float32).tiny <= p < 1
    require(inside, "nonzero_rate a₂, atom_rate a₁: (a₁ + a₂k)/d", p, "a probability inside (0, 1)")
    c = concrete(config.value_max)
    # √k in float32 is √k, too.
    within = c is None or np.all(c <= largest * (1 + np.finfo(np.float32).eps))
    require(within, "value_max c", config.value_max, f"1 ≤ c ≤ √k = {largest:.3g}")


def _members(config: SparseCoding) -> Iterator[SparseCoding]:
    """The member, or one for each of the numbers that its fields are arrays of; none if they are traced."""
    names = ("margin", "value_max", "label_spread")
    values = [concrete(getattr(config, name)) for name in names]
    known = [value for value in values if value is not None]
    shapes = {value.shape for value in known} - {()}
    require(len(shapes) <= 1, f"shapes of {', '.join(names)}", shapes, "the same for all arrays")
    if len(known) == len(names):
        for own in zip(*(value.ravel().tolist() for value in np.broadcast_arrays(*known)), strict=True):
            yield config.replace(**dict(zip(names, own, strict=True)))


def second_moment(config: SparseCoding) -> Float[Array, ""]:
    """E z_j² = (a₁ + a₂ (c² + c + 1)/3)/d, before conditioning on the margin; of a table its mean over rows and j."""
    config = single(config)
    if isinstance(config, TabulatedCoding):
        return jnp.mean(jnp.square(config.table.codes))
    # In numpy where numbers are known: nothing is compiled, and they stay known within a jitted function.
    known = concrete(config.value_max)
    c = jnp.asarray(config.value_max, jnp.float32) if known is None else known.astype(np.float32)
    moment = (config.atom_rate + config.nonzero_rate * (c**2 + c + 1) / 3) / config.dimension
    return jnp.asarray(moment, jnp.float32) if known is None else np.asarray(moment, np.float32)  # pyright: ignore


def label_std(config: SparseCoding) -> float:
    """Standard deviation of ⟨w*, z⟩ before conditioning: √(‖w*‖² E z_j²); of a table the root mean square."""
    config = single(config)
    weights = _known_weights(config)
    if isinstance(config, TabulatedCoding):
        return float(np.sqrt(np.mean((np.asarray(config.table.codes) @ weights) ** 2)))
    return float(np.sqrt(np.sum(weights**2) * np.asarray(second_moment(config))))


def acceptance_rate(config: SparseCoding, samples: int = 1 << 14) -> float:
    """Monte Carlo estimate of Pr[|⟨w*, z⟩| ≥ γ]; of a table the share of its rows."""
    config = single(config)
    if isinstance(config, TabulatedCoding):
        return float(np.mean(np.abs(np.asarray(config.table.codes) @ _known_weights(config)) >= config.margin))
    require_count("samples", samples)
    # As `_supports` does, on the host, where nothing has to be compiled.
    draw, shape = np.random.default_rng(0), (samples, config.slots)
    position = np.cumsum(draw.geometric(config.nonzero_probability, shape), axis=1) - 1
    value = _value(draw.uniform(-1.0, 1.0, shape), config, np)
    heard = np.append(_known_weights(config), 0.0)[np.minimum(position, config.dimension)]
    return float(np.mean(np.abs(np.sum(heard * value, axis=1)) >= config.margin))


def instance(config: SparseCoding) -> Instance:
    """M and w* of the distribution, drawn from `instance_seed` (the same for every training seed)."""
    dictionary = None
    if config.dictionary == "random":
        dictionary = jax.random.orthogonal(_instance_keys(config)[0], config.dimension, dtype=jnp.float32)
    return Instance(dictionary, label_weights(config))


def label_weights(config: SparseCoding) -> Float[Array, " dim"]:
    """w* alone: a random M of large d is dear to draw."""
    _, key_size, key_sign = _instance_keys(config)
    d = config.dimension
    spread = jnp.asarray(config.label_spread, jnp.float32)
    size = 1.0 + spread * jax.random.uniform(key_size, (d,), jnp.float32, -1.0, 1.0)
    up = jax.random.bernoulli(key_sign, np.float32(0.5), (d,))
    sign = jnp.where((spread > 0) & ~up, jnp.float32(-1.0), 1.0)
    return size * sign


def _known_weights(config: SparseCoding) -> Float[np.ndarray, " dim"]:
    """`label_weights` of a spread that is known."""
    even = np.all(concrete(config.label_spread) == 0)
    return np.ones(config.dimension, np.float32) if even else np.asarray(label_weights(config))


def _instance_keys(config: SparseCoding) -> PRNGKeyArray:
    return jax.random.split(jax.random.key(config.instance_seed, impl=GENERATOR), 3)


def sample(key: PRNGKeyArray, n: int, config: SparseCoding, fixed: Instance | None = None) -> Batch:
    """Draw n independent samples with |⟨w*, z⟩| ≥ γ, by rejection with fixed shapes.

    Supports are drawn by skipping geometric gaps between non-zeros, so that the cost is O(k) a
    candidate, not O(d), and the coordinates stay exactly independent. Rows are NaN if the margin is
    so rare that no candidate was found (`validate` refuses such a margin beforehand).

    Args:
      key: of any generator; of others than Threefry only the words matter.
      n: at least 0 (static).
      fixed: M and w*, if already drawn by `instance(config)`.

    Raises:
      ConfigError: no key, or n that is no whole number.
    """
    require_count("n", n, least=0)
    config, fixed = single(config), single(instance(config) if fixed is None else fixed)
    key_code, key_noise, key_spike = jax.random.split(own_key(key), 3)
    if isinstance(config, TabulatedCoding):
        code, score = draw_rows(key_code, n, config.table.codes, fixed.label_weights, config.margin)
    else:
        number, turn, score = _accepted(key_code, n, config, fixed.label_weights)
        position, value = _supports(key_code, number, turn, config)
        code = _scatter(position, jnp.where(jnp.isnan(score)[:, None], jnp.nan, value), config.dimension)
    label = jnp.where(score >= 0, jnp.float32(1.0), -1.0)
    if config.spike_noise is None:
        x = fixed.to_input(code)
    else:
        x = fixed.to_input(code + _spikes(key_spike, n, config.spike_noise, config))
    if config.noise is not None:
        x = x + config.noise / math.sqrt(config.dimension) * jax.random.normal(key_noise, x.shape, jnp.float32)
    return Batch(x, label, code)


def _supports(
    key: PRNGKeyArray, candidate: Int[Array, " n"], turn: Int[Array, "*n"], config: SparseCoding
) -> tuple[Int[Array, "n slot"], Float[Array, "n slot"]]:
    """Positions and values of the non-zeros of candidates; the value is 0 past the end of the vector.

    A slot's two random words, for the gap before it and its value, are one call of Threefry; `jax.random` takes four.
    """
    d, slots = config.dimension, config.slots
    count = candidate.astype(jnp.uint32)[:, None] * np.uint32(slots) + jnp.arange(slots, dtype=jnp.uint32)[None]
    turn = jnp.broadcast_to(jnp.atleast_1d(turn).astype(jnp.uint32)[:, None], count.shape)
    before, own = threefry_2x32(jax.random.key_data(key), jnp.stack([count, turn]))
    uniform = before.astype(jnp.float32) * np.float32(2.0**-32) + np.float32(2.0**-33)  # in (0, 1]
    gap = 1.0 + jnp.floor(jnp.log(uniform) / np.float32(math.log1p(-config.nonzero_probability)))
    # The running sum as a product: exact (whole numbers far below 2^24), and faster than a scan on a CPU.
    below = jnp.triu(jnp.ones((slots, slots), jnp.float32))
    position = jnp.matmul(jnp.minimum(gap, d + 1.0), below, precision=_FULL).astype(jnp.int32) - 1
    # One signed uniform decides sign, atom or not, and the size within [1/√k, c/√k].
    signed = jax.lax.bitcast_convert_type(own, jnp.int32).astype(jnp.float32)
    value = _value(signed * np.float32(2.0**-31) + np.float32(2.0**-32), config, jnp)
    inside = position < d
    return jnp.where(inside, position, d - 1), jnp.where(inside, value, 0.0)


def _value(u: Any, config: SparseCoding, np_or_jnp: Any) -> Any:
    """z_j of a non-zero: an atom with probability a₁/(a₁ + a₂k), else of a size within [1/√k, c/√k]; u ~ U[−1, 1]."""
    share = float(config.atom_rate / (config.atom_rate + config.nonzero_rate * config.sparsity))
    within = (abs(u) - share) / (1.0 - share) if share < 1.0 else np_or_jnp.zeros_like(u)
    size = (1.0 + (config.value_max - 1.0) * within) / math.sqrt(config.sparsity)
    return np_or_jnp.sign(u) * np_or_jnp.where(abs(u) < share, 1.0, size)


def _accepted(
    key: PRNGKeyArray, n: int, config: SparseCoding, label_weights: Float[Array, " dim"]
) -> tuple[Int[Array, " n"], Int[Array, " n"], Float[Array, " n"]]:
    """n candidates with |⟨w*, z⟩| ≥ γ: their numbers and turns, and their ⟨w*, z⟩ (NaN where none was found).

    In turns of n candidates. Drawing the accepted ones again is cheaper than moving their supports about.
    """
    candidates = jnp.arange(n, dtype=jnp.int32)
    start = (jnp.int32(0), jnp.int32(0), candidates, jnp.zeros_like(candidates), jnp.zeros(n, jnp.float32))

    def unfinished(state):
        turn, filled = state[:2]
        return (filled < n) & (turn < _MAX_TURNS)

    def one_turn(state):
        turn, filled, *found = state
        position, value = _supports(key, candidates, turn, config)
        score = jnp.sum(label_weights[position] * value, axis=1)
        met: Bool[Array, " n"] = jnp.abs(score) >= config.margin
        # Accepted candidates go to the next free rows; the rest, and any surplus, out of bounds.
        row = jnp.where(met, filled + jnp.cumsum(met, dtype=jnp.int32) - 1, n)
        own = zip(found, (candidates, jnp.broadcast_to(turn, n), score), strict=True)
        found = [old.at[row].set(new, mode="drop") for old, new in own]
        return turn + 1, jnp.minimum(filled + jnp.sum(met, dtype=jnp.int32), n), *found

    _, filled, number, turn, score = jax.lax.while_loop(unfinished, one_turn, start)
    # Not before: a NaN on the way would stop those who look for NaNs.
    return number, turn, jnp.where(jnp.arange(n) < filled, score, jnp.nan)


def _scatter(position: Int[Array, "n slot"], value: Float[Array, "n slot"], dimension: int) -> Float[Array, "n dim"]:
    n = position.shape[0]
    return jnp.zeros((n, dimension), jnp.float32).at[jnp.arange(n)[:, None], position].add(value)


def _spike_probability(size: Any, config: SparseCoding) -> Any:
    """Pr[ξ''_j ≠ 0] = σ_s² k^1.002 / d, so that E ξ''_j² = σ_s²/d."""
    return size**2 * config.sparsity ** (-2 * SPIKE_EXPONENT) / config.dimension


def _spikes(key: PRNGKeyArray, n: int, size: float, config: SparseCoding) -> Float[Array, "n dim"]:
    u = jax.random.uniform(key, (n, config.dimension), jnp.float32, -1.0, 1.0)
    height = config.sparsity**SPIKE_EXPONENT
    return jnp.where(jnp.abs(u) < _spike_probability(size, config), jnp.sign(u) * height, 0.0)
