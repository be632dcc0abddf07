"""The tables of the simpler classes."""

from __future__ import annotations

from theory_checks.evidence import Table

_MODEL = {
    "family": "linear, polynomial, tangent kernel, random features, or the ReLU net beside them",
    "model": "which member of the family",
    "training": "clean, by an adversary's name, or how else it was found",
}

CLASSES = Table(
    "classes",
    "How many fresh points a model of a simpler class gets right, and right under every attack of a radius.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        "rate": "learning rate, if it was fitted by gradient descent",
        **_MODEL,
        "degree": "of a polynomial, linear ones included",
        "width": "neurons of a tangent kernel, ∞ for the limit",
        "radius": "of the perturbations, in ℓ2",
        "clean": "points classified rightly",
        "robust": "points right under every attack",
        "certified": "points right under every perturbation, by duality; of polynomials a coordinate at τ",
        "points": "points in all",
        "converged": "whether its loss had stopped falling, see purifyjax.training.converged",
        "drop": "how much the loss still fell in the last tenth of the steps, relative",
    },
)
CLASS_LOSSES = Table(
    "class_losses",
    "A step of a fit, of a hundred along it.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        **_MODEL,
        "rate": "learning rate",
        "step": "number of the step",
        "loss": "(adversarial) logistic loss of the step's fresh batch",
    },
)
CLASS_BOUNDS = Table(
    "class_bounds",
    "The bound of the robust accuracy of every linear classifier, see purifyjax.certify.LinearClassBound; of no seed.",
    {
        "estimate": "λ_max of the empirical second moment of x 1{‖x‖² ≤ R}",
        "upper": "upper confidence limit of λ_max(E xxᵀ 1{‖x‖² ≤ R})",
        "excess": "upper confidence limit of Pr[‖x‖² > R]",
        "truncation": "R",
        "with_intercept": "the bound for linear and quadratic classifiers with any intercept, a share of points",
        "without_intercept": "the bound for linear classifiers through the origin, a share of points",
        "points": "that it is estimated from",
    },
)
