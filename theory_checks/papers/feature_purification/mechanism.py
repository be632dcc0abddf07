"""Operations on trained nets, without further training: is it the mixture that decides about robustness?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float, Int, PRNGKeyArray

from purifyjax.analysis import dense_part, dense_size, own_feature
from purifyjax.attacks import APGD
from purifyjax.commands.progress import Progress
from purifyjax.data import Instance, instance
from purifyjax.seeds import each, over_seeds
from purifyjax.stats.sequential import RepeatedIntervals
from theory_checks.experiment import Nets, Seeds
from theory_checks.measuring.attacked import counts_in_blocks
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.looks import until_decided
from theory_checks.measuring.points import attack_keys, fresh_points, instance_of
from theory_checks.measuring.robustness import universal
from theory_checks.measuring.two_layer import CONTINUED, margin_of, parameters
from theory_checks.papers.feature_purification.config import PurificationConfig, Surgery
from theory_checks.papers.feature_purification.tables import MECHANISM, MIXTURES, UNTOUCHED
from theory_checks.verdict import Relation


class Coded(NamedTuple):
    """A net in the dictionary basis."""

    code: Float[Array, "neuron dim"]
    threshold: Float[Array, " neuron"]

    @property
    def feature(self) -> Int[Array, " neuron"]:
        """j of every neuron."""
        return own_feature(self.code)

    @property
    def size(self) -> Float[Array, " neuron"]:
        """|c_i|, of its feature."""
        return jnp.max(jnp.abs(self.code), axis=1)

    @property
    def norm(self) -> Float[Array, " neuron"]:
        """‖w_i‖."""
        return jnp.linalg.norm(self.code, axis=1)


@dataclass(frozen=True)
class Patient:
    """The nets of a seed, and what operations on them need.

    Attributes:
      w, w_robust: after clean and after adversarial training.
      label_weights: w*.
      key: of random directions.
    """

    w: Coded
    w_robust: Coded
    label_weights: Float[Array, " dim"]
    key: PRNGKeyArray

    @property
    def mixture_size(self) -> Float[Array, " neuron"]:
        """a_i of w along w*."""
        return dense_size(self.w.code, self.label_weights)

    def random(self, *shape: int) -> Float[Array, "*shape dim"]:
        """Directions as dense and as long as w*, with random signs."""
        signs = jax.random.rademacher(self.key, (*shape, len(self.label_weights)), dtype=jnp.float32)
        return signs * jnp.broadcast_to(jnp.abs(self.label_weights), signs.shape)


def mixture_out(p: Patient) -> Coded:
    """w less its component along Mw*, its own feature kept."""
    return p.w._replace(code=p.w.code - dense_part(p.mixture_size, p.w.feature, p.label_weights))


def mixture_in(p: Patient) -> Coded:
    """w′ plus the mixture that w had, as large beside the neuron's feature as it was there: C_i of w."""
    return _with(p, p.label_weights)


def random_out(p: Patient) -> Coded:
    """The placebo: w less its component along a random dense direction, its own feature kept."""
    direction = p.random()
    return p.w._replace(code=p.w.code - dense_part(dense_size(p.w.code, direction), p.w.feature, direction))


def shared_random_in(p: Patient) -> Coded:
    """w′ plus as much as the mixture of one random dense direction, the same for all neurons."""
    return _with(p, p.random())


def own_random_in(p: Patient) -> Coded:
    """w′ plus as much as the mixture of a random dense direction of each neuron's own."""
    return _with(p, p.random(len(p.w_robust.code)))


def _with(p: Patient, direction: Float[Array, "*n dim"]) -> Coded:
    # Adversarial training scales neurons: w = βw′ + v puts v/β, and not v, beside w′.
    size = p.mixture_size * p.w_robust.size / jnp.where(p.w.size > 0, p.w.size, 1.0)
    return p.w_robust._replace(code=p.w_robust.code + dense_part(size, p.w_robust.feature, direction))


def threshold_of(net: Coded, other: Coded) -> Coded:
    """The net's weights under the other's thresholds, which are in units of ‖w_i‖: b_i = b°_i ‖w_i‖/‖w°_i‖."""
    return net._replace(threshold=other.threshold * net.norm / jnp.where(other.norm > 0, other.norm, 1.0))


# The net that is operated on, what is done to it, and how.
OPERATIONS: dict[tuple[str, str], Callable[[Patient], Coded]] = {
    ("clean", UNTOUCHED): lambda p: p.w,
    ("clean", "mixture out"): mixture_out,
    ("clean", "random direction out"): random_out,
    ("clean", "other's threshold"): lambda p: threshold_of(p.w, p.w_robust),
    ("robust", UNTOUCHED): lambda p: p.w_robust,
    ("robust", "mixture in"): mixture_in,
    ("robust", "shared random direction in"): shared_random_in,
    ("robust", "own random directions in"): own_random_in,
    ("robust", "other's threshold"): lambda p: threshold_of(p.w_robust, p.w),
}

TRAINED_ON = ("clean", "trained on")
# What claims bound: how many points stand of an operated net at a radius in units of τ; at 0 these are the clean ones.
BOUNDS: dict[tuple[str, str, float], tuple[Relation, float]] = {
    ("clean", "mixture out", 1.0): (">=", 0.4),
    ("clean", "mixture out", 0.8): (">=", 0.7),
    ("robust", "mixture in", 1.0): ("<=", 0.05),
    ("robust", "mixture in", 0.0): (">=", 0.99),
    ("clean", "other's threshold", 1.0): ("<=", 0.05),
    ("robust", "other's threshold", 1.0): (">=", 0.8),
    (*TRAINED_ON, 0.0): (">=", 0.99),
    (*TRAINED_ON, 1.0): ("<=", 0.01),
}
# Points whose outcome the placebo changes: all are looked at, on the untouched net as well.
PLACEBO, CHANGED = ("clean", "random direction out"), 0.02


