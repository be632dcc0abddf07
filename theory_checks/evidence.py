"""What claims look at: the config of an experiment, and tidy tables that the papers declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from purifyjax.provenance import Environment


@dataclass(frozen=True)
class Table:
    """A kind of table, declared once by the paper, or the shared measurement, that makes it.

    Attributes:
      name: of its file, tables/NAME.parquet.
      meaning: what a row is.
      columns: what every column means, with its unit.
    """

    name: str
    meaning: str
    columns: Mapping[str, str] = field(hash=False)

    def empty(self) -> pd.DataFrame:
        """No rows of it."""
        return pd.DataFrame(columns=list(self.columns))

    def checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with this declaration in `attrs`, if it has the declared columns and no others; else `ValueError`.

        Parquet files keep `attrs`, so that they explain themselves.
        """
        undeclared, missing = set(frame.columns) - set(self.columns), set(self.columns) - set(frame.columns)
        if undeclared or missing:
            raise ValueError(
                f"table {self.name}: columns {sorted(undeclared)} are not declared, {sorted(missing)} are missing"
            )
        found = frame[list(self.columns)].copy(deep=False)
        found.attrs = {"table": self.name, "meaning": self.meaning, "columns": dict(self.columns)}
        return found


@dataclass(frozen=True)
class Evidence:
    """Everything measured on one experiment; claims are pure functions of it.

    Attributes:
      config: the experiment's config, a typed record (see `experiment.Experiment`): its sizes, recipes and radii.
      tables: by name; `evidence[TABLE]` gives the rows of a declared table, none if nothing was measured.
      seeds: whose rows the tables hold.
      diverged: seeds that were left out.
      environments: where the numbers were made, see `provenance`.
    """

    config: Any
    tables: Mapping[str, pd.DataFrame]
    seeds: tuple[int, ...] = ()
    diverged: tuple[int, ...] = ()
    environments: tuple[Environment, ...] = ()

    @property
    def experiment(self) -> str:
        """Its name."""
        return self.config.name

    def __getitem__(self, table: Table) -> pd.DataFrame:
        return self.tables[table.name] if table.name in self.tables else table.empty()

    def only(self, **values: Any) -> Evidence:
        """The rows with these values, of all tables that have the columns."""

        def rows(frame: pd.DataFrame) -> pd.DataFrame:
            for column, value in values.items():
                frame = frame[frame[column] == value] if column in frame else frame
            return frame

        return replace(self, tables={name: rows(frame) for name, frame in self.tables.items()})
