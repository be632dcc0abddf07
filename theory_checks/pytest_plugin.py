"""A plugin of pytest: `pytest --theorems [--profile quick]` makes a test of every claim, beside those that are there.

A refuted theorem or experiment fails; an undecided one, and a question whose answer is not yes, is skipped with its
numbers. Tests carry the marker `theorem` and their paper's (`-m feature_purification`); evidence lies in one store, so
that processes of pytest-xdist and later runs share it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

# Nothing of jax is imported until a claim is asked for: every run of pytest loads this file.


@pytest.hookimpl(trylast=True)
def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("theorems", "theorem checks")
    group.addoption("--theorems", action="store_true", help="make a test of every claim of theory_checks")
    told = {"default": "quick", "metavar": "NAME", "help": "size of the theorem checks (default: quick)"}
    try:
        group.addoption("--profile", "--theorems-profile", dest="theorems_profile", **told)
    except ValueError:  # another plugin has the short name
        group.addoption("--theorems-profile", dest="theorems_profile", **told)
    group.addoption("--theorems-seeds", metavar="SEEDS", help="how many seeds (4: 100 to 103), or which (3,5,8; 0-3)")
    group.addoption("--theorems-out", metavar="DIR", help="folder of the evidence (default: results/PROFILE)")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line("markers", "theorem: a claim of theory_checks")
    if config.getoption("theorems"):
        from theory_checks import catalogue

        for paper in catalogue.papers():
            config.addinivalue_line("markers", f"{_marker(paper.name)}: claims of {paper.title}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add a test for every claim, before tests are selected by name and marker."""
    if not config.getoption("theorems"):
        return
    from purifyjax.errors import ConfigError
    from theory_checks import catalogue
    from theory_checks.options import Options
    from theory_checks.plan import plan

    profile, seeds = str(config.getoption("theorems_profile")), config.getoption("theorems_seeds")
    if config.getoption("theorems_out") == "":
        raise pytest.UsageError("--theorems-out needs a folder")
    try:
        asked = plan(Options(profile=profile, seeds=seeds), catalogue.papers())
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from None
    for paper, claim in asked.claims:
        item = TheoremItem.from_parent(session, name=f"theorem[{claim.id}]", nodeid=f"theorems::{claim.id}")
        item.claim = claim.id
        for marker in ("theorem", _marker(paper.name)):
            item.add_marker(marker)
        # Claims on the same experiment go to one process of pytest-xdist.
        item.add_marker(pytest.mark.xdist_group(claim.experiment))
        items.append(item)


class TheoremItem(pytest.Item):
    """The test of a claim."""

    claim: str

    def runtest(self) -> None:
        """Judge the claim."""
        from purifyjax.commands.arguments import at_home
        from purifyjax.commands.seeds import parse_seeds
        from theory_checks.testing import explained, verdict

        seeds, out = self.config.getoption("theorems_seeds"), self.config.getoption("theorems_out")
        found = verdict(
            self.claim,
            profile=str(self.config.getoption("theorems_profile")),
            seeds=None if seeds is None else parse_seeds(seeds).tolist(),
            out=None if out is None else at_home(Path(out)),
        )
        if found.outcome == "holds":
            return
        if found.outcome == "refuted" and found.kind != "question":
            raise AssertionError(explained(found))
        pytest.skip(explained(found))

    def repr_failure(self, excinfo, style=None):
        """The evidence, without a traceback of our own code."""
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it comes from."""
        return Path(__file__), None, f"theorem {self.claim}"


def _marker(paper: str) -> str:
    return paper.replace("-", "_")
