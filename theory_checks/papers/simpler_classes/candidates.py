"""The models of the simpler classes that are fitted by gradient descent, clean and adversarially."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from purifyjax.attacks import Attack
from purifyjax.balls import Ball
from purifyjax.data import SparseCoding, instance, label_std, sample, second_moment
from purifyjax.margins import Margin
from purifyjax.models import (
    CoordinatePolynomial,
    Polynomial,
    RandomFeatures,
    SymmetricPolynomial,
    TangentKernel,
    kernel_margin,
    margin,
    power_sum_terms,
    tangent_kernel,
)
from purifyjax.seeds import each
from purifyjax.training import Training, fit, initial_state
from purifyjax.training.schedules import threshold
from purifyjax.training.trajectory import stage_keys
from theory_checks.papers.simpler_classes.config import Adversaries, ClassesConfig

TRAINING = 0xC1A55  # keys of these fits, apart from those of the nets
_HIGHEST = jax.lax.Precision.HIGHEST


@dataclass(frozen=True)
class ModelMargin:
    """(trained parameters, fixed ones) -> margin y f(x) of a model that has both."""

    model: nn.Module

    def __call__(self, variables: tuple[Any, Any]) -> Margin:
        trained, fixed = variables
        return lambda x, y: margin(self.model, trained, x, y, fixed=fixed)


@dataclass(frozen=True)
class KernelMargin:
    """(training points, dual coefficients) -> margin of the infinitely wide tangent kernel's predictor.

    Attributes:
      threshold: of the neurons, for weights of unit variance.
    """

    threshold: float

    def __call__(self, fitted: tuple[jax.Array, jax.Array]) -> Margin:
        return kernel_margin(tangent_kernel(self.threshold), *fitted)


@dataclass(frozen=True)
class Candidate:
    """One model of a class to be fitted.

    Attributes:
      family: polynomial, tangent kernel or random features.
      name: which member.
      model: what is fitted.
      rates: learning rates to try.
      steps: of every fit.
      adversaries: of its trainings.
      degree: of a polynomial.
      width: of a tangent kernel.
      own_gates: the training, of a network of that width, whose initial gates a tangent kernel takes.
      curve: whether it is judged at all radii, or at τ alone.
    """

    family: str
    name: str
    model: nn.Module
    rates: tuple[float, ...]
    steps: int
    adversaries: Adversaries
    degree: float = float("nan")
    width: float = float("nan")
    own_gates: Training | None = None
    curve: bool = True

    @property
    def margin_of(self) -> ModelMargin:
        """Trained and fixed parameters together -> margin function."""
        return ModelMargin(self.model)

    def start(self, key: jax.Array, seed: jax.Array, dimension: int) -> tuple[Any, Any]:
        """Trained parameters and fixed ones."""
        variables = self.model.init(key, jnp.zeros((1, dimension)))
        fixed = variables.get("fixed", {}) if self.own_gates is None else initial_gates(seed, self.own_gates)
        return variables["params"], fixed


def initial_gates(seed: jax.Array, training: Training) -> dict[str, jax.Array]:
    """w⁰ of a seed's network, and the thresholds of its first step."""
    state, phase = initial_state(stage_keys(jax.random.key(seed))[0], training), training.clean[0]
    norm, rms = jnp.linalg.norm(state.weight, axis=1), jnp.sqrt(second_moment(training.data))
    return {"weight": state.weight, "threshold": threshold(phase, 0, phase.steps, norm, state.threshold, rms)}


def candidates(config: ClassesConfig) -> Iterator[Candidate]:
    """Every model that is fitted by gradient descent."""
    search, data = config.search, config.training.data
    x = sample(jax.random.key(TRAINING), search.pilot_points, data).x
    length = float(jnp.mean(jnp.linalg.norm(x, axis=1)))
    every = search.adversaries
    for degree, rates in ((2, search.quadratic_rates), (3, search.cubic_rates)):
        scale = tuple(float(jnp.sqrt(jnp.mean(term**2))) for term in power_sum_terms(x, degree))
        model = SymmetricPolynomial(degree, scale)
        yield Candidate("polynomial", f"degree {degree}, symmetric", model, rates, search.cheap_steps, every, degree)
    for degree in search.coordinate_degrees:
        # The unit is the size of a typical feature: all powers of it are of order one.
        model = CoordinatePolynomial(degree, label_std(data) / math.sqrt(data.sparsity))
        about = ("polynomial", f"degree {degree}, a coordinate")
        yield Candidate(*about, model, search.cubic_rates[-1:], search.cheap_steps, every, degree)
    # Cubes of linear forms of which none is known beforehand: what a search without symmetry finds.
    generic = Polynomial(3, data.dimension, init_scale=1.0 / length, precision=_HIGHEST)
    yield Candidate("polynomial", "degree 3, generic", generic, search.rates[:1], search.steps, every, 3)
    for factor, deviations in search.tangent:
        yield _tangent(config, factor, deviations, length)
    for neurons, deviations in search.features:
        model = RandomFeatures(neurons, deviations * length, precision=_HIGHEST)
        about = ("random features", f"m = {neurons}, {deviations:g} sd")
        yield Candidate(*about, model, search.rates[-1:], search.steps, every)


def _tangent(config: ClassesConfig, factor: int, deviations: float | None, length: float) -> Candidate:
    """A tangent kernel of some times the network's width, with random thresholds or the network's own gates."""
    search, training = config.search, config.training.replace(neurons=factor * config.training.neurons)
    wide = factor > 1
    return Candidate(
        "tangent kernel",
        f"m = {training.neurons}, {'own initial gates' if deviations is None else f'{deviations:g} sd'}",
        # The threshold is replaced where the gates are the network's: one program serves both.
        TangentKernel(training.neurons, length * (deviations or 1.0), precision=_HIGHEST),
        (search.tangent_rate / training.neurons,),
        search.wide_steps if wide else search.steps,
        search.adversaries if not wide and deviations is not None else search.wide_adversaries,
        width=training.neurons,
        own_gates=training if deviations is None else None,
        curve=not wide,
    )


def fits(candidate: Candidate, data: SparseCoding, batch_size: int, adversary: Attack | None) -> Callable[..., Any]:
    """(keys, seeds, learning rate, radius) -> trained and fixed parameters, and losses [seed, step], jitted."""
    fixed_data = instance(data)

    @jax.jit
    def run(keys: jax.Array, seeds: jax.Array, rate: jax.Array, radius: jax.Array) -> tuple[tuple[Any, Any], jax.Array]:
        def one(args):
            key, seed = args
            key_start, key_fit = jax.random.split(key)
            trained, fixed = candidate.start(key_start, seed, data.dimension)
            found = fit(
                key_fit,
                lambda params: candidate.margin_of((params, fixed)),
                trained,
                lambda key: sample(key, batch_size, data, fixed_data)[:2],
                Ball(radius),
                adversary=adversary,
                steps=candidate.steps,
                learning_rate=rate,
            )
            return (found.params, fixed), found.loss

        return each(one, (keys, seeds))

    return run
