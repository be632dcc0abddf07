"""The figures of scaling."""

from __future__ import annotations

import pandas as pd

from purifyjax import plots
from theory_checks.evidence import Evidence
from theory_checks.figure import Figure
from theory_checks.papers.scaling.exponents import gap, of_k, radius, slope_of
from theory_checks.papers.scaling.tables import SCALING

_PREDICTED = {
    "linear": ("linear", radius("linear"), lambda a: -0.5),
    "clean": ("after clean training", radius("clean"), lambda a: 0.5 - 2 * a),
    "robust": ("after adversarial training", radius("robust"), lambda a: -a / 2),
    "gap": ("robust over clean", gap, lambda a: 1.5 * a - 0.5),
}


def _exponents(evidence: Evidence):
    rows = []
    for _, own in evidence[SCALING].groupby("exponent"):
        for name, (label, quantity, _) in _PREDICTED.items():
            fit = slope_of(own, quantity)
            found = {"kind": name, "label": label, "a": of_k(own), "slope": fit.slope}
            rows.append(found | {"low": fit.slope_low, "high": fit.slope_high})
    return plots.scaling.exponents(pd.DataFrame(rows), {name: p for name, (_, _, p) in _PREDICTED.items()})


SIZES = Figure(
    "radii",
    SCALING,
    "The radius at which half of the points fall against d, of the linear classifier and of the net after clean and "
    "after adversarial training: a point a net, lines through the means.",
    lambda evidence: plots.scaling.radii(evidence[SCALING]),
)
EXPONENTS = Figure(
    "exponents",
    SCALING,
    "Exponents of the radii in d, with 95% intervals, against the exponent of k; lines are the predictions.",
    _exponents,
)
