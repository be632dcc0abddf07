"""One small trained trajectory that all theorem tests share."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from theory_checks import catalogue
from theory_checks.options import Options, plan
from theory_checks.runner import Runner


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Path:
    """The folder in which all evidence lies."""
    return tmp_path_factory.mktemp("theorems")


@pytest.fixture(scope="session")
def checked(store):
    """The quick profile's FGM experiment, its evidence on two seeds, and its arrays."""
    asked = plan(Options(profile="quick", seeds="2"), catalogue.papers())
    experiment, runner = asked.experiments["default"], Runner(store, asked.seeds)
    evidence = runner.evidence(experiment)
    path = runner.export(experiment, evidence.seeds)
    assert path is not None
    with np.load(path) as arrays:
        # Beside the numbers the file holds its own fingerprint and checksum, which are text.
        numbers = {name: jnp.asarray(arrays[name]) for name in arrays.files if arrays[name].dtype.kind != "U"}
    return experiment, evidence, numbers
