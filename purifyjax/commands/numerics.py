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
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from purifyjax.commands.progress import say
from purifyjax.commands.terminal import printable
from purifyjax.errors import ConfigError, require

# jax's own defaults, which variables such as JAX_ENABLE_X64 change.
FIXED = {
    "jax_enable_x64": False,
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_numpy_dtype_promotion": "standard",
}


# Programs are compiled in half the time, and run as fast: benchmarks/NOTES.md. XLA does not start with a flag that it
# does not know, so they are for the versions that were looked at.
_FASTER = ("--xla_cpu_use_fusion_emitters=false", "--xla_backend_optimization_level=1")
_VERSIONS = ("0.10.", "0.11.")


def compile_faster() -> None:
    """Let XLA compile for a CPU with less effort, unless it has started or the user's flags say something of it.

    On an accelerator the programs themselves would be slower.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    own = [flag for flag in _FASTER if flag.partition("=")[0] not in flags]
    alone = os.environ.get("JAX_PLATFORMS") == "cpu" or not _accelerators()
    if own and alone and version("jaxlib").startswith(_VERSIONS):
        os.environ["XLA_FLAGS"] = " ".join([flags, *own]).strip()


def _accelerators() -> bool:
    """Whether jax has a backend beside that of the CPU: they are packages of their own."""
    return find_spec("jax_plugins") is not None or find_spec("libtpu") is not None


@contextmanager
def fixed() -> Iterator[None]:
    """Within the block jax computes as `FIXED` says; what was asked for instead is told in a line.

    Raises:
      ConfigError: a variable of the environment with which jax does not start.
    """
    # Figures are only ever saved: matplotlib, when it is imported, then asks for no window.
    os.environ["MPLBACKEND"] = "agg"
    _require_flags()
    compile_faster()
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
    flags = " ".join(flag for flag in os.environ.get("XLA_FLAGS", "").split(" ") if flag not in _FASTER)
    if flags.strip():
        require(_starts(flags), "XLA_FLAGS", flags, "flags that the installed XLA knows, or none")


@cache
def _starts(flags: str) -> bool:
    """Whether jax starts with these flags, in a process of its own."""
    probe = [sys.executable, "-c", "import jax; jax.devices()"]
    about = {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    return subprocess.run(probe, capture_output=True, env=os.environ | about).returncode == 0
