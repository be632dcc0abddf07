"""One small trained trajectory that all theorem tests share."""

import jax.numpy as jnp
import numpy as np
import pytest

from theory_checks import run
from theory_checks.experiments import profile


@pytest.fixture(scope="session")
def checked(tmp_path_factory):
    """Evidence of the quick profile's FGM experiment on two seeds, and its arrays."""
    out = tmp_path_factory.mktemp("theorems")
    small = profile("quick").with_seeds(2)
    experiment, seeds = small.experiments[0], np.arange(2)
    evidence = run.evidence(small, experiment, seeds, out, resume=True)
    arrays = run.trajectory(small, experiment, seeds, out, resume=True)
    return experiment, evidence, {name: jnp.asarray(values) for name, values in arrays.items()}
