"""The table of the scaling experiment."""

from __future__ import annotations

from purifyjax.tasks.purification import Purification
from theory_checks.evidence import Table

NUMBERS = tuple(name for name in Purification.columns if name != "diverged")
SCALING = Table(
    "scaling",
    "A net of a size, cleanly and then adversarially trained: what it bears and what its weights hold.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        "replica": "number of the cell among those of its seed and size",
        "exponent": "a of k = ⌊9.2 (d/64)^a⌋",
        "dimension": "d",
        "sparsity": "k",
        **{name: Purification.columns[name] for name in NUMBERS},
    },
)
