"""What the experiment of robust optimisation is: nets trained against three norms beside a baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from purifyjax.attacks import APGD, FGM, PGD, Attack
from purifyjax.balls import Ball, Norm
from purifyjax.training import Recipe
from theory_checks.measuring.image_nets import RADII, ImageExperiment, Net, steps_on

BASELINE, OTHER = "baseline", "other baseline"
ONE_STEP = FGM(name="one-step")


@dataclass(frozen=True)
class Collection:
    """How the adversarial images are made on which the baseline scores zero.

    Attributes:
      reach: the largest perturbation, in units of ε.
      steps, bisections: of the search for the smallest one.
      lengthening: of what is found, so that rounding keeps it across the boundary.
    """

    reach: float = 4.0
    steps: int = 20
    bisections: int = 12
    lengthening: float = 1.01


@dataclass(frozen=True)
class Timing:
    """How training steps are timed.

    Attributes:
      steps: in a row.
      repeats: of every recipe, in turns.
    """

    steps: int = 20
    repeats: int = 9


@dataclass(frozen=True, kw_only=True)
class RobustOptimisationConfig(ImageExperiment):
    """Nets trained on their own worst cases in ℓ1, ℓ2 and ℓ∞, by one step and by two, beside the baseline.

    Attributes:
      suite: the attacks of radius ε; all but the last are told by themselves.
      curve: radii of the curves, in units of ε.
      curve_suite: the attacks along the curves, each by itself.
      collection, timing: how they are made.
      pictures: test images that are shown before and after one entry changes.
    """

    suite: tuple[Attack, ...] = (ONE_STEP, PGD(steps=20, name="PGD"), APGD(steps=15, restarts=2, name="APGD"))
    curve: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0)
    curve_suite: tuple[Attack, ...] = (ONE_STEP, PGD(steps=10, name="PGD"))
    collection: Collection = Collection()
    timing: Timing = Timing()
    pictures: int = 10

    def on_images(self, dataset: str, directory: Path | None) -> Self:
        return replace(self, directory=directory, **sizes(dataset))

    def balls(self, net: str) -> list[Ball]:
        """Where a net is judged: in the norm that it was trained for; the baseline, to which all others are compared,
        in every one."""
        return [Ball(radius, norm) for norm, radius in self.radii if net == BASELINE or net.startswith(norm)]

    @property
    def reaches(self) -> dict[Norm, Ball]:
        """Where the collection of every norm is looked for."""
        return {norm: Ball(self.collection.reach * radius, norm) for norm, radius in self.radii}


def sizes(dataset: str) -> dict[str, Any]:
    """The nets of a data set and how wide they are.

    Momentum, weight decay and radii are the authors' for MNIST; the learning rate starts higher and falls to 0, since
    steps are fewer.
    """
    standard = Recipe(steps_on(dataset), learning_rate=0.05, batch_size=64, momentum=0.9, weight_decay=1e-3)
    nets = [Net(BASELINE, standard)]
    for norm, radius in RADII:
        nets.append(Net(norm, standard.replace(adversary=FGM(), norm=norm, radius=radius)))
    for norm, radius in RADII:
        several = standard.replace(adversary=PGD.for_training(2), norm=norm, radius=radius)
        nets.append(Net(f"{norm} PGD", several))
    width = 0.5 if dataset == "digits" else 1.0  # a twelfth of the pixels: narrower layers do, in a third of the time
    return {"nets": tuple(nets), "dataset": dataset, "width": width}
