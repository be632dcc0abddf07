"""The strongest perturbations of both nets: what they are made of, and which other nets they fool."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from purifyjax import attacks
from purifyjax.analysis import absolute_cosine, participation_ratio
from purifyjax.attacks.worst_case import MarginOf
from purifyjax.data import instance
from theory_checks.evidence import TRANSFER
from theory_checks.experiments import Experiment, Profile
from theory_checks.measure.networks import EVALUATION, NETS, Arrays, Tick, fresh_points, margin_of, network

POINTS = 256  # a seed
RESTARTS = 2  # of APGD: from x and from afar
PERTURBATION_TICKS = len(NETS)

# Where a perturbation is found, and whom it is tried on.
ROUTES = {"clean": ("clean", "clean"), "robust": ("robust", "robust"), "clean to robust": ("clean", "robust")}


class Strongest(NamedTuple):
    """APGD's perturbations of radius τ on fresh points, the same points for both nets.

    Attributes:
      x, y: the points.
      perturbation: δ of either net.
      margin: y f(x + δ) of the net that δ was found on.
    """

    x: Float[Array, "seed n dim"]
    y: Float[Array, "seed n"]
    perturbation: dict[str, Float[Array, "seed n dim"]]
    margin: dict[str, Float[Array, "seed n"]]


def strongest(profile: Profile, experiment: Experiment, seeds: np.ndarray, arrays: Arrays, tick: Tick) -> Strongest:
    """Attack both nets of every seed with APGD."""
    x, y = fresh_points(jnp.asarray(seeds), POINTS, experiment.training.data, 4)
    keys = jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(EVALUATION), seed))(jnp.asarray(seeds))
    attack = _attack(margin_of(experiment.training.neurons), profile.attack_steps, RESTARTS)
    found = {}
    for net in NETS:
        found[net] = jax.block_until_ready(attack(keys, network(arrays, net), x, y, experiment.ball))
        tick(1)
    return Strongest(x, y, {n: a.perturbation for n, a in found.items()}, {n: a.margin for n, a in found.items()})


@cache
def _attack(margin_of: MarginOf, steps: int, restarts: int):
    """jit of APGD over a leading seed axis."""

    @jax.jit
    def run(keys, params, x, y, ball):
        def one(args):
            key, p, xs, ys = args
            return attacks.apgd(key, margin_of(p), xs, ys, ball, steps, restarts)

        return jax.lax.map(one, (keys, params, x, y))

    return run


def perturbations(experiment: Experiment, seeds: np.ndarray, found: Strongest) -> pd.DataFrame:
    """Sparsity of every perturbation in the dictionary basis, and its cosine with the mixture Mw*."""
    fixed = instance(experiment.training.data)
    frames = []
    for net in NETS:
        codes = fixed.to_code(found.perturbation[net])
        columns = {
            "participation": np.asarray(participation_ratio(codes)),
            "mixture_cosine": np.asarray(absolute_cosine(codes, fixed.label_weights[None, None])),
            "margin": np.asarray(found.margin[net]),
        }
        frames += [
            pd.DataFrame(
                {
                    "experiment": experiment.name,
                    "seed": int(seed),
                    "net": net,
                    "point": np.arange(POINTS),
                    **{name: values[s] for name, values in columns.items()},
                }
            )
            for s, seed in enumerate(seeds)
        ]
    return pd.concat(frames, ignore_index=True)


def perturbation_coordinates(
    experiment: Experiment, seeds: np.ndarray, found: Strongest, table: pd.DataFrame
) -> pd.DataFrame:
    """One typical point a seed in the dictionary basis: that of median participation on the robust net.

    Both are signed by the label, so that what speaks for it is positive.
    """
    fixed = instance(experiment.training.data)
    frames = []
    for s, seed in enumerate(seeds):
        rows = table[(table.seed == seed) & (table.net == "robust")]
        typical = int(rows.point.loc[(rows.participation - rows.participation.median()).abs().idxmin()])
        y = found.y[s, typical]
        code = np.asarray(y * fixed.to_code(found.x[s, typical]))
        for net in NETS:
            value = np.asarray(y * fixed.to_code(found.perturbation[net][s, typical]))
            head = {"experiment": experiment.name, "seed": int(seed), "net": net}
            frames.append(pd.DataFrame({**head, "coordinate": np.arange(len(code)), "value": value, "code": code}))
    return pd.concat(frames, ignore_index=True)


def transfer(experiment: Experiment, seeds: np.ndarray, arrays: Arrays, found: Strongest) -> pd.DataFrame:
    """How many points of one seed the net of another gets right under the first one's perturbations."""
    rows = []
    if len(seeds) > 1:
        count = _count(margin_of(experiment.training.neurons))
        for route, (origin, victim) in ROUTES.items():
            right = np.asarray(count(network(arrays, victim), found.x + found.perturbation[origin], found.y))
            rows += [
                (experiment.name, route, int(source), int(target), int(right[t, s]), POINTS)
                for s, source in enumerate(seeds)
                for t, target in enumerate(seeds)
            ]
    return pd.DataFrame(rows, columns=list(TRANSFER))


@cache
def _count(margin_of: MarginOf):
    """jit of the number of points classified rightly, for every pair of a net and a set of points."""

    @jax.jit
    def run(params, x, y):
        def by(net):
            return jax.lax.map(lambda points: jnp.sum(margin_of(net)(*points) > 0), (x, y))

        return jax.lax.map(by, params)

    return run
