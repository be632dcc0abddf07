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

from purifyjax.errors import require, require_count
from purifyjax.modes import GENERATOR, own_key, single
from purifyjax.settings import SEED, Choice, Count, Real, Setting, not_negative, positive, require_settings, share

_FULL = jax.lax.Precision.HIGHEST

NoiseSpace = Literal["complement", "full"]

# In the order in which they are checked.
_SETTINGS: dict[str, Setting] = {
    "classes": Count("K", 2),
    "patches": Count("P", 2),
    "robust_patches": Count("P_R"),
    "dimension": Count("d"),
    "instance_seed": SEED,
    "robust_strength": Real("α > 0", positive, "α"),
    "nonrobust_strength": Real("β > 0", positive, "β"),
    "spread": Real("0 ≤ s < 1", share, "s"),
    "noise": Real("σ ≥ 0", not_negative, "σ"),
    "noise_space": Choice(get_args(NoiseSpace)),
}


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

    def __post_init__(self) -> None:
        require_settings(self, _SETTINGS, made=True)

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
    """Raise `ConfigError` for a setting outside its range; traced values are not looked at."""
    require(isinstance(config, Patches), "data", config, "Patches")
    require_settings(config, _SETTINGS)
    robust, p, room = config.robust_patches, config.patches, 2 * config.classes
    require(robust < p, "robust_patches P_R", robust, f"1 ≤ P_R < P = {p}")
    allowed = f"at least 2K = {room}, for orthonormal features"
    require(config.dimension >= room, "dimension d", config.dimension, allowed)


def patch_features(config: Patches) -> PatchFeatures:
    """u_c and v_c, drawn from `instance_seed` (the same for every training seed)."""
    key = jax.random.key(config.instance_seed, impl=GENERATOR)
    gaussian = jax.random.normal(key, (config.dimension, 2 * config.classes), jnp.float32)
    basis = jnp.linalg.qr(gaussian)[0].T
    return PatchFeatures(basis[: config.classes], basis[config.classes :])


def sample_patches(key: PRNGKeyArray, n: int, config: Patches, fixed: PatchFeatures | None = None) -> PatchBatch:
    """Draw n independent samples; labels are uniform over the classes, J_R uniform over the sets of P_R patches.

    Args:
      key: of any generator; of others than Threefry only the words matter.
      n: at least 0 (static).
      fixed: the features, if already drawn by `patch_features(config)`.

    Raises:
      ConfigError: no key, or n that is no whole number.
    """
    require_count("n", n, least=0)
    config = single(config)
    u, v = single(patch_features(config) if fixed is None else fixed)
    key_label, key_place, key_strength, key_noise = jax.random.split(own_key(key), 4)
    shape = (n, config.patches)
    y = jax.random.randint(key_label, (n,), 0, config.classes, jnp.int32)
    order = jnp.argsort(jax.random.uniform(key_place, shape, jnp.float32), axis=1)
    robust = order < config.robust_patches
    spread = config.spread * jax.random.uniform(key_strength, shape, jnp.float32, -1.0, 1.0)
    strength = (1.0 + spread) * jnp.where(robust, jnp.float32(config.robust_strength), config.nonrobust_strength)
    x = strength[..., None] * jnp.where(robust[..., None], u[y][:, None], v[y][:, None])
    noise = config.noise * jax.random.normal(key_noise, x.shape, jnp.float32)
    if config.noise_space == "complement":
        every = jnp.concatenate([u, v])
        noise = noise - jnp.matmul(jnp.matmul(noise, every.T, precision=_FULL), every, precision=_FULL)
    return PatchBatch((x + noise).reshape(n, config.patches * config.dimension), y, robust)
