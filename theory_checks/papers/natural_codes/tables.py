"""The tables of codes of photographs, beside those that are shared."""

from __future__ import annotations

from theory_checks.evidence import Table

CODES = Table(
    "codes",
    "What the evaluation half of a kind of codes is like: single numbers, and distributions over coordinates or pairs.",
    {
        "experiment": "whose codes",
        "quantity": "name of the number or of the distribution",
        "index": "0 for a single number; the coordinate, ‖z‖₀ (nonzeros, independent nonzeros) or the middle of a bin "
        "(lift) of a distribution",
        "value": "the number; for nonzeros, independent nonzeros and lift a share",
        "low": "lower end of its 95% interval, by resampling squares of the pictures; NaN for none",
        "high": "upper end of the same",
    },
)
CODE_SETS = Table(
    "code_sets",
    "A kind of codes as data of a training: sizes that follow from the codes.",
    {
        "experiment": "whose codes",
        "sparsity": "k, the mean ‖z‖₀ of the training half of the real codes, rounded",
        "margin": "γ",
        "label_std": "root mean square of ⟨w*, z⟩ over the training half",
        "monitored_radius": "τ of training",
        "radius": "τ at which claims are judged",
        "missed": "mean share of a patch's energy that its real code misses, evaluation half",
        "training_codes": "codes of the training half with |⟨w*, z⟩| ≥ γ",
        "evaluation_codes": "the same of the evaluation half",
    },
)
