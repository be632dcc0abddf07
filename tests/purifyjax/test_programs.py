"""Programs of functions written anew at every call: found again, told apart, and not kept for ever."""

from __future__ import annotations

import gc
import os
import sys
import types
import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax import programs
from purifyjax.attacks import FGM, PGD, Along, worst_case
from purifyjax.balls import Ball
from purifyjax.models import SymmetricReLU, margin
from purifyjax.programs import meaning, program

KEY = jax.random.key(0)
outside = 1.0
compiled: list[str] = []


@pytest.fixture(autouse=True)
def count_compilations():
    """Every compilation of the process, by JAX's own events."""
    compiled.clear()

    def note(event: str, duration: float, **_: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)  # pyright: ignore[reportArgumentType]
    yield
    jax.monitoring.clear_event_listeners()


def attacked(margin_of):
    x, y = jnp.ones((1, 4, 3)), jnp.ones((1, 4))
    found = worst_case(KEY, margin_of, {"w": jnp.array([[0.3, -0.2, 0.5]])}, x, y, Ball(0.1), (FGM(), PGD(steps=2)))
    return np.asarray(found.margin)


def test_a_lambda_in_a_loop_compiles_once():
    first = attacked(lambda p: lambda x, y: y * (x @ p["w"]))
    assert compiled
    for turn in range(3):
        compiled.clear()
        found = attacked(lambda p: lambda x, y: y * jnp.matmul(x, p["w"]))
        np.testing.assert_array_equal(found, first)
        assert not compiled or turn == 0  # another code than the first


def test_the_second_call_of_equal_nets_and_attacks_compiles_nothing():
    model = SymmetricReLU(2)

    def run():
        fresh = SymmetricReLU(2)
        attacks = (Along(np.ones(3)), FGM(), PGD(steps=2))
        params = {"weight": jnp.ones((1, 2, 3)), "threshold": jnp.zeros((1, 2))}
        x, y = jnp.ones((1, 4, 3)), jnp.ones((1, 4))
        for margin_of in (lambda p: partial(margin, fresh, p), lambda p: lambda x, y: margin(fresh, p, x, y)):
            worst_case(KEY, margin_of, params, x, y, Ball(0.1), attacks)

    run()
    assert compiled
    compiled.clear()
    run()
    assert not compiled
    assert model == SymmetricReLU(2)


def clean(margin_of, n=4):
    x, y = jnp.ones((1, n, 3)), jnp.ones((1, n))
    return np.asarray(worst_case(KEY, margin_of, jnp.array([[0.3, -0.2, 0.5]]), x, y, Ball(0.1), ()).margin)


class Settings:
    """Of a user's own, changed between calls."""

    scale = 1.0


def helper():
    """It carries a number, too."""


users = types.ModuleType("users")


def named(p):
    return lambda x, y: outside * y * (x @ p)


@dataclass(frozen=True)
class Stretched:
    """A record that holds more than its fields say."""

    scale: float = field(compare=False)


@dataclass
class Unhashable:
    scale: float

    def __call__(self, p):
        return lambda x, y: self.scale * y * (x @ p)


def seeing(scale):
    """Functions that see the number: by closure, default, global, array, partial, record, class, module, function."""
    global outside
    outside, array, record = scale, np.full(1, scale, np.float32), Along(scale * np.ones(3))
    Settings.scale = helper.scale = users.scale = scale  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]
    stretched = Stretched(scale)
    return (
        lambda p: lambda x, y: scale * y * (x @ p),
        lambda p, by=scale: lambda x, y: by * y * (x @ p),
        lambda p: lambda x, y: outside * y * (x @ p),
        lambda p: lambda x, y: array[0] * y * (x @ p),
        partial(lambda by, p: lambda x, y: by * y * (x @ p), scale),
        lambda p: lambda x, y: record.direction.array[0] * y * (x @ p),  # pyright: ignore[reportAttributeAccessIssue]
        lambda p: lambda x, y: Settings.scale * y * (x @ p),
        lambda p: lambda x, y: users.scale * y * (x @ p),
        lambda p: lambda x, y: helper.scale * y * (x @ p),  # pyright: ignore[reportFunctionMemberAccess]
        lambda p: lambda x, y: stretched.scale * y * (x @ p),
        named,
    )


@pytest.mark.parametrize("place", range(11))
def test_what_a_function_sees_decides(place):
    """Another value is another program, and the right number; the same one compiles nothing."""
    for scale in (1.0, 2.0, -1.0):
        np.testing.assert_allclose(clean(seeing(scale)[place]), scale * 0.6, rtol=1e-6)
        compiled.clear()
        np.testing.assert_allclose(clean(seeing(scale)[place]), scale * 0.6, rtol=1e-6)
        assert not compiled


def test_what_may_change_is_never_taken_for_the_same():
    """A function that sees a list, or an object of the user's own, is known by itself."""

    class Mutable:
        scale = 1.0

    box, thing = [1.0], Mutable()
    for scale in (1.0, 2.0):
        box[0] = thing.scale = scale
        for margin_of in (
            lambda p: lambda x, y: box[0] * y * (x @ p),
            lambda p: lambda x, y: thing.scale * y * (x @ p),
        ):
            assert meaning(margin_of) is margin_of
            np.testing.assert_allclose(clean(margin_of), scale * 0.6, rtol=1e-6)


