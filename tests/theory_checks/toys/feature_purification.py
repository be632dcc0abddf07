"""Feature purification in seconds."""

from __future__ import annotations

from typing import Any

from tests.theory_checks.toys._two_layer import RADIUS, training
from theory_checks.experiment import Experiment
from theory_checks.measuring.attacked import Evaluation
from theory_checks.papers.feature_purification.config import Certification, Surgery
from theory_checks.papers.feature_purification.experiment import Purification, with_pgd
from theory_checks.papers.feature_purification.samples import CleanTrainings

_BREADTH = ("general", "paper-algorithm")


def experiments() -> tuple[Experiment, ...]:
    """The experiments of the paper at toy size."""
    own = training()
    linf = own.replace(
        data=own.data.replace(dictionary="random"), robust=(own.robust[0].replace(norm="linf", radius=0.05),)
    )
    evaluation = Evaluation(points=64, curve_points=32, steps=2, restarts=1)
    common: dict[str, Any] = {"evaluation": evaluation, "monitored_radius": RADIUS, "radius": RADIUS}
    proven = Certification((0.75, 1.0), steps=2)
    dense = Certification((1.0,), steps=2, lowering=())
    breadth = Surgery(points=32, steps=2, restarts=1, dial=())
    ell_inf = common | {"radius": 0.05, "monitored_radius": 0.05, "norm": "linf"}
    return (
        Purification(
            name="default",
            training=own,
            seeds=2,
            certification=proven,
            surgery=Surgery(points=32, steps=2, restarts=1, dial=(1.0, 3.0), dial_points=16),
            **common,
        ),
        Purification(name="pgd", training=with_pgd(own, steps=2), seeds=1, **common),
        Purification(name="linf", training=linf, seeds=1, certification=dense, **ell_inf),
        *(Purification(name=name, training=own, seeds=1, surgery=breadth, **common) for name in _BREADTH),
        CleanTrainings(
            training=own, radius=RADIUS, monitored_radius=RADIUS, seeds=2, sizes=(16, 64), points=32, steps=2
        ),
    )
