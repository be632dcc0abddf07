"""One small trained trajectory that all theorem tests share."""

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from theory_checks import catalogue
from theory_checks.measuring.attacked import Evaluation
from theory_checks.options import Options
from theory_checks.papers.feature_purification import PAPER
from theory_checks.papers.feature_purification.config import Surgery
from theory_checks.papers.feature_purification.experiment import at_size
from theory_checks.plan import plan
from theory_checks.runner import Runner

SIZE = {"dimension": 256, "sparsity": 15, "neurons": 1024, "pace": 0.6, "batch_size": 256}


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Path:
    """The folder in which all evidence lies."""
    return tmp_path_factory.mktemp("theorems")


@pytest.fixture(scope="session", autouse=True)
def small():
    """Feature purification has a profile "small", at d = 256 and with fewer points than `quick`."""
    evaluation = Evaluation(points=1024, first=1024, curve_points=128, curve=(0.5, 1.0, 1.5))
    surgery = Surgery(points=512, dial=(1.6,), dial_points=64)

    def experiments():
        default, *others = at_size(SIZE, seeds=2, evaluation=evaluation)()
        return replace(default, surgery=surgery), *others

    with pytest.MonkeyPatch.context() as patch:
        # The record is frozen, its mapping of profiles is not.
        patch.setitem(PAPER.profiles, "small", experiments)  # pyright: ignore
        yield


@pytest.fixture(scope="session")
def checked(store, small):
    """The FGM experiment, its evidence on two seeds, and its arrays."""
    asked = plan(Options(profile="small"), catalogue.papers())
    experiment, runner = asked.experiments["default"], Runner(store, asked.seeds)
    evidence = runner.evidence(experiment)
    path = runner.export(experiment, evidence.seeds)
    assert path is not None
    with np.load(path) as arrays:
        # Beside the numbers the file holds its own fingerprint and checksum, which are text.
        numbers = {name: jnp.asarray(arrays[name]) for name in arrays.files if arrays[name].dtype.kind != "U"}
    return experiment, evidence, numbers
