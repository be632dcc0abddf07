"""Feature purification at a cell of a grid: train w⁰ → w → w′, and measure how much perturbation each net bears."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.analysis import features
from purifyjax.attacks import apgd, minimal_norm
from purifyjax.balls import Ball
from purifyjax.data import instance, sample
from purifyjax.errors import require, require_count, require_real
from purifyjax.grids.task import Task, static
from purifyjax.margins import Margin
from purifyjax.models import NetMargin, SymmetricReLU
from purifyjax.settings import not_negative, positive
from purifyjax.training import Training, train, validate
from purifyjax.training.recipes import MARGIN, RADIUS, feature_purification

_POINTS = 0x9019  # the key of the points, apart from those of the training
_REACH = 4.0  # beyond so many τ no critical radius is looked for
_NETS = {"clean": "w", "robust": "w′"}  # after clean and after adversarial training
_OF_A_NET = {
    "accuracy_{}": "share of the points that {} classifies rightly",
    "robust_{}": "share of the points that {} classifies rightly under APGD at τ",
    "radius_{}": "ℓ2 radius at which half of the points of {} fall, by FMN, and by APGD at τ: an upper bound",
    "mixture_{}": "C of {}, median over its neurons: the dense mixture in units of |c| k/d",
    "purity_{}": "|cos(w_i, M_j)| with a neuron's own feature, median over the neurons of {}",
    "memory_{}": "|cos(w_i, w_i⁰)|, median over the neurons of {}",
}


class Purification(Task):
    """The theorem's network by the default recipe, trained and attacked.

    Attributes:
      dimension, sparsity: d and k (static); k = 0 stands for ⌊√d⌋.
      width: m/d (static).
      pace: number of steps, relative to the schedule at d = 1024 (static).
      batch_size: of both stages (static).
      points: fresh points of every cell (static).
      steps: of the attacks (static).
      margin: γ in standard deviations σ of ⟨w*, z⟩.
      radius: τ in units of σ/√k.
      clean_threshold: that the clean stage ends with, in standard deviations of the pre-activation.
    """

    dimension: int = static(64)
    sparsity: int = static(0)
    width: int = static(4)
    pace: float = static(0.5)
    batch_size: int = static(128)
    points: int = static(256)
    steps: int = static(20)
    margin: float = MARGIN
    radius: float = RADIUS
    clean_threshold: float = 1.6

    columns: ClassVar[Mapping[str, str]] = {
        "tau": "τ, in the units of x",
        "radius_linear": "ℓ2 radius at which half of the points of sign⟨M w*, x⟩ fall, exactly",
        **{
            name.format(net): meaning.format(symbol)
            for net, symbol in _NETS.items()
            for name, meaning in _OF_A_NET.items()
        },
        "diverged": "whether a weight, threshold or loss is not finite",
    }

    @property
    def k(self) -> int:
        """The sparsity."""
        return self.sparsity or math.isqrt(self.dimension)

    def training(self) -> tuple[Training, Float[Array, ""] | float]:
        """The run and τ."""
        return feature_purification(
            dimension=self.dimension,
            sparsity=self.k,
            neurons=self.width * self.dimension,
            pace=self.pace,
            batch_size=self.batch_size,
            margin=self.margin,
            radius=self.radius,
            clean_threshold=self.clean_threshold,
            value_max=min(3.0, math.sqrt(self.k)),
        )

    def validate(self) -> None:
        require_count("sparsity k", self.sparsity, least=0)
        for name in ("dimension", "width", "batch_size", "points", "steps"):
            require_count(name, getattr(self, name))
        require(self.dimension >= 4, "dimension", self.dimension, "at least 4")
        require_real("pace", self.pace, "more than 0", positive)
        require_real("radius τ", self.radius, "more than 0", positive)
        for name in ("margin", "clean_threshold"):
            require_real(name, getattr(self, name), "at least 0", not_negative)
        validate(self.training()[0])

    @property
    def cell_bytes(self) -> float:
        neurons = self.width * self.dimension
        return 4.0 * (6 * neurons * self.dimension + 8 * max(self.batch_size, self.points) * neurons)

    def __call__(self, key: PRNGKeyArray) -> dict[str, Array]:
        config, tau = self.training()
        fixed, run = instance(config.data), train(key, config)
        key_points, *keys = jax.random.split(jax.random.fold_in(key, _POINTS), 3)
        x, y, code = sample(key_points, self.points, config.data, fixed)
        score = jnp.abs(jnp.matmul(code, fixed.label_weights, precision=jax.lax.Precision.HIGHEST))
        found = {
            "tau": jnp.asarray(tau, jnp.float32),
            "radius_linear": jnp.median(score) / jnp.linalg.norm(fixed.label_weights),
            "diverged": run.diverged,
        }
        margin_of = NetMargin(SymmetricReLU(config.neurons, precision=jax.lax.Precision.HIGHEST))
        nets = {"clean": (run.w_clean, run.b_clean), "robust": (run.w_robust, run.b_robust)}
        for own, (net, (weight, threshold)) in zip(keys, nets.items(), strict=True):
            attacked = self._attacked(own, margin_of({"weight": weight, "threshold": threshold}), x, y, tau)
            neurons = features(fixed.to_code(weight), fixed.label_weights, self.k)
            cosine = jnp.sum(weight * run.w_init, axis=1) / (
                jnp.linalg.norm(weight, axis=1) * jnp.linalg.norm(run.w_init, axis=1)
            )
            weights = {
                "mixture": jnp.median(neurons.mixture),
                "purity": jnp.median(neurons.purity),
                "memory": jnp.median(jnp.abs(cosine)),
            }
            found |= {f"{name}_{net}": value for name, value in (attacked | weights).items()}
        return found

    def _attacked(self, key: PRNGKeyArray, margin: Margin, x: Array, y: Array, tau: Array | float) -> dict[str, Array]:
        key_apgd, key_fmn = jax.random.split(key)
        strongest = apgd(key_apgd, margin, x, y, Ball(tau), steps=self.steps, restarts=2)
        least = minimal_norm(key_fmn, margin, x, y, Ball(_REACH * tau), steps=2 * self.steps, bisections=10)
        # What APGD breaks at τ is broken there, whatever the other attack found.
        radius = jnp.where(strongest.margin > 0, least.radius, jnp.minimum(least.radius, tau))
        return {
            "accuracy": jnp.mean(margin(x, y) > 0),
            "robust": jnp.mean(radius > tau),
            "radius": jnp.median(radius),
        }
