"""The figures that claims name, drawn once each, and not again while their numbers and the code stay as they are."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

import purifyjax
from purifyjax import plots
from purifyjax.files import write_bytes
from purifyjax.sweep import fingerprint, load_arrays, save_arrays
from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.figure import Figure
from theory_checks.spans import span

_LIBRARIES = ("matplotlib", "numpy", "pandas", "seaborn")


class Drawn(NamedTuple):
    """A figure on disk.

    Attributes:
      path: of its PNG; the SVG lies beside it.
      caption: what it shows.
    """

    path: Path
    caption: str


def draw(
    directory: str | os.PathLike[str],
    claim: Claim,
    evidences: Iterable[Evidence],
    drawn: dict[str, Drawn],
    kept: Path | None = None,
) -> None:
    """Put the claim's figures of these experiments into `directory`, as PNG and SVG, unless they are in `drawn`.

    Args:
      kept: folder with copies of earlier drawings, which are taken where they are of the same numbers and code.
    """
    for evidence in evidences:
        for figure in claim.figures:
            name = figure.file(evidence)
            if name not in drawn and figure.shows(evidence):
                with span("draw", experiment=evidence.experiment):
                    path = _put(figure, evidence, Path(directory) / name, kept)
                drawn[name] = Drawn(path, figure.caption)


def _put(figure: Figure, evidence: Evidence, base: Path, kept: Path | None) -> Path:
    """Draw a figure, or copy it; the path of its PNG."""
    if kept is None:
        return plots.style.save(figure.draw(evidence), base)[0]
    copy, mark = kept / f"{base.name}.npz", _mark(figure, evidence)
    found = load_arrays(copy, mark)
    if found is None:
        paths = plots.style.save(figure.draw(evidence), base)
        save_arrays(copy, mark, {path.suffix[1:]: np.fromfile(path, np.uint8) for path in paths})
        return paths[0]
    for suffix, content in found.items():
        write_bytes(base.with_name(f"{base.name}.{suffix}"), content.tobytes())
    return base.with_name(f"{base.name}.png")


def _mark(figure: Figure, evidence: Evidence) -> str:
    """The fingerprint of all that decides what a figure looks like."""
    draw = getattr(figure.draw, "func", figure.draw)  # of a partial
    own = sys.modules[draw.__module__].__file__ or ""
    versions = [importlib.metadata.version(library) for library in _LIBRARIES]
    of_evidence = [evidence.config, [int(seed) for seed in evidence.seeds], [int(seed) for seed in evidence.diverged]]
    numbers = {name: _digest(frame) for name, frame in evidence.tables.items()}
    where = [list(pair) for pair in figure.where]
    return fingerprint(_code(), _source(own), versions, figure.name, where, *of_evidence, numbers)


def _digest(frame: pd.DataFrame) -> str:
    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return hashlib.sha256(repr(list(frame.columns)).encode() + rows.tobytes()).hexdigest()


@cache
def _code() -> list[str]:
    """Of every module of the two packages: what a figure calls is among them."""
    packages = (purifyjax, sys.modules["theory_checks"])
    folders = [Path(package.__file__ or "").parent for package in packages]
    return [_source(str(path)) for folder in folders for path in sorted(folder.rglob("*.py"))]


@cache
def _source(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if os.path.isfile(path) else ""
