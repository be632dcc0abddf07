"""Many seeds on the devices at hand: chunks, progress, storage and resume."""

from purifyjax.sweep.store import describe, fingerprint, load_arrays, save_arrays
from purifyjax.sweep.train import StageResult, seed_keys, train_stage

__all__ = ["StageResult", "describe", "fingerprint", "load_arrays", "save_arrays", "seed_keys", "train_stage"]
