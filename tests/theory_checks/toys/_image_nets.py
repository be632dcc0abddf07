"""Convolutional nets on a few images, of a size whose programs compile fast."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import flax.linen as nn
import jax

from purifyjax.models import ConvNet
from theory_checks.measuring.image_nets import ImageExperiment

E = TypeVar("E", bound=ImageExperiment)


@dataclass(frozen=True, kw_only=True)
class SmallNets(ImageExperiment):
    """Whatever the architecture, a small network. Comes before the experiment among a class's bases."""

    def network(self, precision: jax.lax.Precision | None = None) -> nn.Module:
        return ConvNet(self.rows.shape, self.rows.classes, (4, 4), (3, 3), (8,), precision=precision)


def with_small_nets(experiment: ImageExperiment, kind: type[E], **changes: Any) -> E:
    """The same experiment as one of another kind."""
    return kind(**{field.name: getattr(experiment, field.name) for field in fields(experiment)} | changes)


def shortened(experiment: E) -> E:
    """Trainings of two steps on few images, without nets that are trained by PGD or with a rank above 1."""
    recipes = (net.recipe.replace(steps=2, batch_size=4) for net in experiment.nets)
    nets = (replace(net, recipe=recipe) for net, recipe in zip(experiment.nets, recipes, strict=True))
    few = tuple(net for net in nets if "PGD" not in net.name and net.rank in (None, 1))
    return replace(experiment, nets=few, samples=32, points=12, curve_points=12)
