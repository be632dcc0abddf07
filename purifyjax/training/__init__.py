"""Training as pure functions: `train(key, config) -> Trajectory`, vmapped over seeds."""

from purifyjax.training.config import Phase, Training, validate
from purifyjax.training.fit import Convergence, Fitted, converged, fit
from purifyjax.training.loop import TrainState, initial_state, model_of, run_steps, start_stage
from purifyjax.training.trajectory import Trajectory, train

__all__ = [
    "Convergence",
    "Fitted",
    "Phase",
    "TrainState",
    "Training",
    "Trajectory",
    "converged",
    "fit",
    "initial_state",
    "model_of",
    "run_steps",
    "start_stage",
    "train",
    "validate",
]
