"""Filters of the first layer: what they rebuild sparsely, and pictures of them."""

from __future__ import annotations

from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.analysis import maximising_inputs, reconstruction_errors
from purifyjax.commands.progress import Progress
from purifyjax.data.images import Rows
from purifyjax.models import filters
from purifyjax.training import ClassifierState
from theory_checks.experiment import Seeds
from theory_checks.measuring.attacked import perturbed
from theory_checks.measuring.pictures import pictures
from theory_checks.measuring.points import attack_key
from theory_checks.papers.deep_purification.config import (
    CLEAN,
    INITIAL,
    ROBUST,
    SCRATCH,
    DeepPurificationConfig,
    FirstLayer,
)
from theory_checks.papers.deep_purification.tables import SPARSITY

PURIFIED = (CLEAN, ROBUST)

States = Mapping[str, ClassifierState]


def perturbations(
    config: DeepPurificationConfig, layer: FirstLayer, seeds: Seeds, nets: States
) -> dict[str, np.ndarray]:
    """The strongest perturbations [seed, n, dim] of the first test images on the clean and the robust net."""
    points = config.test_images(seeds, min(layer.signals, config.attacked_points))
    # All seeds' nets are attacked on the same images with the same draws.
    keys = jnp.broadcast_to(attack_key(), len(seeds))
    common = (layer.attack, config.margin_of, keys)
    return {net: np.asarray(perturbed(*common, nets[net], points, config.ball).perturbation) for net in PURIFIED}


def sparsity(
    config: DeepPurificationConfig,
    layer: FirstLayer,
    seeds: Seeds,
    nets: States,
    found: Mapping[str, np.ndarray],
    progress: Progress,
) -> pd.DataFrame:
    """Relative errors of images and perturbations, rebuilt from a few first-layer filters."""
    rows, frames = config.rows, []
    for s, seed in progress.over([*enumerate(seeds)]):
        signals = {"images": rows.test_x[: layer.signals]}
        signals |= {f"perturbations of the {net} net": deltas[s] for net, deltas in found.items()}
        for net in (INITIAL, CLEAN, ROBUST, SCRATCH):
            first = _first(nets[net])[s]
            for signal, values in signals.items():
                images = values.reshape(-1, *rows.shape)
                errors = reconstruction_errors(images, first, _side(first, rows), layer.atoms)
                point, atoms = (axis.ravel() for axis in np.indices(errors.shape))
                head = {"experiment": config.name, "seed": int(seed), "filters": net, "signal": signal}
                columns = {"point": point, "atoms": np.array(layer.atoms)[atoms], "error": errors.ravel()}
                frames.append(pd.DataFrame(head | columns))
    return SPARSITY.checked(pd.concat(frames, ignore_index=True))


def shown(
    config: DeepPurificationConfig, layer: FirstLayer, seed: int, nets: States, found: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Of one seed: filters of the first layer, inputs that excite deeper neurons most, perturbations.

    Args:
      nets: with a leading axis, of which the first entry is the seed's.
      found: its perturbations [n, dim] on the clean and the robust net.
    """
    rows, frames = config.rows, []

    def add(figure: str, group: str, images: np.ndarray, *, signed: bool = True) -> None:
        frames.append(pictures(config.name, figure, group, images, seed, signed=signed))

    for net in (INITIAL, *PURIFIED):
        first = _first(nets[net])[0][: layer.shown]
        side = _side(first, rows)
        add("filters", f"{net} net", first.reshape(-1, side, side, rows.shape[2]))
    network = config.network(jax.lax.Precision.HIGHEST)
    for net in PURIFIED:
        excited = _maximisers(network, jax.tree.map(lambda leaf: leaf[0], nets[net]), rows, layer.shown)
        add("maximisers", f"{net} net", excited.reshape(-1, *rows.shape))
    add("perturbations", "image", rows.pixels(rows.test_x[: layer.shown]), signed=False)
    for net, deltas in found.items():
        add("perturbations", f"perturbation of the {net} net", deltas[: layer.shown].reshape(-1, *rows.shape))
    return pd.concat(frames, ignore_index=True)


def _first(state: ClassifierState) -> np.ndarray:
    """Filters of the first layer [seed, filter, fan_in]."""
    return np.asarray(next(iter(filters(state.params).values())))


def _side(first: np.ndarray, rows: Rows) -> int:
    """Of a filter's square."""
    return round((first.shape[1] / rows.shape[2]) ** 0.5)


def _maximisers(network: nn.Module, state: ClassifierState, rows: Rows, most: int) -> np.ndarray:
    """Inputs of the images' usual length that excite neurons of the second layer most, at the centre of the image."""
    variables = {"params": state.params, **state.collections}

    def activations(x: jax.Array) -> jax.Array:
        _, kept = network.apply(variables, x, capture_intermediates=lambda m, _: isinstance(m, nn.Dense))
        second = list(jax.tree.leaves(kept["intermediates"]))[1]  # pyright: ignore[reportArgumentType, reportCallIssue]
        height, width = second.shape[1:3]
        return jnp.asarray(second[:, height // 2, width // 2, :most])

    radius = float(np.linalg.norm(rows.test_x, axis=1).mean())
    return np.asarray(maximising_inputs(attack_key(), activations, rows.test_x.shape[1], radius))
