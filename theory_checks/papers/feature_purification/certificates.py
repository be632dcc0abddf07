"""Certificates of the robust net, and of clean nets that surgery made robust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.attacks import APGD
from purifyjax.balls import Ball
from purifyjax.certify import Network, certify, crown, interval, lipschitz, prepare
from purifyjax.commands.progress import Progress
from theory_checks.experiment import Nets, Seeds
from theory_checks.measuring.attacked import CERTIFICATES
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.points import attack_keys, fresh_points
from theory_checks.measuring.robustness import structural
from theory_checks.measuring.two_layer import margin_of, parameters
from theory_checks.papers.feature_purification.config import PurificationConfig
from theory_checks.papers.feature_purification.mechanism import operated
from theory_checks.spans import span

WITHOUT_MIXTURE = "clean, mixture out"
_CHEAP = tuple(jax.jit(bound) for bound in (lipschitz, interval, crown))


def certificates(config: PurificationConfig, seeds: Seeds, nets: Nets, progress: Progress) -> pd.DataFrame:
    """Certified and attacked points of the robust nets and, on fewer points, of clean ones without their mixture."""
    factors, surgery = config.certification.radii, config.surgery
    if not factors:
        return pd.DataFrame(columns=list(CERTIFICATES.columns))
    points = config.certification.points or config.evaluation.curve_points
    jobs: dict[str, Any] = {"robust": (parameters(nets["robust"]), points, factors)}
    if surgery is not None:
        without = operated(config, seeds, nets, "clean", "mixture out")
        jobs[WITHOUT_MIXTURE] = (without, surgery.certified_points, surgery.radii)
    frames = [
        _certified(config, seeds, name, params, points, factors, progress)
        for name, (params, points, factors) in progress.over(jobs.items())
    ]
    return pd.concat(frames, ignore_index=True)


@span("certify")
def _certified(
    config: PurificationConfig,
    seeds: Seeds,
    name: str,
    params: Mapping[str, Any],
    points: int,
    factors: Sequence[float],
    progress: Progress,
) -> pd.DataFrame:
    """Rows of `CERTIFICATES` of a net at radii in units of τ, the same points at every radius."""
    rows = []
    radii = [factor * config.radius for factor in sorted(factors)]
    x, y = fresh_points(jnp.asarray(seeds), points, config.training.data, "certificates")
    standing = _standing(config, seeds, params, x, y, radii)
    for s, seed in progress.over([*enumerate(seeds)]):
        net = prepare(np.asarray(params["weight"][s]), np.asarray(params["threshold"][s]), config.norm)
        point, label = np.asarray(x[s]), np.asarray(y[s])
        proven = np.zeros(len(label), bool)
        # From the largest radius down: what is proven there is proven in every smaller ball.
        for radius, stands in progress.over([*zip(radii[::-1], standing[::-1], strict=True)]):
            ball = Ball(radius, config.norm)
            left, lowering = stands[s] & ~proven, config.certification.lowering
            proven |= certify(net, point, label, ball, standing=left, lowering=lowering).certified
            counts = _cheap(net, point * label[:, None], ball) | {"quadratic": int(proven.sum())}
            head = (config.name, int(seed), name)
            rows += [
                (*head, method, config.norm, radius, count, int(stands[s].sum()), len(label))
                for method, count in counts.items()
            ]
    return pd.DataFrame(rows, columns=list(CERTIFICATES.columns))


def _standing(config: PurificationConfig, seeds: Seeds, params: Mapping[str, Any], x, y, radii) -> list[np.ndarray]:
    """Points that withstand APGD and what knows the net's kinks, by radius: the upper bound beside the certificate."""
    apgd = APGD(steps=config.certification.steps, restarts=config.certification.restarts)
    attacks = (apgd, *structural(config.training.data, config.ball))
    run = partial(worst_case, attack_keys(seeds), margin_of(config.training.neurons), dict(params), x, y)
    found = []
    for radius in radii:
        found.append(run(Ball(radius, config.norm), attacks, standing=found[-1] if found else None).standing)
    return found


def _cheap(net: Network, x: np.ndarray, ball: Ball) -> dict[str, int]:
    """Points certified by the bounds that bound every neuron on its own, in float64."""
    with jax.enable_x64(True):
        return {
            bound.__name__: int(np.sum(np.asarray(bound(net, x.astype(float), ball)) > 0))  # pyright: ignore
            for bound in _CHEAP
        }
