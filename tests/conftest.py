"""One strict setting of JAX for the whole suite, whatever the shell's environment says.

No `__init__.py` belongs under `tests/`: a package `tests/purifyjax` would take the library's name.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# The processes of pytest-xdist share the cores. XLA reads these when its backend starts, at the first array.
_processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ["PJRT_NPROC"] = str(max(1, (os.cpu_count() or 1) // _processes))
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
os.environ["MPLBACKEND"] = "Agg"

from purifyjax.commands.numerics import compile_faster  # noqa: E402

compile_faster()  # as commands do

import jax  # noqa: E402
import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

jax.config.update("jax_enable_x64", False)
jax.config.update("jax_numpy_rank_promotion", "raise")
# Most of the suite's time is compilation, much of it of programs that another module or process has compiled. The
# folder is this run's own, and its processes inherit it. A file that one reads while another writes it is compiled
# anew, with a warning that pyproject.toml lets pass. Commands in processes of their own use it too, and not the user's.
if "PURIFYJAX_TESTS_PROGRAMS" not in os.environ:
    os.environ["PURIFYJAX_TESTS_PROGRAMS"] = tempfile.mkdtemp(prefix="purifyjax-tests-programs-")
    atexit.register(shutil.rmtree, os.environ["PURIFYJAX_TESTS_PROGRAMS"], ignore_errors=True)
for _name, _value in (
    ("jax_compilation_cache_dir", os.environ["PURIFYJAX_TESTS_PROGRAMS"]),
    ("jax_persistent_cache_min_compile_time_secs", 0.05),
    ("jax_persistent_cache_min_entry_size_bytes", -1),
):
    jax.config.update(_name, _value)
    os.environ[_name.upper()] = str(_value)

# Examples are few, since each new shape compiles, and the same in every run. To look for new ones:
# make test ARGS="--hypothesis-profile=explore"
settings.register_profile(
    "suite", max_examples=20, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("suite"), max_examples=300, derandomize=False)
settings.load_profile("suite")


def pytest_collection_modifyitems(items):
    """The longest tests first: last, one process would run them while the others wait."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True, scope="module")
def _programs_go_with_their_module():
    """Compiled programs take memory maps, of which a process has a limited number: all of the suite's are too many."""
    yield
    jax.clear_caches()
