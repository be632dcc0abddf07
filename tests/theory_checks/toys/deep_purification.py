"""Purification in convolutional nets in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from tests.theory_checks.toys._image_nets import SmallNets, shortened, with_small_nets
from theory_checks.papers.deep_purification.experiment import DeepPurification, at_size


@dataclass(frozen=True, kw_only=True)
class ToyDeepPurification(SmallNets, DeepPurification):
    """The experiment with small nets."""


def experiments() -> tuple[ToyDeepPurification, ToyDeepPurification]:
    """The experiments of the paper at toy size."""
    convnet, resnet = (shortened(with_small_nets(full, ToyDeepPurification)) for full in at_size(seeds=2)())
    return convnet, resnet