class Whole(int):
    scale = 1.0


class Missing(dict):
    scale = 1.0

    def __missing__(self, key):
        return self.scale


def test_numbers_found_in_ways_that_are_not_followed_are_never_stale(monkeypatch):
    """By text, by an import of its own, in the environment, or beside the value of a number, dict or array."""
    monkeypatch.setitem(sys.modules, "users", users)

    def importing(p):
        import users as module  # pyright: ignore[reportMissingImports]

        return lambda x, y: module.scale * y * (x @ p)

    for scale in (1.0, 2.0, -1.0):
        seeing(scale)
        monkeypatch.setenv("SCALE", str(scale))
        whole, missing = Whole(1), Missing()
        whole.scale = missing.scale = scale
        masked = np.ma.masked_array([1.0, 2.0, -1.0], mask=np.array([1.0, 2.0, -1.0]) != scale)
        for margin_of in (
            lambda p: lambda x, y: getattr(Settings, "scale") * y * (x @ p),  # noqa: B009
            lambda p: lambda x, y: globals()["outside"] * y * (x @ p),
            lambda p: lambda x, y: float(os.environ["SCALE"]) * y * (x @ p),
            partial(importing),
            lambda p, by=whole: lambda x, y: by.scale * y * (x @ p),
            lambda p, by=missing: lambda x, y: by["x"] * y * (x @ p),
            lambda p, by=masked: lambda x, y: float(by.sum()) * y * (x @ p),
            Unhashable(scale),
        ):
            np.testing.assert_allclose(clean(margin_of), scale * 0.6, rtol=1e-6)


def test_numbers_of_other_types_are_others():
    """They may promote the margin to another precision."""
    numbers = (2.0, np.float64(2.0), np.float32(2.0), jnp.asarray(2.0), jnp.float32(2.0), jnp.bfloat16(2.0))
    kinds = [meaning(number) for number in numbers]
    assert len(set(kinds)) == 5 and kinds[2] == kinds[4]  # weak types among them
    bits = np.ones(1, jnp.float8_e4m3fn)
    assert meaning(bits) != meaning(bits.view(np.uint8).view(jnp.float8_e5m2))


def test_meanings_are_found_in_time():
    """Functions that all call each other, and functions one in another beyond Python's depth."""
    calls = (" + ".join(f"f{other}(n)" for other in range(12)) for _ in range(12))
    names: dict[str, Any] = {}
    exec("".join(f"def f{place}(n): return {call}\n" for place, call in enumerate(calls)), names)
    assert meaning(names["f0"]) is not names["f0"]

    def twice(f):
        return lambda x: f(f(x))

    deep = jnp.sin
    for _ in range(1000):
        deep = twice(deep)
    assert meaning(deep) is deep


class Own(nn.Module):
    """A user's network and its class's number."""

    width: int
    slope = 1.0

    @nn.compact
    def __call__(self, x):
        return self.slope * nn.Dense(self.width)(x).sum(axis=-1)


def test_users_networks_have_a_meaning():
    one, other, wider = (meaning(lambda x, width=width: Own(width)(x)) for width in (2, 2, 3))
    assert one == other != wider
    assert meaning(Own(2)) == meaning(Own(2)) != meaning(Own(3))
    before = meaning(Own(2))
    Own.slope = 2.0
    assert meaning(Own(2)) != before


def test_a_kept_program_does_not_follow_its_function_to_other_values():
    """The first function's array has changed when the second one, equal to it as it was, comes with a new shape."""
    first, second = np.ones(1, np.float32), np.ones(1, np.float32)

    def of(array):
        return lambda p: lambda x, y: array[0] * y * (x @ p)

    np.testing.assert_allclose(clean(of(first)), 0.6, rtol=1e-6)
    first[0] = 3.0
    np.testing.assert_allclose(clean(of(second), n=5), 0.6, rtol=1e-6)
    np.testing.assert_allclose(clean(of(first), n=5), 1.8, rtol=1e-6)


def test_functions_that_call_themselves_have_a_meaning():
    def powers():
        def power(n):
            return 1 if n == 0 else 2 * power(n - 1)

        return power

    one, other = powers(), powers()
    assert meaning(one) == meaning(other) and hash(meaning(one)) == hash(meaning(other))


def scaled(x, by):
    return by * x


def test_programs_used_least_recently_are_let_go(monkeypatch):
    monkeypatch.setattr(programs, "MOST", 3)
    first = weakref.ref(program(scaled, by=-1.0))
    for by in range(5):
        assert program(scaled, by=-1.0) is first()  # used again, and so kept
        assert float(program(scaled, by=by)(jnp.float32(2.0))) == 2.0 * by
    for by in range(5, 8):
        program(scaled, by=by)
    gc.collect()
    assert first() is None
