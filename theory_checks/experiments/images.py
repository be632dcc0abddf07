"""Convolutional networks on images: which nets are trained, how, and in which balls they are judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import flax.linen as nn
import jax

from purifyjax.attacks.balls import Norm
from purifyjax.data.images import Name
from purifyjax.errors import require
from purifyjax.models import ResNet, alexnet_like, mnist_net
from purifyjax.training import Recipe

Architecture = Literal["mnist", "alexnet", "resnet"]


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


@dataclass(frozen=True)
class ImageTask:
    """Several nets of one architecture, each trained for all seeds on the same images.

    Attributes:
      name: of the experiment and its files.
      purpose: what is measured: "robust optimisation", or "filters" and "angles" of purified nets.
      architecture: of every net.
      nets: in the order of training; a net follows the one that it starts from.
      radii: ε of every norm, in units of the pixels' standard deviation.
      dataset, directory: what the nets see, and where its files lie; see `purifyjax.data.images.load`.
      width: of the layers of "mnist", relative to the authors'.
      samples, points: training and test images, at most.
      attacked_points, curve_points: test images that are attacked at ε, and along the curves.
      seeds: how many of the profile's seeds.
    """

    name: str
    purpose: Literal["robust optimisation", "filters", "angles"]
    architecture: Architecture
    nets: tuple[Net, ...]
    radii: tuple[tuple[Norm, float], ...]
    seeds: int
    dataset: Name = "digits"
    directory: Path | None = None
    width: float = 1.0
    samples: int = 60_000
    points: int = 500
    attacked_points: int = 250
    curve_points: int = 100

    def __post_init__(self) -> None:
        known = {""}
        for net in self.nets:
            require(net.start in known, f"start of net {net.name}", net.start, f"one of {sorted(known)}")
            known.add(net.name)
        require(self.architecture in get_args(Architecture), "architecture", self.architecture, "a known one")

    def network(
        self, shape: tuple[int, int, int], classes: int, precision: jax.lax.Precision | None = None
    ) -> nn.Module:
        """The untrained network for images of a shape."""
        makers = {"mnist": partial(mnist_net, width=self.width), "alexnet": alexnet_like, "resnet": ResNet}
        return makers[self.architecture](shape, classes).clone(precision=precision)

    def scaled(self, factor: float) -> ImageTask:
        """The same nets judged at radii so many times as large."""
        return replace(self, radii=tuple((norm, factor * radius) for norm, radius in self.radii))

    def net(self, name: str) -> Net:
        """The training of that name."""
        return next(net for net in self.nets if net.name == name)


# The authors' radii on MNIST, for pixels in units of their standard deviation.
RADII: tuple[tuple[Norm, float], ...] = (("l1", 2.0), ("l2", 2.0), ("linf", 0.2))
# Steps of a training: 20 epochs of the 1297 digits, 6 to 10 of the others.
_STEPS: dict[Name, int] = {"digits": 400, "mnist": 6000, "cifar10": 8000, "svhn": 8000}


def robust_optimisation(*, seeds: int, dataset: Name = "digits", directory: Path | None = None) -> ImageTask:
    """Nets trained on their own worst cases in ℓ1, ℓ2 and ℓ∞, by one step and by two, beside the baseline.

    Momentum, weight decay and radii are the authors' for MNIST; the learning rate starts higher and falls to 0, since
    steps are fewer.
    """
    standard = Recipe(_STEPS[dataset], learning_rate=0.05, batch_size=64, momentum=0.9, weight_decay=1e-3)
    nets = [Net("baseline", standard)]
    for norm, radius in RADII:
        nets.append(Net(norm, standard.replace(adversary="fgm", norm=norm, radius=radius)))
    for norm, radius in RADII:
        several = standard.replace(adversary="pgd", adversary_steps=2, norm=norm, radius=radius)
        nets.append(Net(f"{norm} PGD", several))
    name = "robust-optimisation"
    width = 0.5 if dataset == "digits" else 1.0  # a twelfth of the pixels: narrower layers do, in a third of the time
    return ImageTask(name, "robust optimisation", "mnist", tuple(nets), RADII, seeds, dataset, directory, width)


def purified(
    architecture: Architecture,
    ranks: tuple[int, ...] = (),
    *,
    seeds: int,
    dataset: Name = "digits",
    directory: Path | None = None,
) -> ImageTask:
    """A clean net w, the net w' that adversarial training makes of it, and w'' trained adversarially from scratch.

    Weight decay λ is such that clean training shrinks what is left of w⁰ by e^−3: η λ/(1 − momentum), summed over the
    steps, is 3 (η falls from its start to 0 along half a cosine, so that its mean is half of it). The source trains to
    the end with decay; over few steps a usual λ would leave w⁰ in place whatever is learned.

    Args:
      ranks: of further nets, trained from w with low-rank updates.
    """
    steps, rate, momentum = _STEPS[dataset], 0.05, 0.9
    decay = 3.0 * (1.0 - momentum) / (0.5 * rate * steps)
    clean = Recipe(steps, learning_rate=rate, batch_size=64, momentum=momentum, weight_decay=decay)
    robust = clean.replace(adversary="fgm", norm="l2", radius=dict(RADII)["l2"])
    nets = [Net("clean", clean), Net("robust", robust, start="clean"), Net("scratch", robust)]
    bound = robust.replace(rank=max(ranks, default=1))
    nets += [Net(f"rank {rank}", bound, start="clean", rank=rank) for rank in ranks]
    name, purpose = ("convnet", "filters") if architecture == "alexnet" else (architecture, "angles")
    return ImageTask(name, purpose, architecture, tuple(nets), RADII, seeds, dataset, directory)


def image_tasks(*, seeds: int, dataset: Name = "digits", directory: Path | None = None) -> tuple[ImageTask, ...]:
    """All experiments with convolutional nets on one data set."""
    where: dict[str, Any] = {"seeds": seeds, "dataset": dataset, "directory": directory}
    return (
        robust_optimisation(**where),
        purified("alexnet", ranks=(1, 2, 4, 8, 16), **where),
        purified("resnet", **where),
    )
