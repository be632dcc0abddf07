"""Many seeds on the devices at hand: chunks, progress, storage and resume."""

from purifyjax.sweep.store import fingerprint, load_arrays, save_arrays
from purifyjax.sweep.train import StageResult, seed_keys, train_stage

__all__ = ["StageResult", "fingerprint", "load_arrays", "save_arrays", "seed_keys", "train_stage"]
