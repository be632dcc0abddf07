"""The house: one direction of imports, small modules, papers that know nothing of each other."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import purifyjax
import theory_checks

ROOT = Path(theory_checks.__file__).parent
LIBRARY = Path(purifyjax.__file__).parent


def module(path: Path, root: Path) -> str:
    """Its dotted name."""
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, modules: set[str]) -> set[str]:
    """What a module imports when it is imported itself, of these modules."""
    found = set()
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & modules) | ({node.module or ""} if names - modules else set())
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)
    return found & modules


FILES = {module(path, ROOT): path for path in ROOT.rglob("*.py")}
IMPORTS = {name: imports(path, set(FILES)) - {name} for name, path in FILES.items()}


def test_imports_have_one_direction():
    """No circle (a paper's list of claims finds its modules by itself and is not followed)."""
    assert list(TopologicalSorter(IMPORTS).static_order())


@pytest.mark.parametrize("name", sorted(FILES))
def test_modules_are_small(name):
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 250


def paper(name: str) -> str | None:
    """The paper whose folder a module lies in."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["theory_checks", "papers"] and len(parts) > 2 else None


def test_nobody_outside_imports_a_papers_insides():
    for name, found in IMPORTS.items():
        for other in found:
            assert paper(other) is None or paper(other) == paper(name), f"{name} imports {other}"


def test_what_papers_share_knows_no_report():
    for name, found in IMPORTS.items():
        if name.startswith(("theory_checks.measuring", "theory_checks.papers")):
            assert not any(other.startswith("theory_checks.report") for other in found), name


def test_the_library_knows_nothing_of_the_checks():
    for path in LIBRARY.rglob("*.py"):
        assert not re.search(r"^\s*(from|import) theory_checks", path.read_text(encoding="utf-8"), re.MULTILINE), path
