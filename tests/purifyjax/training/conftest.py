"""A training run small enough for every test."""

import pytest

from purifyjax.attacks import FGM
from purifyjax.data import SparseCoding
from purifyjax.training import Phase, Training


@pytest.fixture
def tiny() -> Training:
    data = SparseCoding(dimension=24, sparsity=4, value_max=1.5, margin=0.5)
    return Training(
        data,
        neurons=16,
        clean=(Phase(4, 8, 0.2, threshold=1.0, weight_decay=1e-2), Phase(3, 8, 0.1, 0.01, threshold=1.0)),
        robust=(Phase(4, 8, 0.2, threshold_rule="frozen", adversary=FGM(), radius=0.2),),
        init_scale=0.3,
    )
