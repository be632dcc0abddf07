"""Training as pure functions: `train(key, config) -> Trajectory`, vmapped over seeds."""

from purifyjax.training.classifier import (
    ClassifierState,
    Recipe,
    classifier_steps,
    initial_classifier,
    logits,
    margin_of_classifier,
    validate_recipe,
)
from purifyjax.training.config import Phase, Training, validate
from purifyjax.training.fit import Convergence, Fitted, converged, fit
from purifyjax.training.loop import TrainState, initial_state, model_of, run_steps, start_stage
from purifyjax.training.trajectory import Trajectory, train

__all__ = [
    "ClassifierState",
    "Convergence",
    "Fitted",
    "Phase",
    "Recipe",
    "TrainState",
    "Training",
    "Trajectory",
    "classifier_steps",
    "converged",
    "fit",
    "initial_classifier",
    "initial_state",
    "logits",
    "margin_of_classifier",
    "model_of",
    "run_steps",
    "start_stage",
    "train",
    "validate",
    "validate_recipe",
]
