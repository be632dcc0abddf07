"""Patch-structured data of *Adversarial Training Can Provably Improve Robustness* (Li & Li, arXiv 2410.08503).

An input is a list of P patches x_1 … x_P in R^d with a label y in {0, …, K − 1}. Every class c has a robust feature
u_c and a non-robust feature v_c, all 2K of them orthonormal:

    x_p = α_p u_y + ξ_p   on a random set J_R of P_R patches,
    x_p = β_p v_y + ξ_p   on the other P_NR = P − P_R.

With α > ε > β at the radius ε of a perturbation of every patch, u is strong but sparse, v weak but dense.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from purifyjax.errors import require

_FULL = jax.lax.Precision.HIGHEST

NoiseSpace = Literal["complement", "full"]


class Patches(struct.PyTreeNode):
    """One member of the family. Fields marked static decide shapes; the others are traced.

    Attributes:
      classes: K (static).
      patches: P (static).
      robust_patches: P_R, how many carry the robust feature (static).
      dimension: d of one patch (static).
      instance_seed: draws the features (static), shared by every training seed.
      robust_strength: α.
      nonrobust_strength: β.
      spread: s in [0, 1); α_p ~ U[(1 − s)α, (1 + s)α] and β_p ~ U[(1 − s)β, (1 + s)β], independent.
      noise: σ of ξ_p ~ N(0, σ² Π).
      noise_space: Π projects away from all features ("complement") or is the identity ("full") (static).
    """

    classes: int = struct.field(pytree_node=False, default=2)
    patches: int = struct.field(pytree_node=False, default=18)
    robust_patches: int = struct.field(pytree_node=False, default=1)
    dimension: int = struct.field(pytree_node=False, default=100)
    instance_seed: int = struct.field(pytree_node=False, default=0)
    robust_strength: float = 1.0
    nonrobust_strength: float = 0.3
    spread: float = 0.0
    noise: float = 0.0
    noise_space: NoiseSpace = struct.field(pytree_node=False, default="complement")

    @property
    def nonrobust_patches(self) -> int:
        """P_NR."""
        return self.patches - self.robust_patches


class PatchFeatures(NamedTuple):
    """The orthonormal features u_c and v_c."""

    robust: Float[Array, "class dim"]
    nonrobust: Float[Array, "class dim"]

    def everywhere(self, kind: Literal["robust", "nonrobust"], patches: int) -> Float[Array, "class patches*dim"]:
        """A feature in every patch, as flat inputs: the direction of a perturbation of all patches."""
        return jnp.tile(getattr(self, kind), (1, patches))


class PatchBatch(NamedTuple):
    """Inputs with their patches one after another in a row, labels, and which patches carry the robust feature."""

    x: Float[Array, "n patches*dim"]
    y: Int[Array, " n"]
    robust: Bool[Array, "n patch"]


def validate_patches(config: Patches) -> None:
    """Raise `ConfigError` for a setting outside its range (concrete values only, not inside jit)."""
    require(config.classes >= 2, "classes K", config.classes, "at least 2")
    require(config.patches >= 2, "patches P", config.patches, "at least 2")
    require(
        1 <= config.robust_patches < config.patches,
        "robust_patches P_R",
        config.robust_patches,
        f"1 ≤ P_R < P = {config.patches}",
    )
    room = 2 * config.classes
    require(
        config.dimension >= room, "dimension d", config.dimension, f"at least 2K = {room}, for orthonormal features"
    )
    require(config.robust_strength > 0, "robust_strength α", config.robust_strength, "α > 0")
    require(config.nonrobust_strength > 0, "nonrobust_strength β", config.nonrobust_strength, "β > 0")
    require(0 <= config.spread < 1, "spread s", config.spread, "0 ≤ s < 1")
    require(config.noise >= 0, "noise σ", config.noise, "σ ≥ 0")
    kinds = get_args(NoiseSpace)
    require(config.noise_space in kinds, "noise_space", config.noise_space, " or ".join(kinds))


def patch_features(config: Patches) -> PatchFeatures:
    """u_c and v_c, drawn from `instance_seed` (the same for every training seed)."""
    gaussian = jax.random.normal(jax.random.key(config.instance_seed), (config.dimension, 2 * config.classes))
    basis = jnp.linalg.qr(gaussian)[0].T
    return PatchFeatures(basis[: config.classes], basis[config.classes :])


def sample_patches(key: PRNGKeyArray, n: int, config: Patches, fixed: PatchFeatures | None = None) -> PatchBatch:
    """Draw n independent samples; labels are uniform over the classes, J_R uniform over the sets of P_R patches.

    Args:
      fixed: the features, if already drawn by `patch_features(config)`.
    """
    u, v = patch_features(config) if fixed is None else fixed
    key_label, key_place, key_strength, key_noise = jax.random.split(key, 4)
    y = jax.random.randint(key_label, (n,), 0, config.classes)
    order = jnp.argsort(jax.random.uniform(key_place, (n, config.patches)), axis=1)
    robust = order < config.robust_patches
    spread = config.spread * jax.random.uniform(key_strength, (n, config.patches), minval=-1.0, maxval=1.0)
    strength = (1.0 + spread) * jnp.where(robust, config.robust_strength, config.nonrobust_strength)
    x = strength[..., None] * jnp.where(robust[..., None], u[y][:, None], v[y][:, None])
    noise = config.noise * jax.random.normal(key_noise, x.shape)
    if config.noise_space == "complement":
        every = jnp.concatenate([u, v])
        noise = noise - jnp.matmul(jnp.matmul(noise, every.T, precision=_FULL), every, precision=_FULL)
    return PatchBatch((x + noise).reshape(n, -1), y, robust)
