"""From nets on one kind of codes to tables, and what the codes themselves bring."""

from __future__ import annotations

import numpy as np
import pandas as pd

from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from purifyjax.data import TabulatedCoding, acceptance_rate, label_std
from purifyjax.data.natural import Coded
from theory_checks.evidence import Table
from theory_checks.experiment import Nets, Seeds
from theory_checks.measuring.neurons import NEURONS, neurons
from theory_checks.measuring.pictures import PICTURES, pictures
from theory_checks.measuring.robustness import robustness
from theory_checks.measuring.two_layer import initial_states
from theory_checks.papers.natural_codes.config import NaturalConfig
from theory_checks.papers.natural_codes.data import Kind
from theory_checks.papers.natural_codes.tables import CODE_SETS


def stage(kind: str, net: str = "") -> str:
    """The name of the training of a net on a kind of codes; without a net, the start of both."""
    return f"{kind}, {net}"


def of_nets(
    config: NaturalConfig, name: str, kind: Kind, seeds: Seeds, nets: Nets, progress: Progress
) -> dict[Table, pd.DataFrame]:
    """Attacks and neurons of the nets of one kind, on codes of the evaluation half."""
    ball = Ball(config.judged * kind.radius)
    sizes = (config.net.neurons, kind.held, ball, config.evaluation)
    found = robustness(name, seeds, nets, *sizes, progress, prefix=stage(name))
    initial = np.asarray(initial_states(kind.training, seeds).weight)
    return found | {NEURONS: neurons(name, seeds, initial, nets, kind.held, config.neurons, prefix=stage(name))}


def code_set(config: NaturalConfig, name: str, kind: Kind, missed: np.ndarray) -> pd.DataFrame:
    """The row of `CODE_SETS` of a kind.

    Args:
      missed: share of each patch's energy that its real code misses, evaluation half.
    """
    data = kind.fitted
    row = {
        "experiment": name,
        "sparsity": data.sparsity,
        "margin": data.margin,
        "label_std": label_std(data),
        "monitored_radius": kind.radius,
        "radius": config.judged * kind.radius,
        "missed": float(np.mean(missed)),
        "training_codes": _meeting_the_margin(data),
        "evaluation_codes": _meeting_the_margin(kind.held),
    }
    return pd.DataFrame([row], columns=list(CODE_SETS.columns))


def _meeting_the_margin(data: TabulatedCoding) -> int:
    """How many codes of a table have |⟨w*, z⟩| ≥ γ."""
    return round(acceptance_rate(data) * len(data.table.codes))


def atoms(config: NaturalConfig, found: Coded) -> pd.DataFrame:
    """Some atoms as patterns of pixels, each on its own scale: rows of `PICTURES`."""
    some = found.atoms[: config.pictured]
    shown = some / np.abs(some).max(axis=(1, 2), keepdims=True)
    rows = pictures(config.name, "atoms", "atoms of the dictionary", shown[..., None], config.codes.seed)
    return PICTURES.checked(rows)
