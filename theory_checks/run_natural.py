"""Code photographs, train on their codes and on the controls, measure, and keep nets and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from purifyjax.data.natural import natural_codes
from purifyjax.sweep import fingerprint
from theory_checks.evidence import Evidence
from theory_checks.experiments.natural import KINDS, REAL, NaturalTask
from theory_checks.measure import NETS
from theory_checks.measure import natural as measure
from theory_checks.run import trajectory
from theory_checks.stored import progress, report_diverged, stored_evidence


def natural_evidence(task: NaturalTask, seeds: np.ndarray, out: Path, resume: bool) -> Evidence:
    """The measured tables of the experiment on natural codes, or the stored ones of the same run."""
    own = seeds[: task.seeds]

    def measured() -> Evidence:
        with progress(f"{task.name}: dictionary and codes", 1, "dictionary") as bar:
            coded = natural_codes(task.codes)
            bar.update(1)
        found, diverged, training = {}, {}, None
        for kind in measure.kinds(task, coded):
            name = kind.training.name
            arrays = trajectory(kind.profile, kind.training, own, out, resume)
            healthy = np.logical_and.reduce([np.isfinite(arrays[f"w_{net}"]).all(axis=(1, 2)) for net in NETS])
            report_diverged(name, own, healthy)
            kept = {n: values[healthy] if n[:2] in ("w_", "b_") else values for n, values in arrays.items()}
            with progress(f"{name}: attacks, {healthy.sum()} seeds", measure.TICKS, "attack") as bar:
                found[name] = measure.measure(kind, own[healthy], kept, bar.update)
            diverged[name] = [int(seed) for seed in own[~healthy]]
            if name == REAL:
                training = kind.training.training
        assert training is not None and set(found) == set(KINDS)
        evidence = measure.evidence(task, coded, training, found)
        evidence.config["diverged_seeds"] = diverged
        return evidence

    return stored_evidence(out / "tables" / task.name, fingerprint("natural", task, own), resume, measured)
