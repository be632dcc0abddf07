"""What an experiment of purification in convolutional nets is: clean nets, and what adversarial training makes of
them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from purifyjax.attacks import FGM, PGD
from purifyjax.balls import Ball
from purifyjax.training import Recipe
from theory_checks.measuring.image_nets import RADII, ImageExperiment, Net, steps_on

# w⁰, w, w′ trained adversarially from w, and w″ trained adversarially from w⁰.
INITIAL, CLEAN, ROBUST, SCRATCH = "initial", "clean", "robust", "scratch"


@dataclass(frozen=True)
class FirstLayer:
    """What is asked of the filters of the first layer.

    Attributes:
      atoms: numbers of filters that signals are rebuilt from.
      signals: test images, and perturbations of them, that are rebuilt.
      attack: that finds the perturbations.
      shown: filters, neurons and images in pictures, at most; no more than `signals`.
    """

    atoms: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 12, 16)
    signals: int = 100
    attack: PGD = PGD(steps=20)
    shown: int = 12


@dataclass(frozen=True, kw_only=True)
class DeepPurificationConfig(ImageExperiment):
    """A clean net w, the net w′ that adversarial training makes of it, and w″ trained adversarially from scratch.

    Attributes:
      first_layer: what is asked of its filters; None where they are too small to look at.
    """

    first_layer: FirstLayer | None = None

    @property
    def ball(self) -> Ball:
        """{δ : ‖δ‖₂ ≤ ε}."""
        return Ball(self.radius)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Bounds on the rank of the update of w, of the nets that have one."""
        return tuple(net.rank for net in self.nets if net.rank is not None)

    def on_images(self, dataset: str, directory: Path | None) -> Self:
        return replace(self, directory=directory, **sizes(dataset, self.ranks))


def sizes(dataset: str, ranks: tuple[int, ...] = ()) -> dict[str, Any]:
    """The nets of a data set.

    Weight decay λ is such that clean training shrinks what is left of w⁰ by e^−3: η λ/(1 − momentum), summed over the
    steps, is 3 (η falls from its start to 0 along half a cosine, so that its mean is half of it). The source trains to
    the end with decay; over few steps a usual λ would leave w⁰ in place whatever is learned.

    Args:
      ranks: of further nets, trained from w with low-rank updates.
    """
    steps, rate, momentum = steps_on(dataset), 0.05, 0.9
    decay = 3.0 * (1.0 - momentum) / (0.5 * rate * steps)
    clean = Recipe(steps, learning_rate=rate, batch_size=64, momentum=momentum, weight_decay=decay)
    robust = clean.replace(adversary=FGM(), norm="l2", radius=dict(RADII)["l2"])
    nets = [Net(CLEAN, clean), Net(ROBUST, robust, start=CLEAN), Net(SCRATCH, robust)]
    # One bound for all: ranks up to it share a program.
    bound = robust.replace(rank=max(ranks, default=1))
    nets += [Net(f"rank {rank}", bound, start=CLEAN, rank=rank) for rank in ranks]
    return {"nets": tuple(nets), "dataset": dataset}
