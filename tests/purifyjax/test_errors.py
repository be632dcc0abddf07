"""What counts as a whole and as a real number, and that everything else is one sentence."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.errors import ConfigError, concrete, require_count, require_real

NO_NUMBERS: list[Any] = [
    None,
    "1",
    b"1",
    [1.0],
    (1,),
    {},
    {1.0},
    1j,
    True,
    np.True_,
    np.array("a"),
    np.array(1j),
    print,
]


def sentence(error: pytest.ExceptionInfo[ConfigError], field: str) -> None:
    text = str(error.value)
    assert text.startswith(f"{field} = ") and " is not allowed: " in text and "\n" not in text


@pytest.mark.parametrize("value", [1, 5, np.int8(1), np.uint64(2), 10**30])
def test_whole_numbers_are_counts(value):
    require_count("n", value)


@pytest.mark.parametrize(
    "value", [*NO_NUMBERS, 0, -1, 1.0, 1.5, math.inf, math.nan, np.float32(2), np.array(2)], ids=repr
)
def test_nothing_else_is_a_count(value):
    with pytest.raises(ConfigError) as error:
        require_count("n", value)
    sentence(error, "n")


def test_counts_may_start_elsewhere():
    require_count("n", 0, least=0)
    with pytest.raises(ConfigError, match="n = 3 is not allowed: a whole number, at least 4"):
        require_count("n", 3, least=4)


@pytest.mark.parametrize(
    "value", [0, 1, 0.5, np.float16(1), np.int8(0), np.zeros((2, 3)), jnp.ones(2), jnp.ones((), jnp.bfloat16)], ids=repr
)
def test_real_numbers_and_arrays_of_them_are_real(value):
    require_real("x", value, "x ≥ 0", lambda x: x >= 0)


@pytest.mark.parametrize(
    "value",
    [*NO_NUMBERS, -1, -0.5, math.nan, math.inf, -math.inf, np.array([0, -1]), jnp.array([1, jnp.nan])],
    ids=repr,
)
def test_nothing_else_is_real(value):
    with pytest.raises(ConfigError) as error:
        require_real("x", value, "x ≥ 0", lambda x: x >= 0)
    sentence(error, "x")


def test_infinity_may_be_allowed_but_never_nan():
    require_real("x", math.inf, "x > 0", lambda x: x > 0, infinite=True)
    for value in (-math.inf, math.nan):
        with pytest.raises(ConfigError):
            require_real("x", value, "x > 0", lambda x: x > 0, infinite=True)
    with pytest.raises(ConfigError):
        require_real("x", math.nan, "any", lambda x: x == x, infinite=True)


def test_traced_values_and_placeholders_pass_unseen():
    def traced(value):
        require_real("x", value, "x < 0", lambda x: x < 0)
        assert concrete(value) is None
        return value

    jax.jit(traced)(1.0)
    for value in (object(), jax.ShapeDtypeStruct((), jnp.float32)):
        traced(value)
    assert concrete("a") is None and concrete(2) == 2


def test_large_values_stay_one_sentence():
    with pytest.raises(ConfigError) as error:
        require_real("x", np.full((40, 40), -1.0), "x ≥ 0", lambda x: x >= 0)
    sentence(error, "x")
    assert len(str(error.value)) < 500
