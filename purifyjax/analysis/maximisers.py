"""What a neuron looks for: the inputs that it answers most."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.attacks import apgd
from purifyjax.balls import Ball
from purifyjax.errors import require_count, require_real
from purifyjax.modes import own_key
from purifyjax.settings import positive


def maximising_inputs(
    key: PRNGKeyArray,
    activation: Callable[[Float[Array, "n dim"]], Float[Array, "n neuron"]],
    dimension: int,
    radius: float | None = None,
    steps: int = 100,
    restarts: int = 5,
) -> Float[Array, "neuron dim"]:
    """argmax a_i(x) over ‖x‖₂ ≤ ρ, or over the box x ∈ [0, 1]^d, for every neuron i at once: the best x found.

    A search in the ball is an attack at its centre that raises a_i: Auto-PGD on −a_i, from the centre first, then from
    a far gradient step and from random points in turn. So it leaves inputs without gradient, such as the centre for a
    neuron behind ReLUs without biases, and sets its own steps. The box is the ℓ∞ ball of radius ½ around the
    grey image. The answer for a linear neuron ⟨w, x⟩ + b is ρ w/‖w‖, or 1{w > 0}, after one step.

    Args:
      activation: a, the pre-activations of a layer. A convolution's neurons are its channels at one position.
      dimension: d, entries of an input.
      radius: ρ; None searches the box.
      steps, restarts: static counts, at least 1 each; a step is a forward and a backward pass.

    Raises:
      ConfigError: a radius that is not positive and finite, a count that is none, or no key.

    Source: Erhan, Bengio, Courville & Vincent, Visualizing Higher-Layer Features of a Deep Network (2009).
    """
    if radius is not None:
        require_real("radius ρ", radius, "ρ > 0, or None for the box", positive)
    for name, count in (("dimension", dimension), ("steps", steps), ("restarts", restarts)):
        require_count(name, count)
    ball = Ball(0.5, "linf") if radius is None else Ball(radius, "l2")
    neurons = jax.eval_shape(activation, jax.ShapeDtypeStruct((1, dimension), jnp.float32)).shape[-1]

    @jax.jit
    def search(key):
        centre = jnp.full((neurons, dimension), 0.5 if radius is None else 0.0, jnp.float32)
        own = jnp.ones(neurons, jnp.float32)  # labels, which the activation does not know
        # Row i is neuron i's input.
        found = apgd(key, lambda x, _: -jnp.diagonal(activation(x)), centre, own, ball, steps, restarts)
        return centre + found.perturbation

    return search(own_key(key))
