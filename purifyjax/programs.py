"""Compiled programs of functions that take functions: found again by what those do, and given up beyond a number.

`jax.jit` knows a static argument by its hash. A lambda written in a loop is another one at every turn, and each would
be compiled anew and kept for ever.
"""

from __future__ import annotations

import dataclasses
import hashlib
import types
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from threading import RLock
from typing import Any

import flax.linen
import jax
import numpy as np
from jax.core import Tracer

from purifyjax.frozen import FrozenArray, FrozenTree

MOST = 32  # programs of one function kept at a time
# Named functions of these are known by their place: what they see does not change.
_LIBRARIES = ("builtins", "flax", "functools", "jax", "numpy", "optax", "purifyjax", "scipy", "theory_checks", "typing")
_PLAIN = (bool, int, complex, str, bytes, type(None), type(Ellipsis), type, types.ModuleType, np.dtype)


def program(run: Callable[..., Any], **static: Any) -> Callable[..., Any]:
    """`jax.jit` of `run` with these keywords fixed, the same one for keywords that are equal.

    Functions among the keywords are equal if they are the same one, as everywhere in JAX, or if they have the same code
    and see equal values, see `meaning`: the second call with `lambda params: …` compiles nothing. The programs used
    least recently are let go.

    Args:
      run: a module's function of arrays; what it closes over must not change.
      static: hashable.
    """
    own = tuple(sorted(static.items()))
    with _lock:
        kept = _programs.setdefault(run, OrderedDict())
        if own not in kept:
            seen = _meanings(own)
            # A kept function may have come to see other values since: for a new shape its program would see these.
            own = next((o for o, (_, then) in kept.items() if then == seen and _meanings(o) == seen), own)
            if own not in kept:
                kept[own] = jax.jit(partial(run, **static)), seen
                if len(kept) > MOST:
                    kept.popitem(last=False)
        kept.move_to_end(own)
        return kept[own][0]


_programs: dict[Callable[..., Any], OrderedDict[Any, tuple[Callable[..., Any], Any]]] = {}
_lock = RLock()


def _meanings(static: tuple[tuple[str, Any], ...]) -> Any:
    return tuple((name, meaning(value)) for name, value in static)


class _OpaqueError(Exception):
    """A value that may change without its hash telling."""


def meaning(value: Any) -> Any:
    """A hashable stand-in, equal for functions that do the same: of equal code, closure, defaults and globals.

    What they see must not change for that: plain values, arrays (by their numbers), frozen records, networks of Flax,
    and functions of such. A function that sees anything else is known by itself alone, as everywhere in JAX.
    """
    try:
        return _of(value, ())
    except _OpaqueError:
        return value


def _of(value: Any, inside: tuple[Any, ...]) -> Any:
    """`meaning`, or `_OpaqueError`.

    Args:
      inside: the functions and records around it, for functions that call themselves.
    """
    if isinstance(value, _PLAIN):
        return type(value), value
    if isinstance(value, float):
        return float, value.hex()  # tells 0.0 from -0.0
    for place, outer in enumerate(inside):
        if value is outer:
            return "again", place
    within = partial(_of, inside=(*inside, value))
    if isinstance(value, tuple | frozenset):
        return type(value), (frozenset if isinstance(value, frozenset) else tuple)(map(within, value))
    if isinstance(value, dict):
        return dict, tuple((within(key), within(item)) for key, item in value.items())
    if isinstance(value, np.ndarray | np.generic | jax.Array | FrozenArray):
        return _of_array(value.array if isinstance(value, FrozenArray) else value)
    if isinstance(value, FrozenTree):
        leaves, structure = jax.tree.flatten(value.tree)
        return structure, tuple(map(_of_array, leaves))
    if isinstance(value, partial):
        return partial, within(value.func), within(value.args), within(value.keywords)
    if _of_library(value):
        return value
    if isinstance(value, types.FunctionType):
        return _of_function(value, within)
    if isinstance(value, flax.linen.Module) or (dataclasses.is_dataclass(value) and type(value).__hash__ is not None):
        # Flax's own fields say where a network stands, not what it computes.
        own = [f for f in dataclasses.fields(value) if f.compare and f.name not in ("parent", "name")]  # pyright: ignore
        return type(value), tuple((f.name, within(getattr(value, f.name))) for f in own)
    raise _OpaqueError


def _of_array(array: Any) -> Any:
    if isinstance(array, Tracer) or not isinstance(array.dtype, np.dtype) or array.dtype.hasobject:
        raise _OpaqueError
    numbers = np.ascontiguousarray(array)
    return numbers.shape, numbers.dtype.str, hashlib.sha256(numbers.tobytes()).digest()


def _of_function(function: types.FunctionType, within: Callable[[Any], Any]) -> Any:
    try:
        closure = tuple(within(cell.cell_contents) for cell in function.__closure__ or ())
    except ValueError:  # a name without a value yet
        raise _OpaqueError from None
    seen = [name for name in sorted(_names(function.__code__)) if name in function.__globals__]
    outside = tuple((name, within(function.__globals__[name])) for name in seen)
    return function.__code__, closure, outside, within(function.__defaults__), within(function.__kwdefaults__)


def _names(code: types.CodeType) -> set[str]:
    """Names that a function, and those written within it, may look up outside."""
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _of_library(value: Any) -> bool:
    """Whether it is a function with a name of its own in a library."""
    package = str(getattr(value, "__module__", None) or "").partition(".")[0]
    name = str(getattr(value, "__qualname__", "<locals>"))
    return callable(value) and package in _LIBRARIES and "<locals>" not in name and "<lambda>" not in name
