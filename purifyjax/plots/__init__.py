"""Figures from tidy frames: each module has one `figure(frame, ...)`, `style` saves them."""

from purifyjax.plots import cosines, neuron, radius_curves, style, training_curves

__all__ = ["cosines", "neuron", "radius_curves", "style", "training_curves"]
