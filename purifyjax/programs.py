"""Compiled programs of functions that take functions: found again by what those do, and given up beyond a number.

`jax.jit` knows a static argument by its hash. A lambda written in a loop is another one at every turn, and each would
be compiled anew and kept for ever.
"""

from __future__ import annotations

import dataclasses
import dis
import hashlib
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from threading import RLock
from typing import Any

import flax.linen
import jax
import numpy as np
from jax.core import Tracer

from purifyjax.frozen import FrozenArray, FrozenTree

MOST = 32  # programs of one function kept at a time
# Named functions, classes and modules of these are known by their place: what they see does not change.
_LIBRARIES = (
    *("builtins", "flax", "functools", "jax", "math", "numpy", "operator", "optax", "purifyjax", "scipy"),
    *("theory_checks", "typing"),
)
# Exactly of these types: a number or text of the user's own may carry more than its value.
_PLAIN = (bool, int, complex, str, bytes, type(None), type(Ellipsis))
_OF_CLASSES = ("_abc_impl", "_compact_name_scope_methods", "_parent_ref", "_state", "scope")  # by Python and Flax
_BY_TEXT = {"__import__", "eval", "exec", "getattr", "globals", "import_module", "locals", "vars"}


def program(run: Callable[..., Any], **static: Any) -> Callable[..., Any]:
    """`jax.jit` of `run` with these keywords fixed, the same one for keywords that are equal.

    Functions among the keywords are equal if they have the same code and see equal values, see `meaning`; where that
    is not known, if they are the same one, as everywhere in JAX. So the second call with `lambda params: …` compiles
    nothing. The programs used least recently are let go. What has no hash gets a new program at every call.

    Args:
      run: a module's function of arrays; what it closes over must not change.
    """
    own = tuple(sorted(static.items()))
    try:
        hash(own)
    except TypeError:
        return jax.jit(partial(run, **static))
    with _lock:
        kept = _programs.setdefault(run, OrderedDict())
        if own in kept and kept[own][1] != _meanings(own):  # the same function has come to see other values
            del kept[own]
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

    What they see must not change for that, or by its value: plain values, arrays (by their numbers), frozen records,
    networks of Flax, classes, and functions of such. A function that sees anything else, or looks names up by text, is
    known by itself alone, as everywhere in JAX.
    """
    try:
        return _of(value, [])
    except (_OpaqueError, RecursionError):
        return value


def _of(value: Any, met: list[Any]) -> Any:
    """`meaning`, or `_OpaqueError`.

    Args:
      met: functions, records and the like on the way here, for those that meet again or call themselves.
    """
    if type(value) in _PLAIN or isinstance(value, np.dtype):
        return type(value), value
    if type(value) is float:
        return float, value.hex()  # tells 0.0 from -0.0
    within = partial(_of, met=met)
    if isinstance(value, tuple | frozenset) and not getattr(value, "__dict__", None):
        return type(value), tuple(map(within, value)) if isinstance(value, tuple) else frozenset(map(within, value))
    if type(value) is np.ndarray or isinstance(value, np.generic | jax.Array | FrozenArray):
        return _of_array(value.array if isinstance(value, FrozenArray) else value)
    if isinstance(value, FrozenTree):
        leaves, structure = jax.tree.flatten(value.tree)
        return structure, tuple(map(_of_array, leaves))
    if _of_library(value):
        return value
    for place, other in enumerate(met):
        if value is other:
            return "again", place
    met.append(value)
    if type(value) is dict and all(isinstance(item, dict | np.ndarray | jax.Array) for item in value.values()):
        return _items(value, within)  # parameters; other dictionaries are made to change
    if isinstance(value, partial):
        return partial, within(value.func), within(value.args), _items(value.keywords, within)
    if isinstance(value, types.FunctionType):
        return _of_function(value, within)
    if isinstance(value, type):
        return value, _items(_class_data(value), within)
    if isinstance(value, flax.linen.Module) or (dataclasses.is_dataclass(value) and type(value).__hash__ is not None):
        # Flax's own fields, and an attack's name, say where a network stands, not what it computes.
        own = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.name not in ("parent", "name")}  # pyright: ignore
        if not isinstance(value, flax.linen.Module):  # may hold more than its fields
            own |= {name: item for name, item in getattr(value, "__dict__", {}).items() if name != "name"}
        return within(type(value)), _items(own, within)
    raise _OpaqueError


def _items(values: Mapping[str, Any], within: Callable[[Any], Any]) -> Any:
    return tuple((within(name), within(item)) for name, item in values.items())


def _class_data(kind: type) -> dict[str, Any]:
    """What a user's class holds beside functions and the defaults of fields."""
    found: dict[str, Any] = {}
    for parent in kind.__mro__:
        if not _of_library(parent):
            found = {**vars(parent), **found}
    fields = getattr(kind, "__dataclass_fields__", {})
    return {
        name: item
        for name, item in found.items()
        if not (name.startswith("__") or name in _OF_CLASSES or name in fields or callable(item))
        and not isinstance(item, staticmethod | classmethod | property | types.MemberDescriptorType)
    }


