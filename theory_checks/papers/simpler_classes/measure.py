"""Models of every class attacked on the same fresh points as the network beside them, and the bound of linear ones."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.balls import Ball
from purifyjax.certify import best_robust_linear, linear_class_bound, separable_margin
from purifyjax.commands.progress import Progress
from purifyjax.data import instance, sample
from purifyjax.margins import MarginOf
from purifyjax.models import CoordinatePolynomial, kernel_ridge, tangent_kernel
from purifyjax.seeds import over_seeds
from purifyjax.training import converged
from theory_checks.experiment import Seeds
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.points import Points, attack_keys, fresh_points
from theory_checks.measuring.robustness import strongest_pair
from theory_checks.papers.simpler_classes import polynomials
from theory_checks.papers.simpler_classes.candidates import TRAINING, Candidate, KernelMargin, fits
from theory_checks.papers.simpler_classes.config import ClassesConfig
from theory_checks.papers.simpler_classes.tables import CLASS_BOUNDS, CLASSES
from theory_checks.spans import span

Rows = list[dict[str, Any]]

_LOGGED = 100  # places of a learning curve in its table
_CHUNK = 100  # points an attack sees at once: few are left standing at the larger radii


def judged_points(config: ClassesConfig, seeds: Seeds) -> Points:
    """The points that all models are attacked on."""
    return fresh_points(jnp.asarray(seeds), config.points, config.training.data, "simpler classes")


def judged(
    config: ClassesConfig,
    seeds: Seeds,
    points: Points,
    about: dict[str, Any],
    margin_of: MarginOf,
    variables: Any,
    own: dict[str, np.ndarray] | None = None,
    *,
    curve: bool = True,
) -> Rows:
    """Clean and robust accuracy of a model at every radius, a row of `CLASSES` a seed and radius.

    Args:
      about: the columns that name the model.
      variables: with a leading seed axis.
      own: further columns that differ from seed to seed: converged and drop of a fit, say.
      curve: False judges at τ alone.
    """
    suite = strongest_pair(config.training.data, config.attack_steps)
    run = partial(worst_case, attack_keys(seeds), margin_of, variables, *points)
    standing = run(Ball(0.0), ()).standing
    clean, rows = standing.sum(axis=1), []
    for radius in config.radii if curve else config.radii[-1:]:
        if radius > 0:
            standing = run(Ball(radius), suite, standing=standing, chunk=_CHUNK).standing
        for s, seed in enumerate(seeds):
            counts = {"clean": int(clean[s]), "robust": int(standing[s].sum())}
            rows.append(_row(config, about, seed, radius, counts, {name: v[s] for name, v in (own or {}).items()}))
    return rows


def _row(
    config: ClassesConfig,
    about: dict[str, Any],
    seed: int,
    radius: float,
    counts: dict[str, int],
    own: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A row of `CLASSES`."""
    missing = dict.fromkeys(("rate", "degree", "width", "certified", "drop"), np.nan) | {"converged": None}
    head = {"experiment": config.name, "seed": int(seed), "radius": radius, "points": config.points}
    return head | missing | about | counts | {name: np.asarray(value).item() for name, value in (own or {}).items()}


@span("fit")
def fitted(
    config: ClassesConfig, seeds: Seeds, points: Points, candidate: Candidate, progress: Progress
) -> tuple[Rows, list[pd.DataFrame]]:
    """A model trained in every way and at every learning rate: rows of `CLASSES`, and its learning curves."""
    rows, losses, runs = [], [], {}
    numbers = jnp.asarray(seeds)
    keys = jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(TRAINING), seed))(numbers)
    for training, adversary, share in progress.over(candidate.adversaries):
        # Radii are traced: one program an attack.
        run = runs.setdefault(adversary, fits(candidate, config.training.data, config.search.batch_size, adversary))
        for rate in progress.over(candidate.rates):
            radius = jnp.float32(share * config.radius)
            variables, loss = over_seeds(run, (keys, numbers), jnp.float32(rate), radius)
            loss = np.asarray(loss)
            fell = converged(loss)
            about = {"family": candidate.family, "model": candidate.name, "training": training, "rate": rate}
            losses.append(_loss_table(config, about, seeds, loss))
            about |= {"degree": candidate.degree, "width": candidate.width}
            own = {"converged": fell.converged, "drop": fell.drop}
            rows += judged(config, seeds, points, about, candidate.margin_of, variables, own, curve=candidate.curve)
    return rows, losses


