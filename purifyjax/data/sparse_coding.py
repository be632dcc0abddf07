"""Sparse-coding data of *Feature Purification* (Allen-Zhu & Li, arXiv 2005.10190).

    x = M z + ξ,   y = sign⟨w*, z⟩,   ξ = ξ' + M ξ''

Coordinates of z are independent and symmetric: |z_j| = 1 with probability a₁/d, |z_j| uniform in
[1/√k, c/√k] with probability a₂k/d, and 0 otherwise, so that ‖z‖₀ = Θ(k) and E z_j² = Θ(1/d).
M is unitary and every |w*_j| = Θ(1). The samples are conditioned on |⟨w*, z⟩| ≥ γ (the margin);
γ = 0 is the paper's own model.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from purifyjax.data.tables import CodeTable, draw_rows, scores
from purifyjax.errors import require

SPIKE_EXPONENT = -0.501  # |ξ''_j| ≤ k^-0.501, just too small to be taken for a feature
MIN_ACCEPTANCE = 1e-3
_MAX_ROUNDS = 20_000
_FULL = jax.lax.Precision.HIGHEST


class SparseCoding(struct.PyTreeNode):
    """One member of the family. Fields marked static decide shapes; the others are traced.

    Attributes:
      dimension: d, the dimension of inputs and codes (static).
      sparsity: k, with ‖z‖₀ = Θ(k) (static).
      nonzero_rate: a₂, where Pr[|z_j| ∈ [1/√k, c/√k]] = a₂k/d (static).
      atom_rate: a₁, where Pr[|z_j| = 1] = a₁/d (static).
      dictionary: M, the identity or a random unitary matrix (static).
      instance_seed: draws M and w* (static), shared by every training seed.
      value_max: c ≥ 1; c = 1 is the two-point distribution.
      margin: γ ≥ 0, the data is conditioned on |⟨w*, z⟩| ≥ γ.
      label_spread: s in [0, 1); s = 0 sets w* = 1, else |w*_j| ~ U[1−s, 1+s] with random signs.
      noise: σ_x of ξ' ~ N(0, σ_x²/d · I), or None for ξ' = 0.
      spike_noise: σ_s of the spikes ξ''_j = ±k^-0.501 with E ξ''_j² = σ_s²/d, or None for ξ'' = 0.
    """

    dimension: int = struct.field(pytree_node=False, default=1024)
    sparsity: int = struct.field(pytree_node=False, default=31)
    nonzero_rate: float = struct.field(pytree_node=False, default=1.0)
    atom_rate: float = struct.field(pytree_node=False, default=0.1)
    dictionary: Literal["identity", "random"] = struct.field(pytree_node=False, default="identity")
    instance_seed: int = struct.field(pytree_node=False, default=0)
    value_max: float = 3.0
    margin: float = 0.0
    label_spread: float = 0.0
    noise: float | None = None
    spike_noise: float | None = None

    @property
    def nonzero_probability(self) -> float:
        """Pr[z_j ≠ 0] = (a₁ + a₂k)/d."""
        return (self.atom_rate + self.nonzero_rate * self.sparsity) / self.dimension

    @property
    def slots(self) -> int:
        """Room for the support: ‖z‖₀ exceeds it with probability below 1e-9 (Bernstein)."""
        mean = self.nonzero_probability * self.dimension
        return min(self.dimension, math.ceil(mean + 6.0 * math.sqrt(mean) + 8.0))


class TabulatedCoding(SparseCoding):
    """The same x and y of codes out of a table: z is one of its rows with |⟨w*, z⟩| ≥ γ, each as likely as the others.

    a₁, a₂ and c have no meaning here, and moments are those of the table.

    Attributes:
      table: codes that were measured, say, or drawn once.
    """

    table: CodeTable = struct.field(kw_only=True)

    @property
    def untabulated(self) -> SparseCoding:
        """The config without its table, of the same M and w*."""
        return SparseCoding(**{f.name: getattr(self, f.name) for f in fields(SparseCoding)})


class Instance(NamedTuple):
    """The fixed objects of a distribution: M (None for the identity) and w*."""

    dictionary: Float[Array, "dim dim"] | None
    label_weights: Float[Array, " dim"]

    def to_input(self, codes: Float[Array, "*n dim"]) -> Float[Array, "*n dim"]:
        """M z."""
        return codes if self.dictionary is None else jnp.matmul(codes, self.dictionary.T, precision=_FULL)

    def to_code(self, inputs: Float[Array, "*n dim"]) -> Float[Array, "*n dim"]:
        """Mᵀ x: coordinates in the dictionary basis."""
        return inputs if self.dictionary is None else jnp.matmul(inputs, self.dictionary, precision=_FULL)


class Batch(NamedTuple):
    """Inputs x, labels y = ±1 and codes z."""

    x: Float[Array, "n dim"]
    y: Float[Array, " n"]
    code: Float[Array, "n dim"]


def validate(config: SparseCoding) -> None:
    """Raise `ConfigError` for a setting outside its range (concrete values only, not inside jit)."""
    require(config.dimension >= 2, "dimension d", config.dimension, "at least 2")
    require(
        1 <= config.sparsity <= config.dimension,
        "sparsity k",
        config.sparsity,
        f"1 ≤ k ≤ d = {config.dimension}",
    )
    if isinstance(config, TabulatedCoding):
        rows, *columns = config.table.codes.shape
        allowed = f"at least one row of d = {config.dimension} numbers"
        require(rows >= 1 and columns == [config.dimension], "table", config.table, allowed)
    else:
        _validate_rates(config)
    require(config.margin >= 0, "margin γ", config.margin, "γ ≥ 0")
    require(0 <= config.label_spread < 1, "label_spread s", config.label_spread, "0 ≤ s < 1")
    require(config.dictionary in ("identity", "random"), "dictionary", config.dictionary, "identity or random")
    require(config.noise is None or config.noise >= 0, "noise σ_x", config.noise, "σ_x ≥ 0")
    if config.spike_noise is not None:
        require(config.spike_noise >= 0, "spike_noise σ_s", config.spike_noise, "σ_s ≥ 0")
        rate = _spike_probability(config)
        require(rate <= 1, "spike_noise σ_s", config.spike_noise, "small enough that Pr[ξ''_j ≠ 0] ≤ 1")
    if config.margin > 0:
        rate = acceptance_rate(config)
        require(
            rate >= MIN_ACCEPTANCE,
            "margin γ",
            config.margin,
            f"met by at least 1 in {round(1 / MIN_ACCEPTANCE)} samples (std of ⟨w*, z⟩ is {label_std(config):.3g})",
        )


def _validate_rates(config: SparseCoding) -> None:
    """The fields that decide how codes are drawn."""
    require(config.nonzero_rate >= 0, "nonzero_rate a₂", config.nonzero_rate, "a₂ ≥ 0")
    require(config.atom_rate >= 0, "atom_rate a₁", config.atom_rate, "a₁ ≥ 0")
    p = config.nonzero_probability
    require(0 < p < 1, "nonzero_rate a₂, atom_rate a₁: (a₁ + a₂k)/d", p, "a probability inside (0, 1)")
    require(
        1.0 <= config.value_max <= math.sqrt(config.sparsity),
        "value_max c",
        config.value_max,
        f"1 ≤ c ≤ √k = {math.sqrt(config.sparsity):.3g}",
    )


def second_moment(config: SparseCoding) -> Float[Array, ""]:
    """E z_j² = (a₁ + a₂ (c² + c + 1)/3)/d, before conditioning on the margin; of a table its mean over rows and j."""
    if isinstance(config, TabulatedCoding):
        return jnp.mean(jnp.square(config.table.codes))
    c = jnp.asarray(config.value_max, jnp.float32)
    return (config.atom_rate + config.nonzero_rate * (c**2 + c + 1.0) / 3.0) / config.dimension


def label_std(config: SparseCoding) -> float:
    """Standard deviation of ⟨w*, z⟩ before conditioning: √(‖w*‖² E z_j²); of a table the root mean square."""
    weights = label_weights(config)
    if isinstance(config, TabulatedCoding):
        return float(jnp.sqrt(jnp.mean(scores(config.table.codes, weights) ** 2)))
    return float(jnp.sqrt(jnp.sum(weights**2) * second_moment(config)))


def acceptance_rate(config: SparseCoding, samples: int = 1 << 14) -> float:
    """Monte Carlo estimate of Pr[|⟨w*, z⟩| ≥ γ]; of a table the share of its rows."""
    if isinstance(config, TabulatedCoding):
        return float(jnp.mean(jnp.abs(scores(config.table.codes, label_weights(config))) >= config.margin))
    keys = jax.random.split(jax.random.key(0), samples)
    score = jax.jit(_scores)(keys, config, label_weights(config))
    return float(jnp.mean(jnp.abs(score) >= config.margin))


def instance(config: SparseCoding) -> Instance:
    """M and w* of the distribution, drawn from `instance_seed` (the same for every training seed)."""
    dictionary = None
    if config.dictionary == "random":
        dictionary = jax.random.orthogonal(_instance_keys(config)[0], config.dimension)
    return Instance(dictionary, label_weights(config))


def label_weights(config: SparseCoding) -> Float[Array, " dim"]:
    """w* alone: a random M of large d is dear to draw."""
    _, key_size, key_sign = _instance_keys(config)
    d = config.dimension
    spread = jnp.asarray(config.label_spread, jnp.float32)
    size = 1.0 + spread * jax.random.uniform(key_size, (d,), minval=-1.0, maxval=1.0)
    sign = jnp.where(spread > 0, jax.random.rademacher(key_sign, (d,), jnp.float32), 1.0)
    return size * sign


def _instance_keys(config: SparseCoding) -> PRNGKeyArray:
    return jax.random.split(jax.random.key(config.instance_seed), 3)


def sample(key: PRNGKeyArray, n: int, config: SparseCoding, fixed: Instance | None = None) -> Batch:
    """Draw n independent samples with |⟨w*, z⟩| ≥ γ, by rejection with fixed shapes.

    Supports are drawn by skipping geometric gaps between non-zeros, so that the cost is O(k) a
    candidate, not O(d), and the coordinates stay exactly independent. Rows are NaN if the margin is
    so rare that no candidate was found (`validate` refuses such a margin beforehand).

    Args:
      fixed: M and w*, if already drawn by `instance(config)`.
    """
    fixed = instance(config) if fixed is None else fixed
    key_code, key_noise, key_spike = jax.random.split(key, 3)
    if isinstance(config, TabulatedCoding):
        code, score = draw_rows(key_code, n, config.table.codes, fixed.label_weights, config.margin)
    else:
        keys, score = _accepted_keys(key_code, n, config, fixed.label_weights)
        position, value = jax.vmap(_draw_support, (0, None))(keys, config)
        code = _scatter(position, jnp.where(jnp.isnan(score)[:, None], jnp.nan, value), config.dimension)
    label = jnp.where(score >= 0, 1.0, -1.0)
    if config.spike_noise is None:
        x = fixed.to_input(code)
    else:
        x = fixed.to_input(code + _spikes(key_spike, n, config))
    if config.noise is not None:
        scale = config.noise / math.sqrt(config.dimension)
        x = x + scale * jax.random.normal(key_noise, x.shape)
    return Batch(x, label, code)


def _draw_support(key: PRNGKeyArray, config: SparseCoding) -> tuple[Int[Array, " slot"], Float[Array, " slot"]]:
    """Positions and values of one candidate's non-zeros; the value is 0 past the end of the vector."""
    key_gap, key_value = jax.random.split(key)
    gap = jax.random.geometric(key_gap, config.nonzero_probability, (config.slots,), dtype=jnp.int32)
    # The running sum as a product: exact (whole numbers far below 2^24), and faster than a scan on a CPU.
    below = jnp.triu(jnp.ones((config.slots, config.slots)))
    position = jnp.matmul(gap.astype(jnp.float32), below, precision=_FULL).astype(jnp.int32) - 1
    # One signed uniform decides sign, atom or not, and the size within [1/√k, c/√k].
    u = jax.random.uniform(key_value, (config.slots,), minval=-1.0, maxval=1.0)
    share = config.atom_rate / (config.atom_rate + config.nonzero_rate * config.sparsity)
    within = (jnp.abs(u) - share) / (1.0 - share) if share < 1.0 else jnp.zeros_like(u)
    size = (1.0 + (config.value_max - 1.0) * within) / math.sqrt(config.sparsity)
    value = jnp.sign(u) * jnp.where(jnp.abs(u) < share, 1.0, size)
    inside = position < config.dimension
    return jnp.where(inside, position, config.dimension - 1), jnp.where(inside, value, 0.0)


