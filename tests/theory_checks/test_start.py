"""What commands import before they answer: nobody waits for libraries that the answer does not need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import theory_checks

COMPUTING = ("jax", "flax", "optax", "pandas", "scipy", "pyarrow")
DRAWING = ("matplotlib", "seaborn", "scipy.stats", "scipy.optimize", "sklearn")
CODE = """
import sys
from importlib import import_module
status = import_module(sys.argv[1]).main(sys.argv[3:])
loaded = [name for name in sys.argv[2].split(",") if name in sys.modules]
sys.exit(f"status {status}, loaded: {loaded}")
"""


def answer(module: str, heavy: tuple[str, ...], *arguments: str) -> str:
    """How a command ends in a process of its own, and which of the modules are loaded by then."""
    environment = os.environ | {"PYTHONPATH": str(Path(theory_checks.__file__).parents[1])}
    words = [sys.executable, "-c", CODE, module, ",".join(heavy), *arguments]
    return subprocess.run(words, capture_output=True, text=True, env=environment).stderr.splitlines()[-1]


@pytest.mark.parametrize("module", ["all", "merge", "image_features"])
def test_help_waits_for_no_library(module):
    told = answer(f"theory_checks.{module}", (*COMPUTING, *DRAWING), "--help")
    assert told == "status 0, loaded: []"


@pytest.mark.parametrize("arguments", [["--no-such-flag"], ["--seeds", "3", "--seeds", "4"], ["--out="]])
def test_refusals_of_the_command_line_wait_for_no_library(arguments):
    assert answer("theory_checks.all", (*COMPUTING, *DRAWING), *arguments) == "status 2, loaded: []"


def test_claims_are_listed_without_what_draws_and_judges_them():
    assert answer("theory_checks.all", DRAWING, "--list") == "status 0, loaded: []"


def test_the_test_looks_at_what_is_loaded():
    told = answer("theory_checks.all", ("jax", "theory_checks.catalogue", "nonsense"), "--list")
    assert told == "status 0, loaded: ['jax', 'theory_checks.catalogue']"
