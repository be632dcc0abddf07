"""Clean nets of a dense unitary M out of those of the identity: what is known by symmetry is not trained."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from purifyjax.balls import Ball
from purifyjax.data import SparseCoding
from purifyjax.training import Training
from theory_checks.experiment import Arrays, Nets, Seeds, Stage
from theory_checks.measuring.points import instance_of
from theory_checks.measuring.two_layer import Monitor, stages

ROTATED = "rotated-"  # before the names of stages whose clean nets are others', rotated


def rotated(twin: Training, twin_radius: float, training: Training, monitor: Monitor) -> tuple[Stage, Stage, Stage]:
    """The stages for a dense unitary M, whose clean nets need no training: the identity's stage, its nets rotated, and
    the robust stage from them.

    Gradient descent is equivariant: nets that begin at w⁰Mᵀ and learn from x = Mz end at wMᵀ, where w begins at w⁰ and
    learns from z. What is told of them on the way, robust accuracy in ℓ2 among it, is the identity's.

    Args:
      twin, twin_radius: the identity's training, without noise as the dense one, and the radius it is monitored at.
    """
    identity = stages(twin, Monitor(Ball(twin_radius), mixtures=True))[0]

    def turn(seeds: Seeds, before: Nets, **options: Any) -> Arrays:
        del seeds, options
        return before[identity.name] | {"weight": turned(before[identity.name]["weight"], training.data)}

    clean = Stage(f"{ROTATED}clean", training.replace(robust=()), 0, turn, after=(identity.name,))
    return identity, clean, stages(training, monitor, prefix=ROTATED)[1]


def turned(weight: Float[np.ndarray, "seed neuron dim"], data: SparseCoding) -> Float[np.ndarray, "seed neuron dim"]:
    """wMᵀ: weights that see Mz as w sees z."""
    return np.asarray(instance_of(data).to_input(jnp.asarray(weight)))
