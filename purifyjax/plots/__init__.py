"""Figures from tidy frames: each module has one `figure(frame, ...)`, `style` saves them.

A module is imported when it is asked for, `plots.cosines` say: who draws nothing waits for no drawing library.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from purifyjax.plots import (
        accumulation,
        alignments,
        angles,
        classes,
        clean_trainings,
        cosines,
        degrees,
        dial,
        grids,
        image_features,
        mechanism,
        natural,
        neuron,
        perturbation,
        pictures,
        race,
        radius_curves,
        ranks,
        robust_optimisation,
        scaling,
        sparsity_curves,
        style,
        training_curves,
        transfer,
    )

__all__ = [
    "accumulation",
    "alignments",
    "angles",
    "classes",
    "clean_trainings",
    "cosines",
    "degrees",
    "dial",
    "grids",
    "image_features",
    "mechanism",
    "natural",
    "neuron",
    "perturbation",
    "pictures",
    "race",
    "radius_curves",
    "ranks",
    "robust_optimisation",
    "scaling",
    "sparsity_curves",
    "style",
    "training_curves",
    "transfer",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
