"""What is looked at on the way through a training of the theorem's network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.analysis import dense_size, features
from purifyjax.attacks import pgd
from purifyjax.balls import Ball
from purifyjax.data import Instance, SparseCoding
from purifyjax.margins import MarginOf
from purifyjax.seeds import each, over_seeds
from purifyjax.training import TrainState
from theory_checks.experiment import Arrays, Seeds
from theory_checks.measuring.points import fresh_points, instance_of


@dataclass(frozen=True)
class Monitor:
    """What is looked at on the way through a training.

    Attributes:
      ball: of the perturbations.
      points: fresh points a seed.
      steps: of PGD.
      mixtures: whether to look at the weights as well.
    """

    ball: Ball
    points: int = 256
    steps: int = 5
    mixtures: bool = False


def monitored(of: MarginOf, data: SparseCoding, monitor: Monitor, seeds: Seeds) -> Callable[[TrainState], Arrays]:
    """For the curves through training: clean accuracy, accuracy under PGD and, if asked for, `middle_neuron`."""
    x, y = fresh_points(jnp.asarray(seeds), monitor.points, data, "monitor")
    fixed = instance_of(data)

    def found(state: TrainState) -> Arrays:
        rows = over_seeds(_accuracies, (state.weight, state.threshold, x, y), monitor.ball, of, monitor.steps)
        if monitor.mixtures:
            rows |= over_seeds(middle_neuron, (state.weight,), fixed, data.sparsity)
        return {name: np.asarray(values) for name, values in rows.items()}

    return found


@partial(jax.jit, static_argnames=("of", "steps"))
def _accuracies(weight, threshold, x, y, ball: Ball, of: MarginOf, steps: int) -> dict[str, jax.Array]:
    def one(args):
        w, b, xs, ys = args
        m = of({"weight": w, "threshold": b})
        attacked = pgd(jax.random.key(0), m, xs, ys, ball, steps=steps)
        return {"clean_accuracy": jnp.mean(m(xs, ys) > 0), "robust_accuracy": jnp.mean(attacked.margin > 0)}

    return each(one, (weight, threshold, x, y))


@partial(jax.jit, static_argnames="sparsity")
def middle_neuron(weight: jax.Array, fixed: Instance, sparsity: int) -> dict[str, jax.Array]:
    """Medians over all m neurons of every seed: C, the mixture's coefficient a_i on w*, and the feature's |c_i|."""

    def one(w):
        code = fixed.to_code(w)
        mixture = features(code, fixed.label_weights, sparsity).mixture
        dense = dense_size(code, fixed.label_weights)
        found = {"mixture": mixture, "dense": dense, "feature": jnp.max(jnp.abs(code), axis=1)}
        return {name: jnp.median(values) for name, values in found.items()}

    return each(one, weight)
