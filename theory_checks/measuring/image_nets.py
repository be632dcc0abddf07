"""Convolutional nets on images, trained one after another on the same data: what two papers share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, Self, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from purifyjax.attacks import APGD, PGD, Attack
from purifyjax.balls import Norm
from purifyjax.data.images import Name, Rows, load, standardised
from purifyjax.errors import require
from purifyjax.margins import MarginOf
from purifyjax.models import ResNet, alexnet_like, mnist_net
from purifyjax.sweep import describe, seed_keys, train_classifiers
from purifyjax.training import (
    ClassifierState,
    Recipe,
    initial_classifier,
    margin_of_classifier,
    restarted,
    validate_recipe,
    with_rank,
)
from theory_checks.evidence import Table
from theory_checks.experiment import Arrays, Experiment, Nets, Seeds, Stage

Architecture = Literal["mnist", "alexnet", "resnet"]
# The authors' radii on MNIST, for pixels in units of their standard deviation.
RADII: tuple[tuple[Norm, float], ...] = (("l1", 2.0), ("l2", 2.0), ("linf", 0.2))
# Steps of a training: 20 epochs of the 1297 digits, 6 to 10 of the others.
STEPS: dict[str, int] = {"digits": 400, "mnist": 6000, "cifar10": 8000, "svhn": 8000}

IMAGE_ROBUSTNESS = Table(
    "image_robustness",
    "How many test images a net gets right under an attack.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        "net": "which of its nets",
        "attack": "none, the attack's name after its norm, or worst",
        "radius": "of the perturbations, in units of the pixels' standard deviation",
        "correct": "images classified rightly",
        "points": "images attacked",
    },
)


@dataclass(frozen=True)
class Net:
    """One training of an image experiment.

    Attributes:
      name: of the net.
      recipe: of its training.
      start: the net that training goes on from; empty for random weights, which all nets of a seed share.
      rank: of the update in every layer, if it is less than the recipe's, with which ranks share a program.
    """

    name: str
    recipe: Recipe
    start: str = ""
    rank: int | None = None


@dataclass(frozen=True, kw_only=True)
class ImageExperiment(Experiment):
    """Several nets of one architecture, each trained for all seeds on the same images.

    Attributes:
      architecture: of every net.
      nets: in the order of training; a net follows the one that it starts from.
      radii: ε of every norm, in units of the pixels' standard deviation.
      dataset, directory: what the nets see, and where its files lie; see `purifyjax.data.images.load`.
      width: of the layers of "mnist", relative to the authors'.
      samples, points: training and test images, at most.
      attacked_points, curve_points: test images that are attacked at ε, and along the curves.
      suite: the attacks of radius ε, weakest first.
      chunk: images a seed in one call of an attack; keys of attacks hang on it.
    """

    architecture: Architecture
    nets: tuple[Net, ...]
    radii: tuple[tuple[Norm, float], ...] = RADII
    dataset: Name = "digits"
    directory: Path | None = None
    width: float = 1.0
    samples: int = 60_000
    points: int = 500
    attacked_points: int = 250
    curve_points: int = 100
    suite: tuple[Attack, ...] = (PGD(steps=20, name="PGD"), APGD(steps=15, restarts=2, name="APGD"))
    chunk: int = 256

    def __post_init__(self) -> None:
        known = {""}
        for net in self.nets:
            require(net.start in known, f"start of net {net.name}", net.start, f"one of {sorted(known)}")
            known.add(net.name)
        require(self.architecture in get_args(Architecture), "architecture", self.architecture, "a known one")

    @property
    def radius(self) -> float:
        """ε in ℓ2."""
        return dict(self.radii)["l2"]

    @property
    def rows(self) -> Rows:
        """The images."""
        return _rows(self.dataset, self.directory, self.samples, self.points)

    def network(self, precision: jax.lax.Precision | None = None) -> nn.Module:
        """The untrained network for these images."""
        makers = {"mnist": partial(mnist_net, width=self.width), "alexnet": alexnet_like, "resnet": ResNet}
        return makers[self.architecture](self.rows.shape, self.rows.classes).clone(precision=precision)

    @property
    def margin_of(self) -> MarginOf:
        """state -> margin function, in full float32 whatever the device's default."""
        return margin_of_classifier(self.network(jax.lax.Precision.HIGHEST))

    def test_images(self, seeds: Seeds, most: int | None = None) -> tuple[jax.Array, jax.Array]:
        """The first `most` test images and their labels, the same ones for every seed."""
        found = (self.rows.test_x[:most], self.rows.test_y[:most])
        x, y = (jnp.broadcast_to(values, (len(seeds), *values.shape)) for values in found)
        return x, y

    def at_scale(self, scale: float) -> Self:
        return replace(self, radii=tuple((norm, scale * radius) for norm, radius in self.radii))

    def identity(self) -> Any:
        # Files are known by what they hold, wherever they lie.
        return describe(self) | {"seeds": None, "directory": None, "digest": self.rows.digest}

    def validate(self) -> None:
        for net in self.nets:
            validate_recipe(net.recipe, len(self.rows.train_x))

    def stages(self) -> tuple[Stage, ...]:
        return tuple(
            Stage(
                net.name,
                {
                    "network": self.network(),
                    # A net's name and that of its start say nothing about its numbers.
                    "recipe": net.recipe,
                    "rank": net.rank,
                    "images": self.rows.digest,
                },
                net.recipe.steps,
                partial(self._train, net),
                after=(net.start,) if net.start else (),
            )
            for net in self.nets
        )

    def initial(self, seeds: Seeds) -> ClassifierState:
        """The untrained net of every seed."""
        network, first = self.network(), jnp.asarray(self.rows.train_x[:1])
        return jax.jit(jax.vmap(lambda key: initial_classifier(key, network, first)))(_keys(seeds)[:, 0])

    def states(self, nets: Nets) -> dict[str, ClassifierState]:
        """Every trained net, with a leading seed axis."""
        return {net.name: state_of(nets[net.name]) for net in self.nets}

    def _train(self, net: Net, seeds: Seeds, before: Nets, **options: Any) -> Arrays:
        rows = self.rows
        x, y = jnp.asarray(rows.train_x), jnp.asarray(rows.train_y)
        start = state_of(before[net.start]) if net.start else self.initial(seeds)
        fresh = jax.vmap(partial(restarted, rank=net.recipe.rank))(start)
        if net.rank is not None:
            fresh = fresh._replace(optimizer=with_rank(fresh.optimizer, net.rank))
        found = train_classifiers(_keys(seeds)[:, 1], fresh, self.network(), net.recipe, x, y, **options).state
        ends = {"params": found.params, "collections": found.collections}
        return {name: np.asarray(leaf) for name, leaf in flatten_dict(ends, sep="/").items()}


@lru_cache(maxsize=2)
def _rows(dataset: Name, directory: Path | None, samples: int, points: int) -> Rows:
    """Images are read once for all experiments on them."""
    return standardised(load(dataset, directory), samples, points)


def _keys(seeds: Seeds) -> jax.Array:
    """Of every seed's start and training."""
    return jax.vmap(partial(jax.random.split, num=2))(seed_keys(seeds))


def steps_on(dataset: str) -> int:
    """Steps of a training on a data set; `ConfigError` for an unknown one."""
    require(dataset in STEPS, "--dataset", dataset, f"one of {', '.join(STEPS)}")
    return STEPS[dataset]


def state_of(arrays: Arrays) -> ClassifierState:
    """A trained net of every seed, from its stage's arrays."""
    ends: Any = jax.tree.map(jnp.array, unflatten_dict(arrays, sep="/"))
    return ClassifierState(ends["params"], ends.get("collections", {}), None)
