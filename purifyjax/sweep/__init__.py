"""Many seeds at once: chunked training with progress and checkpoints, storage under a config's fingerprint."""

from purifyjax.seeds import seed_keys, seeds_at_once
from purifyjax.sweep.classifiers import train_classifiers
from purifyjax.sweep.loop import StageResult, chunk_steps, run_stage
from purifyjax.sweep.store import describe, fingerprint, load_arrays, save_arrays
from purifyjax.sweep.train import train_stage

__all__ = [
    "StageResult",
    "chunk_steps",
    "describe",
    "fingerprint",
    "load_arrays",
    "run_stage",
    "save_arrays",
    "seed_keys",
    "seeds_at_once",
    "train_classifiers",
    "train_stage",
]
