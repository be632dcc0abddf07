"""Simpler classes at the trained net's task: every one trained clean and adversarially, then attacked like the net."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax import attacks
from purifyjax.attacks import Ball
from purifyjax.attacks.worst_case import Attack, MarginOf
from purifyjax.certify import best_robust_linear, linear_class_bound
from purifyjax.data import SparseCoding, instance, sample
from purifyjax.models import (
    Polynomial,
    RandomFeatures,
    SymmetricPolynomial,
    TangentKernel,
    kernel_margin,
    kernel_ridge,
    margin,
    power_sum_terms,
    tangent_kernel,
)
from purifyjax.sweep.store import describe
from purifyjax.training import converged, fit
from theory_checks.evidence import Evidence
from theory_checks.experiments import Classes, Experiment, Profile
from theory_checks.measure.networks import EVALUATION, Arrays, Tick, fresh_points, margin_of, network

_HIGHEST = jax.lax.Precision.HIGHEST
_TRAINING = 0xC1A55  # keys of these fits, apart from those of the nets
RADII = (0.25, 0.5, 0.75, 1.0)  # of the curves, in units of τ
ADVERSARIES = {"clean": ("none", 1), "FGM": ("fgm", 1), "PGD": ("pgd", 3)}


class Candidate(NamedTuple):
    """One model of a class to be fitted.

    Attributes:
      family: linear, polynomial, tangent kernel or random features.
      name: which member.
      start: key -> (trained parameters, fixed ones).
      margin_of: both together -> margin function.
      rates: learning rates to try.
      steps: of every fit.
    """

    family: str
    name: str
    start: Callable[[jax.Array], tuple[Any, Any]]
    margin_of: MarginOf
    rates: tuple[float, ...]
    steps: int


def candidates(settings: Classes, data: SparseCoding) -> Iterator[Candidate]:
    """Every model that is fitted by gradient descent."""
    x = sample(jax.random.key(_TRAINING), 1024, data).x
    length = float(jnp.mean(jnp.linalg.norm(x, axis=1)))
    for degree in (2, 3):
        scale = tuple(float(jnp.sqrt(jnp.mean(term**2))) for term in power_sum_terms(x, degree))
        model = SymmetricPolynomial(degree, scale)
        rates = (0.3,) if degree == 2 else (0.03, 0.3)  # quadratics are bounded as a class anyway
        yield _candidate("polynomial", f"degree {degree}, symmetric", model, rates, settings.cheap_steps, x)
    # Cubes of linear forms of which none is known beforehand: what a search without symmetry finds.
    generic = Polynomial(3, data.dimension, init_scale=1.0 / length, precision=_HIGHEST)
    yield _candidate("polynomial", "degree 3, generic", generic, settings.rates[:1], settings.steps, x)
    for index, (neurons, deviations) in enumerate(settings.tangent):
        rates = settings.rates if index == 0 else settings.rates[:1]
        model = TangentKernel(neurons, deviations * length, precision=_HIGHEST)
        name = f"m = {neurons}, {deviations:g} sd"
        yield _candidate("tangent kernel", name, model, rates, settings.steps, x)
    for neurons, deviations in settings.features:
        model = RandomFeatures(neurons, deviations * length, precision=_HIGHEST)
        name = f"m = {neurons}, {deviations:g} sd"
        yield _candidate("random features", name, model, settings.rates[-1:], settings.steps, x)


def _candidate(family: str, name: str, model, rates: tuple[float, ...], steps: int, x: jax.Array) -> Candidate:
    def start(key):
        variables = model.init(key, x[:1])
        return variables["params"], variables.get("fixed", {})

    def of(variables):
        trained, fixed = variables
        return lambda x, y: margin(model, trained, x, y, fixed=fixed)

    return Candidate(family, name, start, of, rates, steps)


def classes(profile: Profile, experiment: Experiment, seeds: np.ndarray, arrays: Arrays, tick: Tick) -> Evidence:
    """Fit and attack every class on the default experiment's data; its robust net is attacked beside them."""
    settings, data = profile.classes, experiment.training.data
    own = seeds[: settings.seeds]
    judge = _Judge(experiment, own, settings.points)
    losses: list[pd.DataFrame] = []
    for candidate in candidates(settings, data):
        for training, (adversary, steps) in ADVERSARIES.items():
            run = _fits(candidate, data, settings.batch_size, adversary, steps)
            keys = jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(_TRAINING), seed))(jnp.asarray(own))
            for rate in candidate.rates:
                variables, loss = run(keys, jnp.float32(rate), experiment.radius)
                loss = np.asarray(loss)
                fell = converged(loss)
                about = {"family": candidate.family, "model": candidate.name, "training": training, "rate": rate}
                judge(about, candidate.margin_of, variables, fell.converged, fell.drop)
                losses.append(_loss_table(about, own, loss))
                tick(1)
    _linear(judge, experiment, own, settings)
    tick(1)
    _infinite(judge, data, own, settings)
    tick(1)
    relu = {name: value[: len(own)] for name, value in network(arrays, "robust").items()}
    judge(
        {"family": "ReLU net", "model": "trained features", "training": "FGM"},
        margin_of(experiment.training.neurons),
        relu,
    )
    tick(1)
    bound = linear_class_bound(
        jax.random.key(_TRAINING), lambda key, n: sample(key, n, data)[:2], settings.bound_points, experiment.radius
    )
    tick(1)
    config = {
        "profile": profile.name,
        "radius": experiment.radius,
        "norm": experiment.norm,
        "seeds": [int(s) for s in own],
        "classes": describe(settings),
        "training": {"data": describe(data)},
        "attack_warnings": judge.warnings,
    }
    return Evidence(
        "classes",
        config,
        experiment.radius,
        classes=pd.DataFrame(judge.rows),
        class_losses=pd.concat(losses, ignore_index=True),
        class_bounds=pd.DataFrame([bound._asdict() | {"points": settings.bound_points}]),
    )


