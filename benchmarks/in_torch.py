"""The training step and the attack of `benchmarks.peers` in PyTorch, and foolbox's L2PGD.

The same numbers as ours, written for speed as a user of PyTorch would: an update of one pass each, no scaling against
underflow, and one backward pass for a margin and its slope. Products are in full float32, PyTorch's default.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor  # pyright: ignore[reportMissingImports]
from torch.nn import Module  # pyright: ignore[reportMissingImports]
from torch.nn.functional import normalize, relu, softplus  # pyright: ignore[reportMissingImports]

from purifyjax.data import second_moment
from purifyjax.training import Phase, Training

Run = Callable[..., tuple[Tensor, ...]]  # of one seed's tensors
Gradient = Callable[[Callable[[Tensor], tuple[Tensor, Tensor]]], Callable[[Tensor], tuple[Tensor, Tensor]]]


def autograd(of):
    """Gradient of the first of two outputs, and the second, from a recorded graph."""

    def gradient(at):
        at = at.detach().requires_grad_()
        value, other = of(at)
        return torch.autograd.grad(value, at)[0], other.detach()

    return gradient


def functional(of):
    """The same as a transformed function, which can be compiled and vmapped."""
    return torch.func.grad(of, has_aux=True)


@dataclass(frozen=True)
class Variant:
    """A way to run a function of one seed for several: one after the other, or vmapped; compiled or not."""

    gradient: Gradient
    vmapped: bool = False
    compiled: bool = False

    def prepared(self, run: Run) -> Run:
        run = torch.vmap(run) if self.vmapped else run
        return torch.compile(run, fullgraph=True, dynamic=False) if self.compiled else run

    def over_seeds(self, run: Run, *arrays: Tensor) -> tuple[Tensor, ...]:
        """A prepared function, or one made of such, of arrays with a leading seed axis."""
        if self.vmapped:
            return run(*arrays)
        found = [run(*own) for own in zip(*arrays, strict=True)]
        return tuple(torch.stack(outputs) for outputs in zip(*found, strict=True))


VARIANTS = {
    "eager": Variant(autograd),
    "compile": Variant(functional, compiled=True),
    "vmap": Variant(functional, vmapped=True),
    "vmap+compile": Variant(functional, vmapped=True, compiled=True),
}


def output(weight: Tensor, threshold: Tensor, x: Tensor) -> Tensor:
    """f(x) of the symmetric ReLU net."""
    p = x @ weight.T
    return (relu(p - threshold) - relu(-p - threshold)).sum(-1)


def slope(gradient: Gradient, weight: Tensor, threshold: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """∇_x [y f(x)] and y f(x)."""

    def total(x):
        margin = y * output(weight, threshold, x)
        return margin.sum(), margin

    return gradient(total)(x)


def train_step(gradient: Gradient, config: Training, phase: Phase) -> Run:
    """(w, velocity, x, y) -> (w, velocity), `training.loop.train_step` of a phase with constant rates."""
    level = phase.threshold * math.sqrt(float(second_moment(config.data)))

    def step(weight, velocity, x, y):
        threshold = level * torch.linalg.vector_norm(weight, dim=1)
        if phase.adversary is not None:
            x = x - phase.radius * normalize(slope(gradient, weight, threshold, x, y)[0], dim=-1)

        def loss(weight):
            value = softplus(-y * output(weight, threshold, x)).mean()
            return value, value

        # Not `torch.add` with alpha: PyTorch 2.14 compiles that, of a matrix product, without the alpha.
        change = gradient(loss)(weight)[0] + phase.weight_decay * weight
        velocity = torch.add(change, velocity, alpha=config.momentum)
        return torch.add(weight, velocity, alpha=-phase.learning_rate), velocity

    return step


def training(
    variant: Variant, config: Training, phase: Phase, weight: Tensor, x: Tensor, y: Tensor
) -> Callable[[], tuple[Tensor, ...]]:
    """A run of as many steps as there are batches: the weights [seed, neuron, dim] afterwards.

    Args:
      weight: where every seed starts.
      x, y: batches [seed, step, n, dim] and their labels [seed, step, n].
    """
    step = variant.prepared(train_step(variant.gradient, config, phase))

    def run(weight, x, y):
        velocity = torch.zeros_like(weight)
        for index in range(y.shape[-2]):
            weight, velocity = step(weight, velocity, x[..., index, :, :], y[..., index, :])
        return (weight,)

    return lambda: variant.over_seeds(run, weight, x, y)


def descent(gradient: Gradient, radius: float, steps: int, step_fraction: float) -> Run:
    """(w, b, x, y) -> best perturbation on the way, its margin, the last one's: `attacks.gradient.descend` from x."""

    def run(weight, threshold, x, y):
        delta, lowest, best = torch.zeros_like(x), torch.full_like(y, torch.inf), torch.zeros_like(x)
        for _ in range(steps):
            towards, margin = slope(gradient, weight, threshold, x + delta, y)
            best = torch.where((margin < lowest)[:, None], delta, best)
            lowest = torch.minimum(margin, lowest)
            delta = delta - (radius * step_fraction / steps) * normalize(towards, dim=-1)
            delta = delta * (radius / torch.linalg.vector_norm(delta, dim=-1, keepdim=True)).clamp(max=1.0)
        last = y * output(weight, threshold, x + delta)
        best = torch.where((last < lowest)[:, None], delta, best)
        return best, torch.minimum(last, lowest), last

    return run


def attack(
    variant: Variant, radius: float, steps: int, step_fraction: float, *net_and_points: Tensor
) -> Callable[[], tuple[Tensor, ...]]:
    """A run of `descent` on every seed's net (weights and thresholds) and points (x and y)."""
    run = variant.prepared(descent(variant.gradient, radius, steps, step_fraction))
    return lambda: variant.over_seeds(run, *net_and_points)


class _Logits(Module):
    """The net as a classifier of two classes."""

    def __init__(self, weight: Tensor, threshold: Tensor) -> None:
        super().__init__()
        self.weight, self.threshold = weight, threshold

    def forward(self, x: Tensor) -> Tensor:
        f = output(self.weight, self.threshold, x)
        return torch.stack([-f, f], dim=-1)


def foolbox_attack(
    radius: float, steps: int, step_fraction: float, *net_and_points: Tensor
) -> Callable[[], tuple[Tensor, ...]]:
    """A run of foolbox's L2PGD from the points themselves, seed after seed: the attacked points."""
    from foolbox.attacks import L2PGD  # pyright: ignore[reportMissingImports]
    from foolbox.models.pytorch import PyTorchModel  # pyright: ignore[reportMissingImports]

    pgd = L2PGD(steps=steps, rel_stepsize=step_fraction / steps, random_start=False)

    def run(weight, threshold, x, y):
        # Inputs have no range of their own: the bounds are wide enough never to bind.
        widest = float(x.abs().max()) + radius
        model = PyTorchModel(_Logits(weight, threshold).eval(), (-widest, widest), device=x.device)
        return (pgd(model, x, (y > 0).long(), epsilons=radius)[1],)

    return lambda: VARIANTS["eager"].over_seeds(run, *net_and_points)


def margins(weight: Tensor, threshold: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """y f(x) of every seed."""
    return y * torch.vmap(output)(weight, threshold, x)


def tensor(array: Any, device: str) -> Tensor:
    """An array of ours, on a device."""
    return torch.from_numpy(np.array(array)).to(device)


def finished(found: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The outcome, once the device has computed it."""
    if found[0].is_cuda:
        torch.cuda.synchronize()
    return found
