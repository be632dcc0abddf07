"""The strongest perturbations of both nets: what they are made of, and which other nets they fool."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.analysis import absolute_cosine, participation_ratio
from purifyjax.attacks import APGD, Attacked
from purifyjax.commands.progress import Progress
from purifyjax.data import instance
from purifyjax.margins import MarginOf
from theory_checks.experiment import Arrays, Nets, Seeds
from theory_checks.measuring.attacked import perturbed
from theory_checks.measuring.points import attack_keys, fresh_points
from theory_checks.measuring.two_layer import NETS, margin_of, parameters
from theory_checks.papers.feature_purification.config import PurificationConfig
from theory_checks.papers.feature_purification.tables import PERTURBATION_COORDINATES, PERTURBATIONS, TRANSFER

# Where a perturbation is found, and whom it is tried on.
ROUTES = {"clean": ("clean", "clean"), "robust": ("robust", "robust"), "clean to robust": ("clean", "robust")}


def strongest(config: PurificationConfig, seeds: Seeds, nets: Nets, progress: Progress) -> dict[str, Attacked]:
    """APGD's perturbations of radius τ on both nets of every seed, on the same points."""
    attack = APGD(steps=config.evaluation.steps, restarts=config.perturbations.restarts)
    common = (attack, margin_of(config.training.neurons), attack_keys(seeds))
    own = points(config, seeds)
    return {net: perturbed(*common, parameters(nets[net]), own, config.ball) for net in progress.over(NETS)}


def points(config: PurificationConfig, seeds: Seeds):
    """The points that are attacked."""
    return fresh_points(jnp.asarray(seeds), config.perturbations.points, config.training.data, "perturbations")


def perturbations(config: PurificationConfig, seeds: Seeds, found: dict[str, Attacked]) -> pd.DataFrame:
    """Sparsity of every perturbation in the dictionary basis, and its cosine with the mixture Mw*."""
    fixed = instance(config.training.data)
    frames = []
    for net in NETS:
        codes = fixed.to_code(jnp.asarray(found[net].perturbation))
        columns = {
            "participation": np.asarray(participation_ratio(codes)),
            "mixture_cosine": np.asarray(absolute_cosine(codes, fixed.label_weights[None, None])),
            "margin": found[net].margin,
        }
        head = {"experiment": config.name, "net": net, "point": np.arange(config.perturbations.points)}
        frames += [
            pd.DataFrame({**head, "seed": int(seed), **{name: values[s] for name, values in columns.items()}})
            for s, seed in enumerate(seeds)
        ]
    return PERTURBATIONS.checked(pd.concat(frames, ignore_index=True))


def perturbation_coordinates(
    config: PurificationConfig, seeds: Seeds, found: dict[str, Attacked], table: pd.DataFrame
) -> pd.DataFrame:
    """One typical point a seed in the dictionary basis: that of median participation on the robust net.

    Both are signed by the label, so that what speaks for it is positive.
    """
    fixed = instance(config.training.data)
    x, y = points(config, seeds)
    frames = []
    for s, seed in enumerate(seeds):
        rows = table[(table.seed == seed) & (table.net == "robust")]
        typical = int(rows.point.loc[(rows.participation - rows.participation.median()).abs().idxmin()])
        code = np.asarray(y[s, typical] * fixed.to_code(x[s, typical]))
        for net in NETS:
            delta = jnp.asarray(found[net].perturbation[s, typical])
            value = np.asarray(y[s, typical] * fixed.to_code(delta))
            head = {"experiment": config.name, "seed": int(seed), "net": net}
            frames.append(pd.DataFrame({**head, "coordinate": np.arange(len(code)), "value": value, "code": code}))
    return PERTURBATION_COORDINATES.checked(pd.concat(frames, ignore_index=True))


def transfer(config: PurificationConfig, seeds: Seeds, nets: Nets, found: Arrays) -> pd.DataFrame:
    """How many points of one seed the net of another gets right under the first one's perturbations.

    Args:
      found: of every net, its perturbations [seed, n, d].
    """
    rows = []
    if len(seeds) > 1:
        x, y = points(config, seeds)
        of = margin_of(config.training.neurons)
        for route, (origin, victim) in ROUTES.items():
            right = np.asarray(_right(of, parameters(nets[victim]), x + found[origin], y))
            rows += [
                (config.name, route, int(source), int(target), int(right[t, s]), config.perturbations.points)
                for s, source in enumerate(seeds)
                for t, target in enumerate(seeds)
            ]
    return pd.DataFrame(rows, columns=list(TRANSFER.columns))


@partial(jax.jit, static_argnums=0)
def _right(margin_of: MarginOf, params, x, y) -> jax.Array:
    """The number of points classified rightly, for every pair of a net and a set of points."""

    def by(net):
        return jax.lax.map(lambda points: jnp.sum(margin_of(net)(*points) > 0), (x, y))

    return jax.lax.map(by, params)
