"""Training as pure functions: `train(key, config) -> Trajectory`, vmapped over seeds."""

from purifyjax.training.augmentation import Augmentation
from purifyjax.training.classifier import (
    ClassifierState,
    Recipe,
    classifier_steps,
    initial_classifier,
    logits,
    margin_of_classifier,
    restarted,
    validate_recipe,
)
from purifyjax.training.config import Phase, Training, validate
from purifyjax.training.divergence import diverged
from purifyjax.training.fit import Convergence, Fitted, converged, fit
from purifyjax.training.loop import TrainState, initial_state, model_of, run_steps, start_stage
from purifyjax.training.low_rank import low_rank, with_rank
from purifyjax.training.trajectory import Trajectory, train

__all__ = [
    "Augmentation",
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
    "diverged",
    "fit",
    "initial_classifier",
    "initial_state",
    "logits",
    "low_rank",
    "margin_of_classifier",
    "model_of",
    "restarted",
    "run_steps",
    "start_stage",
    "train",
    "validate",
    "validate_recipe",
    "with_rank",
]