@span("fit")
def searched(config: ClassesConfig, seeds: Seeds, points: Points) -> Rows:
    """The polynomials a coordinate of most robust accuracy on tuning points, and those named beforehand, judged."""
    search, data = config.search, config.training.data
    tried = polynomials.search(
        seeds, data, config.radius, search.degrees, search.tuning_points, search.members, search.rounds
    )
    found: list[tuple[dict[str, Any], dict[str, np.ndarray]]] = []
    for degree, members in tried.items():
        for odd, name in ((True, "odd"), (False, "with intercept")):
            about = {"model": f"degree {degree}, searched, {name}", "training": "search", "degree": degree}
            found.append((about, members.pick(odd=odd)))
    for name, coefficient in polynomials.NAMED.items():
        about = {"model": name, "training": "by hand", "degree": 2 * len(coefficient) - 1}
        found.append((about, polynomials.fixed_pick(coefficient, search.degrees[-1], len(seeds))))
    rows: Rows = []
    unit = 1.0 / np.sqrt(data.sparsity)
    margin_of = polynomials.UnweightedMargin(CoordinatePolynomial(search.degrees[-1], unit))
    x, y = map(np.asarray, points)
    u = polynomials.in_units(x, y, data)
    for about, own in found:
        params = {name: jnp.asarray(value, jnp.float32) for name, value in own.items()}
        judged_rows = judged(config, seeds, points, {"family": "polynomial"} | about, margin_of, params)
        for row, s in zip(judged_rows[-len(seeds) :], range(len(seeds)), strict=True):
            least = separable_margin(own["coefficient"][s], u[s], config.radius / unit)
            row["certified"] = int((least + y[s] * own["intercept"][s] > 0).sum())
        rows += judged_rows
    return rows


@span("fit")
def linear(config: ClassesConfig, seeds: Seeds, points: Points) -> Rows:
    """Linear classifiers: their robust accuracy is exact, and training them a convex problem."""
    data = config.training.data
    fixed = instance(data)
    mixture = {"M w*": np.asarray(fixed.to_input(fixed.label_weights))}
    train = fresh_points(jnp.asarray(seeds), config.search.linear_points, data, "linear training")
    rows: Rows = []
    for s, seed in enumerate(seeds):
        own, held = ((np.asarray(x[s]), np.asarray(y[s])) for x, y in (train, points))
        for radius in config.radii:
            # Trained for τ alone; at other radii the same directions, with the intercept best there.
            decays = config.search.decays if radius == config.radius else ()
            for found in best_robust_linear(own, held, radius, mixture, decays):
                about = {
                    "family": "linear",
                    "degree": 1,
                    "model": f"{found.name}{', with intercept' if found.intercept_fitted else ''}",
                    "training": "exact" if found.name.startswith("logistic") else "closed form",
                }
                shares = {"clean": found.clean_accuracy, "robust": found.robust_accuracy}
                counts = {name: round(share * config.points) for name, share in shares.items()}
                rows.append(_row(config, about, seed, radius, counts))
    return rows


@span("fit")
def kernel(config: ClassesConfig, seeds: Seeds) -> pd.DataFrame:
    """The infinitely wide tangent kernel, by ridge regression; its threshold is the mean ‖x‖ over all seeds' points."""
    x, y = fresh_points(jnp.asarray(seeds), config.search.kernel_points, config.training.data, "kernel training")
    length = float(jnp.mean(jnp.linalg.norm(x, axis=-1)))
    of_points, ridge = tangent_kernel(length), config.search.ridge * length**2
    dual = jnp.stack([kernel_ridge(of_points, x[s], y[s], ridge) for s in range(len(seeds))])
    about = {"family": "tangent kernel", "model": "m = ∞, 1 sd", "training": "ridge", "width": np.inf}
    rows = judged(config, seeds, judged_points(config, seeds), about, KernelMargin(length), (x, dual))
    return pd.DataFrame(rows, columns=list(CLASSES.columns))


@span("certify")
def bound(config: ClassesConfig) -> pd.DataFrame:
    """The bound for every linear and every quadratic classifier: one distribution, no training and no seed."""
    found = linear_class_bound(
        jax.random.key(TRAINING),
        lambda key, n: sample(key, n, config.training.data)[:2],
        config.bound_points,
        config.radius,
    )
    return pd.DataFrame([found._asdict() | {"points": config.bound_points}], columns=list(CLASS_BOUNDS.columns))


def _loss_table(config: ClassesConfig, about: dict[str, Any], seeds: Seeds, loss: np.ndarray) -> pd.DataFrame:
    """Rows of `CLASS_LOSSES`: learning curves, thinned."""
    step = np.unique(np.linspace(0, loss.shape[1] - 1, _LOGGED).astype(int))
    head = {"experiment": config.name} | about
    return pd.concat(
        [
            pd.DataFrame({**head, "seed": int(seed), "step": step, "loss": loss[s, step]})
            for s, seed in enumerate(seeds)
        ],
        ignore_index=True,
    )
