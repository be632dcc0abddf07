"""From trained nets to tables: history, an example neuron, certificates; attacks are in their own modules."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.attacks import APGD, worst_case
from purifyjax.balls import Ball
from purifyjax.certify import Network, certify, crown, interval, lipschitz, prepare
from purifyjax.data import instance
from purifyjax.seeds import over_seeds
from theory_checks.experiment import Nets, Seeds
from theory_checks.measuring.attacked import CERTIFICATES
from theory_checks.measuring.monitor import middle_neuron
from theory_checks.measuring.points import attack_keys, fresh_points
from theory_checks.measuring.two_layer import NETS, margin_of, parameters
from theory_checks.papers.feature_purification.config import PurificationConfig
from theory_checks.papers.feature_purification.tables import COORDINATES, HISTORY
from theory_checks.progress import Progress

_LOGGED = ("loss", "clean_accuracy", "robust_accuracy")
_MIDDLE = ("mixture", "dense", "feature")
_CHEAP = tuple(jax.jit(bound) for bound in (lipschitz, interval, crown))


def history(config: PurificationConfig, seeds: Seeds, initial: np.ndarray, nets: Nets) -> pd.DataFrame:
    """Loss, accuracies and mixtures through both stages: a row a seed and logged step, and one for w⁰."""
    start = pd.DataFrame({name: np.asarray(v) for name, v in _middle(config, initial).items()})
    start = start.assign(experiment=config.name, seed=seeds, stage="clean", step=0)
    frames, offset = [start.reindex(columns=list(HISTORY.columns))], 0
    for net in NETS:
        found = nets[net]
        for s, seed in enumerate(seeds):
            step = found["history_step"][s]
            columns = {name: found[f"history_{name}"][s] for name in (*_LOGGED, *_MIDDLE)}
            head = {"experiment": config.name, "seed": int(seed), "stage": net, "step": step + offset}
            frames.append(pd.DataFrame(head | columns))
        offset += int(found["history_step"].max(initial=0))
    return HISTORY.checked(pd.concat(frames, ignore_index=True))


def _middle(config: PurificationConfig, weight: np.ndarray) -> dict[str, jax.Array]:
    return over_seeds(middle_neuron, (jnp.asarray(weight),), config.training.data)


def coordinates(
    config: PurificationConfig, seeds: Seeds, initial: np.ndarray, nets: Nets, table: pd.DataFrame
) -> pd.DataFrame:
    """One typical neuron a seed in the dictionary basis: the live one of median |cos(w, w')|."""
    fixed = instance(config.training.data)
    frames = [COORDINATES.empty()]
    for s, seed in enumerate(seeds):
        rows = table[(table.seed == seed) & table.live_clean & table.live_robust]
        if rows.empty:
            continue
        typical = (rows.cos_clean_robust - rows.cos_clean_robust.median()).abs().idxmin()
        neuron = int(rows.neuron.loc[typical])
        weights = {"init": initial} | {net: nets[net]["weight"] for net in NETS}
        values = {net: np.asarray(fixed.to_code(jnp.asarray(w[s, neuron]))) for net, w in weights.items()}
        head = {"experiment": config.name, "seed": int(seed), "neuron": neuron}
        frames.append(pd.DataFrame({**head, "coordinate": np.arange(len(values["init"])), **values}))
    return pd.concat(frames[1:] or frames, ignore_index=True)


def certificates(config: PurificationConfig, seeds: Seeds, nets: Nets, progress: Progress) -> pd.DataFrame:
    """Certified and attacked points of the robust nets, the same points at every radius; empty without radii."""
    rows = []
    radii = [factor * config.radius for factor in sorted(config.certification.radii)]
    if radii:
        points = config.evaluation.curve_points
        x, y = fresh_points(jnp.asarray(seeds), points, config.training.data, "certificates")
        standing = _standing(config, seeds, nets, x, y, radii)
        for s, seed in progress.over([*enumerate(seeds)]):
            net = prepare(nets["robust"]["weight"][s], nets["robust"]["threshold"][s], config.norm)
            point, label = np.asarray(x[s]), np.asarray(y[s])
            proven = np.zeros(len(label), bool)
            # From the largest radius down: what is proven there is proven in every smaller ball.
            for radius, stands in progress.over([*zip(radii[::-1], standing[::-1], strict=True)]):
                ball = Ball(radius, config.norm)
                left, lowering = stands[s] & ~proven, config.certification.lowering
                proven |= certify(net, point, label, ball, standing=left, lowering=lowering).certified
                counts = _cheap(net, point * label[:, None], ball) | {"quadratic": int(proven.sum())}
                head = (config.name, int(seed), "robust")
                rows += [
                    (*head, method, config.norm, radius, count, int(stands[s].sum()), len(label))
                    for method, count in counts.items()
                ]
    return pd.DataFrame(rows, columns=list(CERTIFICATES.columns))


def _standing(config: PurificationConfig, seeds: Seeds, nets: Nets, x, y, radii) -> list[np.ndarray]:
    """Points that withstand APGD, by radius: the upper bound beside the certificate."""
    attack = (APGD(steps=config.certification.steps, restarts=config.certification.restarts),)
    run = partial(worst_case, attack_keys(seeds), margin_of(config.training.neurons), parameters(nets["robust"]), x, y)
    found = []
    for radius in radii:
        found.append(run(Ball(radius, config.norm), attack, standing=found[-1] if found else None).standing)
    return found


def _cheap(net: Network, x: np.ndarray, ball: Ball) -> dict[str, int]:
    """Points certified by the bounds that bound every neuron on its own, in float64."""
    with jax.enable_x64(True):
        return {
            bound.__name__: int(np.sum(np.asarray(bound(net, x.astype(float), ball)) > 0))  # pyright: ignore
            for bound in _CHEAP
        }
