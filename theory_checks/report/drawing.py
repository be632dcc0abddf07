"""The figures that claims name, drawn once each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from purifyjax import plots
from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.spans import span


class Drawn(NamedTuple):
    """A figure on disk.

    Attributes:
      path: of its PNG; the SVG lies beside it.
      caption: what it shows.
    """

    path: Path
    caption: str


def draw(
    directory: str | os.PathLike[str], claim: Claim, evidences: Iterable[Evidence], drawn: dict[str, Drawn]
) -> None:
    """Draw the claim's figures of these experiments into `directory`, as PNG and SVG, unless they are in `drawn`."""
    for evidence in evidences:
        for figure in claim.figures:
            name = figure.file(evidence)
            if name not in drawn and figure.shows(evidence):
                with span("draw", experiment=evidence.experiment):
                    path, _svg = plots.style.save(figure.draw(evidence), Path(directory) / name)
                drawn[name] = Drawn(path, figure.caption)
