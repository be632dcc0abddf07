"""Figures from tidy frames: each module has one `figure(frame, ...)`, `style` saves them."""

from purifyjax.plots import cosines, neuron, perturbation, radius_curves, style, training_curves, transfer

__all__ = ["cosines", "neuron", "perturbation", "radius_curves", "style", "training_curves", "transfer"]
