"""How commands compute, whatever the environment asks for: numbers stored under one fingerprint are of one kind.

Fingerprints say what was computed, not by which generator of random numbers or how precisely.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from purifyjax.errors import ConfigError, require
from theory_checks.progress import say
from theory_checks.terminal import printable

# jax's own defaults, which variables such as JAX_ENABLE_X64 change.
FIXED = {
    "jax_enable_x64": False,
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_numpy_dtype_promotion": "standard",
}


@contextmanager
def fixed() -> Iterator[None]:
    """Within the block jax computes as `FIXED` says; what was asked for instead is told in a line.

    Raises:
      ConfigError: a variable of the environment with which jax does not start.
    """
    # Figures are only ever saved: matplotlib, when it is imported, then asks for no window.
    os.environ["MPLBACKEND"] = "agg"
    _require_flags()
    try:
        import jax

        if "JAX_PLATFORMS" in os.environ:
            jax.devices()
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"jax does not start in this environment: {printable(str(error))}") from None
    asked = {name: getattr(jax.config, name) for name in FIXED}
    other = [f"{name} = {asked[name]} (but {value})" for name, value in FIXED.items() if asked[name] != value]
    if other:
        say(f"not used, since what is stored is of one kind: {', '.join(other)}")
    with configured(FIXED):
        yield


@contextmanager
def configured(settings: Mapping[str, Any]) -> Iterator[None]:
    """Within the block jax has these settings, then those from before."""
    import jax

    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def _require_flags() -> None:
    """`ConfigError` for XLA_FLAGS that XLA does not know: it would end the process without a word of ours."""
    if flags := os.environ.get("XLA_FLAGS"):
        require(_starts(flags), "XLA_FLAGS", flags, "flags that the installed XLA knows, or none")


@cache
def _starts(flags: str) -> bool:
    """Whether jax starts with these flags, in a process of its own."""
    probe = [sys.executable, "-c", "import jax; jax.devices()"]
    about = {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    return subprocess.run(probe, capture_output=True, env=os.environ | about).returncode == 0