def mechanism(
    config: PurificationConfig, surgery: Surgery, seeds: Seeds, nets: Nets, progress: Progress
) -> pd.DataFrame:
    """Accuracy of every operated net and of the one that was trained on without an adversary, on the same points.

    In blocks, as many as a claim's bound needs; where none is set the first block is enough for a figure.
    """
    x, y = fresh_points(jnp.asarray(seeds), surgery.points, config.training.data, "mechanism")
    run = partial(worst_case, attack_keys(seeds), margin_of(config.training.neurons), chunk=config.evaluation.chunk)
    suite = (universal(config.training.data), APGD(steps=surgery.steps, restarts=surgery.restarts))
    every, frames, untouched = np.arange(surgery.points), [], {}
    for net, change in progress.over((*OPERATIONS, TRAINED_ON)):
        trained_on = (net, change) == TRAINED_ON
        params = parameters(nets[CONTINUED]) if trained_on else operated(config, seeds, nets, net, change)
        right = standing = run(params, x, y, config.ball.replace(radius=0.0), ()).standing
        looks, n = RepeatedIntervals((surgery.points,)), np.full(len(seeds), surgery.points)
        for factor in (0.0, *surgery.radii):
            ball = config.ball.replace(radius=factor * config.radius)
            if factor:
                looks, bounds = _planned(surgery, net, change, factor)
                # A point that was not looked at before may have fallen at the smaller radius.
                before = np.where(every < n[:, None], standing, right)

                def of_block(block, points, asking, ball=ball, before=before, params=params):
                    del block
                    left = before[:, points] & asking[:, None]
                    return run(params, x[:, points], y[:, points], ball, suite, standing=left).standing

                standing, n = until_decided(of_block, len(seeds), looks, bounds)
                standing = np.pad(standing, ((0, 0), (0, surgery.points - standing.shape[1])))
            head = {"experiment": config.name, "net": net, "change": change, "radius": ball.radius}
            first, first_n = untouched.setdefault((net, factor), (standing, n))
            differs = ((standing != first) & (every < n[:, None])).sum(axis=1)
            frame = counts_in_blocks(seeds, standing, n, looks, **head)
            frames.append(frame.assign(differs=np.where(first_n >= n, differs, np.nan)))
    return MECHANISM.checked(pd.concat(frames, ignore_index=True))


def _planned(surgery: Surgery, net: str, change: str, factor: float) -> tuple[RepeatedIntervals, tuple[float, ...]]:
    """When the points may be enough, and the bounds that they have to clear."""
    bound = BOUNDS.get((net, change, factor))
    if bound is not None:
        return RepeatedIntervals.doubling(surgery.points, surgery.first), bound[1:]
    compared = (net, change) in (PLACEBO, (PLACEBO[0], UNTOUCHED))
    return RepeatedIntervals((min(surgery.compared if compared else surgery.first, surgery.points),)), ()


def mixtures(config: PurificationConfig, surgery: Surgery, seeds: Seeds, nets: Nets) -> pd.DataFrame:
    """What the clean net's mixture is to the points of `mechanism`: its share of the margin, its cosine with inputs."""
    points = fresh_points(jnp.asarray(seeds), surgery.points, config.training.data, "mechanism")

    def mean_margin(change: str) -> np.ndarray:
        params = operated(config, seeds, nets, "clean", change)
        return np.asarray(over_seeds(_mean_margins, (params, *points), config.training.neurons))

    fixed = instance(config.training.data)
    direction = np.asarray(fixed.to_input(fixed.label_weights))
    cosines = [np.abs(x @ direction) / np.linalg.norm(x, axis=-1) / np.linalg.norm(direction) for x in points[0]]
    columns = {
        "experiment": config.name,
        "seed": seeds,
        "margin_share": 1.0 - mean_margin("mixture out") / mean_margin(UNTOUCHED),
        "largest_cosine": [own.max() for own in cosines],
        "points": surgery.points,
    }
    return MIXTURES.checked(pd.DataFrame(columns))


@partial(jax.jit, static_argnums=3)
def _mean_margins(params, x, y, neurons: int):
    return each(lambda args: jnp.mean(margin_of(neurons)(args[0])(*args[1:])), (params, x, y))


def operated(config: PurificationConfig, seeds: Seeds, nets: Nets, net: str, change: str) -> dict[str, jax.Array]:
    """Weights and thresholds of every seed's net after an operation of `OPERATIONS`."""
    trained = (attack_keys(seeds), parameters(nets["clean"]), parameters(nets["robust"]))
    number = np.int32([*OPERATIONS].index((net, change)))
    return over_seeds(_operate, trained, instance_of(config.training.data), number)


@jax.jit
def _operate(keys, clean, robust, fixed: Instance, number) -> dict[str, jax.Array]:
    """Every seed's net after one of `OPERATIONS`: one program for all of them."""

    def one(args):
        key, *nets = args
        w, w_robust = (Coded(fixed.to_code(net["weight"]), net["threshold"]) for net in nets)
        patient = Patient(w, w_robust, fixed.label_weights, key)
        found = jax.lax.switch(number, [partial(operation, patient) for operation in OPERATIONS.values()])
        return {"weight": fixed.to_input(found.code), "threshold": found.threshold}

    return each(one, (keys, clean, robust))