def class_ticks(settings: Classes, data: SparseCoding) -> int:
    """How often `classes` calls `tick`."""
    return sum(len(ADVERSARIES) * len(c.rates) for c in candidates(settings, data)) + 4


class _Judge:
    """Attacks models of any class on the same fresh points, and keeps the rows of the table."""

    def __init__(self, experiment: Experiment, seeds: np.ndarray, points: int):
        data = experiment.training.data
        self.experiment, self.seeds = experiment, seeds
        self.x, self.y = fresh_points(jnp.asarray(seeds), points, data, 6)
        fixed = instance(data)
        self.suite = _suite(cast(Hashable, data))
        self.direction = fixed.to_input(fixed.label_weights)
        self.rows: list[dict[str, Any]] = []
        self.warnings: list[str] = []

    def __call__(self, about: dict[str, Any], of: MarginOf, variables: Any, settled=None, drop=None) -> None:
        """Clean and robust accuracy at every radius of the curve, a row a seed and radius."""
        run = partial(attacks.worst_case, jax.random.key(EVALUATION), of, variables, self.x, self.y)
        standing = run(Ball(0.0), {}).standing
        clean = standing.sum(axis=1)
        for factor in (0.0, *RADII):
            if factor > 0:
                standing = run(Ball(factor * self.experiment.radius), self.suite, standing=standing).standing
            for s, seed in enumerate(self.seeds):
                self.add(
                    about,
                    seed,
                    factor,
                    int(clean[s]),
                    int(standing[s].sum()),
                    None if settled is None else bool(settled[s]),
                    None if drop is None else float(drop[s]),
                )

    def add(self, about, seed, factor, clean, robust, settled=None, drop=None) -> None:
        head = {"experiment": "classes", "seed": int(seed), "rate": np.nan} | about
        counts = {"clean": clean, "robust": robust, "points": self.y.shape[1]}
        end = {"converged": settled, "drop": np.nan if drop is None else drop}
        self.rows.append(head | {"radius": factor * self.experiment.radius} | counts | end)


