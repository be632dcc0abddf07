"""The models of the simpler classes that are fitted by gradient descent, clean and adversarially."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from purifyjax.attacks import Attack
from purifyjax.balls import Ball
from purifyjax.data import SparseCoding, instance, sample
from purifyjax.margins import Margin
from purifyjax.models import (
    Polynomial,
    RandomFeatures,
    SymmetricPolynomial,
    TangentKernel,
    kernel_margin,
    margin,
    power_sum_terms,
    tangent_kernel,
)
from purifyjax.training import fit
from theory_checks.papers.simpler_classes.config import ClassesConfig

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
    """

    family: str
    name: str
    model: nn.Module
    rates: tuple[float, ...]
    steps: int

    @property
    def margin_of(self) -> ModelMargin:
        """Trained and fixed parameters together -> margin function."""
        return ModelMargin(self.model)

    def start(self, key: jax.Array, dimension: int) -> tuple[Any, Any]:
        """Trained parameters and fixed ones."""
        variables = self.model.init(key, jnp.zeros((1, dimension)))
        return variables["params"], variables.get("fixed", {})


def candidates(config: ClassesConfig) -> Iterator[Candidate]:
    """Every model that is fitted by gradient descent."""
    search, data = config.search, config.training.data
    x = sample(jax.random.key(TRAINING), search.pilot_points, data).x
    length = float(jnp.mean(jnp.linalg.norm(x, axis=1)))
    for degree, rates in ((2, search.quadratic_rates), (3, search.cubic_rates)):
        scale = tuple(float(jnp.sqrt(jnp.mean(term**2))) for term in power_sum_terms(x, degree))
        model = SymmetricPolynomial(degree, scale)
        yield Candidate("polynomial", f"degree {degree}, symmetric", model, rates, search.cheap_steps)
    # Cubes of linear forms of which none is known beforehand: what a search without symmetry finds.
    generic = Polynomial(3, data.dimension, init_scale=1.0 / length, precision=_HIGHEST)
    yield Candidate("polynomial", "degree 3, generic", generic, search.rates[:1], search.steps)
    for index, (neurons, deviations) in enumerate(search.tangent):
        rates = search.rates if index == 0 else search.rates[:1]
        model = TangentKernel(neurons, deviations * length, precision=_HIGHEST)
        yield Candidate("tangent kernel", f"m = {neurons}, {deviations:g} sd", model, rates, search.steps)
    for neurons, deviations in search.features:
        model = RandomFeatures(neurons, deviations * length, precision=_HIGHEST)
        yield Candidate("random features", f"m = {neurons}, {deviations:g} sd", model, search.rates[-1:], search.steps)


def fits(candidate: Candidate, data: SparseCoding, batch_size: int, adversary: Attack | None) -> Callable[..., Any]:
    """(keys, learning rate, τ) -> trained and fixed parameters, and losses [seed, step], jitted."""
    fixed_data = instance(data)

    @jax.jit
    def run(keys: jax.Array, rate: jax.Array, radius: float) -> tuple[tuple[Any, Any], jax.Array]:
        def one(key):
            key_start, key_fit = jax.random.split(key)
            trained, fixed = candidate.start(key_start, data.dimension)
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

        return jax.lax.map(one, keys)

    return run
