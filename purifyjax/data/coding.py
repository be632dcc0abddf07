"""Members of the family of sparse-coding data and what is drawn of them, see `sparse_coding`."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from purifyjax.data.tables import CodeTable
from purifyjax.settings import SEED, Choice, Count, Real, Setting, not_negative, require_settings, share

_FULL = jax.lax.Precision.HIGHEST

Dictionary = Literal["identity", "random"]

# In the order in which they are checked.
SETTINGS: dict[str, Setting] = {
    "dimension": Count("d", 2),
    "sparsity": Count("k"),
    "nonzero_rate": Real("a₂ ≥ 0", not_negative, "a₂", static=True),
    "atom_rate": Real("a₁ ≥ 0", not_negative, "a₁", static=True),
    "dictionary": Choice(get_args(Dictionary)),
    "instance_seed": SEED,
    "value_max": Real("1 ≤ c ≤ √k", lambda c: c >= 1, "c"),
    "margin": Real("γ ≥ 0", not_negative, "γ"),
    "label_spread": Real("0 ≤ s < 1", share, "s"),
    "noise": Real("σ_x ≥ 0", not_negative, "σ_x", optional=True),
    "spike_noise": Real("σ_s ≥ 0", not_negative, "σ_s", optional=True),
}


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
    dictionary: Dictionary = struct.field(pytree_node=False, default="identity")
    instance_seed: int = struct.field(pytree_node=False, default=0)
    value_max: float = 3.0
    margin: float = 0.0
    label_spread: float = 0.0
    noise: float | None = None
    spike_noise: float | None = None

    def __post_init__(self) -> None:
        require_settings(self, SETTINGS, made=True)

    @property
    def nonzero_probability(self) -> float:
        """Pr[z_j ≠ 0] = (a₁ + a₂k)/d."""
        return float(self.atom_rate + self.nonzero_rate * self.sparsity) / self.dimension

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