def _of_array(array: Any) -> Any:
    if isinstance(array, Tracer) or not isinstance(array.dtype, np.dtype) or array.dtype.hasobject:
        raise _OpaqueError
    numbers = np.ascontiguousarray(array)
    weak = bool(getattr(array, "weak_type", False))
    return numbers.shape, numbers.dtype, weak, hashlib.sha256(numbers.tobytes()).digest()


def _of_function(function: types.FunctionType, within: Callable[[Any], Any]) -> Any:
    codes = _codes(function.__code__)
    names = sorted({name for code in codes for name in code.co_names})
    if _BY_TEXT.intersection(names) or not all(_is_library(module) for code in codes for module in _imported(code)):
        raise _OpaqueError

    written = {name for code in codes for name in _written(code)}

    def see(value: Any, over: tuple[Any, ...] = ()) -> Any:
        """Of a user's module, what the code may take from it."""
        if not isinstance(value, types.ModuleType) or _is_library(value.__name__) or value in over:
            return value.__name__ if isinstance(value, types.ModuleType) else within(value)
        taken = [(name, vars(value)[name]) for name in names if name in vars(value)]
        return value.__name__, tuple((name, see(item, (*over, value))) for name, item in taken)

    try:
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        closure = tuple((name, see(cell.cell_contents)) for name, cell in cells if name not in written)
    except ValueError:  # a name without a value yet
        raise _OpaqueError from None
    seen = [name for name in names if name in function.__globals__ and name not in written]
    outside = tuple((name, see(function.__globals__[name])) for name in seen)
    defaults = within(function.__defaults__), _items(function.__kwdefaults__ or {}, within)
    return function.__code__, closure, outside, defaults, _items(vars(function), within)


def _codes(code: types.CodeType) -> list[types.CodeType]:
    """The code of a function, and of those written within it."""
    return [code, *(c for inner in code.co_consts if isinstance(inner, types.CodeType) for c in _codes(inner))]


def _written(code: types.CodeType) -> list[str]:
    """Names outside that a function writes itself: how often it was traced, say, not what it computes."""
    return [step.argval for step in dis.get_instructions(code) if step.opname in ("STORE_DEREF", "STORE_GLOBAL")]


def _imported(code: types.CodeType) -> list[str]:
    """Modules that a function imports itself."""
    if not any(name in sys.modules for name in code.co_names):
        return []
    return [step.argval for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME"]


def _is_library(module: str) -> bool:
    return module.partition(".")[0] in _LIBRARIES


def _of_library(value: Any) -> bool:
    """Whether it is a function or class with a name of its own in a library."""
    name = str(getattr(value, "__qualname__", "<locals>"))
    known = _is_library(str(getattr(value, "__module__", None) or ""))
    return callable(value) and known and "<locals>" not in name and "<lambda>" not in name
