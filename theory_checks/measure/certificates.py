"""On how many points it is proven that no perturbation changes the prediction, at several radii."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax import attacks
from purifyjax.attacks import Ball
from purifyjax.certify import Network, certify, crown, interval, lipschitz, prepare
from theory_checks.evidence import CERTIFICATES
from theory_checks.experiments import Experiment, Profile
from theory_checks.measure.networks import EVALUATION, Arrays, Tick, fresh_points, margin_of, network

RESTARTS = 4  # of APGD
_NET = "robust"
# In ℓ∞ more cells stay open than the dear bound can pay for.
_LOWERING: dict[str, tuple[float, ...]] = {"l2": (0.8,), "linf": ()}
_CHEAP = tuple(jax.jit(bound) for bound in (lipschitz, interval, crown))


def certificates(
    profile: Profile, experiment: Experiment, seeds: np.ndarray, arrays: Arrays, tick: Tick
) -> pd.DataFrame:
    """Certified and attacked points of the robust nets, the same points at every radius; empty without radii."""
    rows = []
    radii = [factor * experiment.radius for factor in sorted(experiment.certified)]
    if radii:
        x, y = fresh_points(jnp.asarray(seeds), profile.curve_points, experiment.training.data, 5)
        standing = _standing(profile, experiment, arrays, x, y, radii)
        for s, seed in enumerate(seeds):
            net = prepare(arrays[f"w_{_NET}"][s], arrays[f"b_{_NET}"][s], experiment.norm)
            point, label = np.asarray(x[s]), np.asarray(y[s])
            proven = np.zeros(len(label), bool)
            # From the largest radius down: what is proven there is proven in every smaller ball.
            for radius, stands in zip(radii[::-1], standing[::-1], strict=True):
                ball = Ball(radius, experiment.norm)
                left = stands[s] & ~proven
                proven |= certify(net, point, label, ball, standing=left, lowering=_LOWERING[experiment.norm]).certified
                counts = _cheap(net, point * label[:, None], ball) | {"quadratic": int(proven.sum())}
                head = (experiment.name, int(seed), _NET)
                rows += [
                    (*head, method, experiment.norm, radius, count, int(stands[s].sum()), len(label))
                    for method, count in counts.items()
                ]
                tick(1)
    return pd.DataFrame(rows, columns=list(CERTIFICATES))


def certificate_ticks(experiment: Experiment, seeds: int) -> int:
    """How often `certificates` calls `tick`."""
    return len(experiment.certified) * seeds


def _standing(profile: Profile, experiment: Experiment, arrays: Arrays, x, y, radii) -> list[np.ndarray]:
    """Points that withstand APGD, by radius: the upper bound beside the certificate."""
    attack = {"apgd": partial(attacks.apgd, steps=profile.attack_steps, restarts=RESTARTS)}
    run = partial(
        attacks.worst_case,
        jax.random.key(EVALUATION),
        margin_of(experiment.training.neurons),
        network(arrays, _NET),
        x,
        y,
    )
    found = []
    for radius in radii:
        found.append(run(Ball(radius, experiment.norm), attack, standing=found[-1] if found else None).standing)
    return found


def _cheap(net: Network, x: np.ndarray, ball: Ball) -> dict[str, int]:
    """Points certified by the bounds that bound every neuron on its own, in float64."""
    with jax.enable_x64(True):
        return {
            bound.__name__: int(np.sum(np.asarray(bound(net, x.astype(float), ball)) > 0))  # pyright: ignore
            for bound in _CHEAP
        }
