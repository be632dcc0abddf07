"""Intervals and fits: every number that is reported carries its uncertainty."""

from purifyjax.stats.counts import clopper_pearson, paired_difference_interval
from purifyjax.stats.fits import LineFit, adjusted_r_squared, weighted_line_fit
from purifyjax.stats.inputs import FloatArray
from purifyjax.stats.intervals import (
    mean_interval,
    median_interval,
    ratio_interval,
    ratio_of_medians_interval,
    two_level_interval,
)

__all__ = [
    "FloatArray",
    "LineFit",
    "adjusted_r_squared",
    "clopper_pearson",
    "mean_interval",
    "median_interval",
    "paired_difference_interval",
    "ratio_interval",
    "ratio_of_medians_interval",
    "two_level_interval",
    "weighted_line_fit",
]