@cache
def _suite(data: SparseCoding) -> dict[str, Attack]:
    """Universal direction, APGD from x and from afar: the strongest of the nets' own suite, and nothing weaker."""
    fixed = instance(data)
    return {
        "universal": attacks.along(fixed.to_input(fixed.label_weights)),
        "apgd": partial(attacks.apgd, steps=15, restarts=2),
    }


def _fits(candidate: Candidate, data: SparseCoding, batch_size: int, adversary: Any, adversary_steps: int):
    """jit of one candidate's fit over a leading seed axis, at a learning rate and a radius."""
    fixed_data = instance(data)

    @jax.jit
    def run(keys, rate, radius):
        def one(key):
            key_start, key_fit = jax.random.split(key)
            trained, fixed = candidate.start(key_start)
            found = fit(
                key_fit,
                lambda params: candidate.margin_of((params, fixed)),
                trained,
                lambda key: sample(key, batch_size, data, fixed_data)[:2],
                Ball(radius),
                adversary=adversary,
                adversary_steps=adversary_steps,
                steps=candidate.steps,
                learning_rate=rate,
            )
            return (found.params, fixed), found.loss

        return jax.lax.map(one, keys)

    return run


def _linear(judge: _Judge, experiment: Experiment, seeds: np.ndarray, settings: Classes) -> None:
    """Linear classifiers: their robust accuracy is exact, and training them a convex problem."""
    data = experiment.training.data
    train_x, train_y = fresh_points(jnp.asarray(seeds), settings.linear_points, data, 7)
    for s, seed in enumerate(seeds):
        train, held = (np.asarray(train_x[s]), np.asarray(train_y[s])), (np.asarray(judge.x[s]), np.asarray(judge.y[s]))
        for factor in (0.0, *RADII):
            radius = factor * experiment.radius
            # Trained for τ alone; at other radii the same directions, with the intercept best there.
            decays = (1e-4, 1e-2) if factor == 1.0 else ()
            for found in best_robust_linear(train, held, radius, {"M w*": np.asarray(judge.direction)}, decays):
                about = {
                    "family": "linear",
                    "model": f"{found.name}{', with intercept' if found.intercept_fitted else ''}",
                    "training": "exact" if found.name.startswith("logistic") else "closed form",
                }
                points = judge.y.shape[1]
                clean, robust = (round(a * points) for a in (found.clean_accuracy, found.robust_accuracy))
                judge.add(about, seed, factor, clean, robust)


def _infinite(judge: _Judge, data: SparseCoding, seeds: np.ndarray, settings: Classes) -> None:
    """The infinitely wide tangent kernel, by ridge regression."""
    x, y = fresh_points(jnp.asarray(seeds), settings.kernel_points, data, 8)
    length = float(jnp.mean(jnp.linalg.norm(x, axis=-1)))
    kernel = tangent_kernel(length)
    dual = jnp.stack([kernel_ridge(kernel, x[s], y[s], 1e-2 * length**2) for s in range(len(seeds))])
    about = {"family": "tangent kernel", "model": "m = ∞, 1 sd", "training": "ridge"}
    judge(about, _kernel_margin_of(length), (x, dual))


@cache
def _kernel_margin_of(threshold: float) -> MarginOf:
    kernel = tangent_kernel(threshold)
    return lambda fitted: kernel_margin(kernel, *fitted)


def _loss_table(about: dict[str, Any], seeds: np.ndarray, loss: np.ndarray) -> pd.DataFrame:
    """Learning curves, thinned to a hundred places."""
    step = np.unique(np.linspace(0, loss.shape[1] - 1, 100).astype(int))
    return pd.concat(
        [
            pd.DataFrame({"experiment": "classes", "seed": int(seed), **about, "step": step, "loss": loss[s, step]})
            for s, seed in enumerate(seeds)
        ],
        ignore_index=True,
    )
