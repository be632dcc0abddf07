"""What a figure of the report is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from theory_checks.evidence import Evidence, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Figure:
    """A kind of figure; claims name those that show them.

    Attributes:
      name: of the kind; the file is EXPERIMENT-NAME.
      table: what it draws: without rows of it there is no figure.
      caption: what it shows.
      draw: from an experiment's evidence.
      where: values of columns that the rows must have, if the table holds more.
    """

    name: str
    table: Table
    caption: str
    draw: Callable[[Evidence], Drawing]
    where: tuple[tuple[str, str], ...] = ()

    def file(self, evidence: Evidence) -> str:
        """Its name without suffix."""
        return f"{evidence.experiment}-{self.name}"

    def shows(self, evidence: Evidence) -> bool:
        """Whether the evidence has anything to draw."""
        return not evidence.only(**dict(self.where))[self.table].empty


def heading(evidence: Evidence) -> str:
    """A figure's title unless it has a better one."""
    return f"Experiment {evidence.experiment}"
