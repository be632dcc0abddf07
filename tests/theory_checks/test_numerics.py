"""One kind of numbers, whatever is asked for."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.commands import numerics
from purifyjax.commands.numerics import FIXED, fixed
from tests.theory_checks import tiny
from theory_checks.testing import verdict

OTHER = {
    "jax_enable_x64": True,
    "jax_default_prng_impl": "rbg",
    "jax_threefry_partitionable": False,
    "jax_random_seed_offset": 3,
    "jax_numpy_dtype_promotion": "strict",
}


@pytest.fixture(params=list(FIXED))
def asked(request):
    """One setting is another one."""
    before = getattr(jax.config, request.param)
    jax.config.update(request.param, OTHER[request.param])
    yield request.param
    jax.config.update(request.param, before)


def draw():
    return np.asarray(jax.random.normal(jax.random.key(7), (4, 3)) * jnp.arange(3)[None] + 0.1)


def test_what_is_fixed_is_the_default_of_jax():
    for name, value in FIXED.items():
        assert getattr(jax.config, name) == value, name


def test_numbers_are_of_one_kind(asked, capsys):
    with fixed():
        found = draw()
    assert getattr(jax.config, asked) == OTHER[asked]
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and f"{asked} = {OTHER[asked]} (but {FIXED[asked]})" in told
    jax.config.update(asked, FIXED[asked])
    np.testing.assert_array_equal(found, draw(), strict=True)


def test_nothing_is_said_where_nothing_else_is_asked_for(capsys):
    with fixed():
        pass
    assert capsys.readouterr().err == ""


def test_settings_come_back_after_an_error(asked):
    with pytest.raises(KeyError), fixed():
        raise KeyError
    assert getattr(jax.config, asked) == OTHER[asked]


def test_assertions_share_the_numbers_of_commands(asked, tiny_paper, tmp_path):
    other = verdict("walks-end", profile="tiny", paper=tiny.PAPER, out=tmp_path / "other")
    jax.config.update(asked, FIXED[asked])
    assert verdict("walks-end", profile="tiny", paper=tiny.PAPER, out=tmp_path / "own") == other


def test_walks_stand_a_jax_that_looks_for_nan(tiny_paper, tmp_path):
    jax.config.update("jax_debug_nans", True)
    try:
        assert verdict("late", profile="tiny", paper=tiny.PAPER, out=tmp_path).outcome == "holds"
    finally:
        jax.config.update("jax_debug_nans", False)


@pytest.mark.parametrize(
    ("before", "platforms", "others", "after"),
    [
        ("", None, False, "FASTER"),
        ("--xla_foo=1", None, False, "--xla_foo=1 FASTER"),
        ("--xla_backend_optimization_level=3", None, False, "--xla_backend_optimization_level=3 FIRST"),
        ("", None, True, ""),  # an accelerator's programs would be slower
        ("", "cpu", True, "FASTER"),
    ],
)
def test_programs_are_compiled_fast_where_nobody_said_otherwise(before, platforms, others, after, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", before)
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    if platforms:
        monkeypatch.setenv("JAX_PLATFORMS", platforms)
    monkeypatch.setattr(numerics, "_accelerators", lambda: others)
    numerics.compile_faster()
    first, second = numerics._FASTER
    assert os.environ["XLA_FLAGS"] == after.replace("FASTER", f"{first} {second}").replace("FIRST", first)
    numerics.compile_faster()
    assert os.environ["XLA_FLAGS"].count("optimization_level") == (after != "")


def test_another_xla_gets_no_flags_that_it_may_not_know(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setattr(numerics, "version", lambda name: "9.9.9")
    numerics.compile_faster()
    assert os.environ["XLA_FLAGS"] == ""