def _scores(keys: PRNGKeyArray, config: SparseCoding, label_weights: Float[Array, " dim"]) -> Float[Array, " n"]:
    """⟨w*, z⟩ of the candidates that these keys draw."""
    position, value = jax.vmap(_draw_support, (0, None))(keys, config)
    return jnp.sum(label_weights[position] * value, axis=1)


def _accepted_keys(
    key: PRNGKeyArray, n: int, config: SparseCoding, label_weights: Float[Array, " dim"]
) -> tuple[PRNGKeyArray, Float[Array, " n"]]:
    """Keys of n candidates with |⟨w*, z⟩| ≥ γ, and their ⟨w*, z⟩ (NaN where none was found).

    Rounds of n candidates each. Only keys are kept: drawing the accepted ones again is cheaper than
    moving their supports about.
    """
    keys = jax.random.key_data(jax.random.split(key, n))
    start = (jnp.int32(0), jnp.int32(0), keys, jnp.full(n, jnp.nan))

    def unfinished(state):
        rounds, filled = state[:2]
        return (filled < n) & (rounds < _MAX_ROUNDS)

    def one_round(state):
        rounds, filled, keys, scores = state
        candidates = jax.random.split(jax.random.fold_in(key, rounds), n)
        score = _scores(candidates, config, label_weights)
        met: Bool[Array, " n"] = jnp.abs(score) >= config.margin
        # Accepted candidates go to the next free rows; the rest, and any surplus, out of bounds.
        row = jnp.where(met, filled + jnp.cumsum(met) - 1, n)
        keys = keys.at[row].set(jax.random.key_data(candidates), mode="drop")
        scores = scores.at[row].set(score, mode="drop")
        return rounds + 1, jnp.minimum(filled + jnp.sum(met), n), keys, scores

    _, _, keys, scores = jax.lax.while_loop(unfinished, one_round, start)
    return jax.random.wrap_key_data(keys), scores


def _scatter(position: Int[Array, "n slot"], value: Float[Array, "n slot"], dimension: int) -> Float[Array, "n dim"]:
    n = position.shape[0]
    return jnp.zeros((n, dimension)).at[jnp.arange(n)[:, None], position].add(value)


def _spike_probability(config: SparseCoding) -> float | Float[Array, ""]:
    """Pr[ξ''_j ≠ 0] = σ_s² k^1.002 / d, so that E ξ''_j² = σ_s²/d."""
    assert config.spike_noise is not None
    return config.spike_noise**2 * config.sparsity ** (-2 * SPIKE_EXPONENT) / config.dimension


def _spikes(key: PRNGKeyArray, n: int, config: SparseCoding) -> Float[Array, "n dim"]:
    u = jax.random.uniform(key, (n, config.dimension), minval=-1.0, maxval=1.0)
    height = config.sparsity**SPIKE_EXPONENT
    return jnp.where(jnp.abs(u) < _spike_probability(config), jnp.sign(u) * height, 0.0)
