"""A paper that takes no time: random walks in place of nets. Everything that the house does is tried on it.

Environment variables make its steps slow (TINY_SLEEP, in seconds) and write down what is trained (TINY_LOG).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from purifyjax.seeds import seed_keys
from purifyjax.sweep import run_stage
from theory_checks.claim import Claim
from theory_checks.evidence import Table
from theory_checks.experiment import Experiment, Found, Stage
from theory_checks.figure import Figure
from theory_checks.paper import Paper
from theory_checks.quantities import exact
from theory_checks.verdict import Measurement, Relation, SeedValue

_HEAD = {"experiment": "its name", "seed": "number of the seed"}
NUMBERS = Table("numbers", "Where a walk ends.", _HEAD | {"net": "which stage", "end": "in steps' standard deviations"})
PAIRS = Table(
    "pairs", "How far two walks end from each other.", {"one": "a seed", "other": "a seed", "gap": "distance"}
)


def _draw(evidence):
    drawing = Drawing()
    drawing.add_subplot().plot(evidence[NUMBERS].end)
    return drawing


ENDS = Figure("ends", NUMBERS, "Where walks end.", _draw)


def pause() -> None:
    """As long as a step takes."""
    time.sleep(float(os.environ.get("TINY_SLEEP", "0")))


def note(text: str) -> None:
    """What is done, for tests to read."""
    if path := os.environ.get("TINY_LOG"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text + "\n")


@dataclass(frozen=True, kw_only=True)
class Walks(Experiment):
    """A walk of so many steps, then a second one from its end.

    Attributes:
      steps: of each.
      scale: of what is measured, not of the training.
      diverging: seeds whose walk ends nowhere.
    """

    steps: int = 100
    scale: float = 1.0
    diverging: tuple[int, ...] = ()
    cost: ClassVar[float] = 0.1

    @property
    def reference_radius(self) -> float:
        return self.scale

    def at_scale(self, scale: float):
        return replace(self, scale=scale * self.scale)

    def stages(self):
        about = (self.steps, self.diverging)
        return (
            Stage("first", about, self.steps, self._first),
            Stage("second", about, self.steps, self._second, after=("first",)),
        )

    def _walk(self, name, seeds, start, **options):
        note(f"{self.name} {name} {','.join(map(str, seeds))}")
        keys = seed_keys(seeds)

        def advance(state, phase, step, chunk):
            pause()
            moves = jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, step), (chunk,)))(keys)
            return state + moves.sum(axis=1), jnp.abs(state)

        found = run_stage(advance, start, [self.steps], **options)
        end = np.array(found.state)
        end[[seed in self.diverging for seed in seeds]] = np.nan
        return {"end": end, "history_loss": np.moveaxis(found.history["loss"], 1, 0)}

    def _first(self, seeds, before, **options):
        return self._walk("first", seeds, jnp.zeros(len(seeds)), **options)

    def _second(self, seeds, before, **options):
        return self._walk("second", seeds, jnp.asarray(before["first"]["end"]), **options)

    def measure(self, seeds, nets, progress):
        note(f"{self.name} measure {','.join(map(str, seeds))}")
        frames = []
        for net in progress.over(("first", "second")):
            pause()
            ends = self.scale * nets[net]["end"]
            frames.append(pd.DataFrame({"experiment": self.name, "seed": seeds, "net": net, "end": ends}))
        return Found({NUMBERS: pd.concat(frames, ignore_index=True)}, {"end": nets["second"]["end"]})

    def together(self, seeds, nets, found, progress):
        note(f"{self.name} together {','.join(map(str, seeds))}")
        end = found["end"]
        rows = [(int(a), int(b), float(abs(end[i] - end[j]))) for i, a in enumerate(seeds) for j, b in enumerate(seeds)]
        return Found({PAIRS: pd.DataFrame(rows, columns=list(PAIRS.columns))})

    def trajectory(self, seeds, nets):
        return {"end": nets["second"]["end"]}


def ends(evidence, relation: Relation, bound: float) -> tuple[Measurement, ...]:
    """Where the second walks end."""
    rows = evidence[NUMBERS]
    rows = rows[rows.net == "second"]
    return (exact("end", relation, bound, zip(rows.seed, rows.end, strict=True), unit="steps"),)


def gap(evidence) -> tuple[Measurement, ...]:
    """A number of all seeds."""
    found = float(evidence[PAIRS].gap.max())
    return (Measurement("largest gap", "<=", 1e6, (SeedValue(None, found, found, found),)),)


def claim(name: str, measure, **more) -> Claim:
    """A claim on the walks."""
    settings = {"experiment": "walks", "figures": (ENDS,)} | more
    return Claim(name, f"Title of {name}", f"Statement of {name}", "ours", f"{name} missed", measure, **settings)


CLAIMS = (
    claim("walks-end", lambda e: ends(e, ">=", -1e6)),
    claim("walks-stay", lambda e: ends(e, "<=", -1e6), kind="question", note="Walks do not stay."),
    claim("walks-apart", gap),
    claim("late", lambda e: ends(e, ">=", -1e6), experiment="dear", also=("walks",)),
)
PAPER = Paper(
    "tiny",
    "Walks",
    "ours",
    CLAIMS,
    {"tiny": lambda: (Dear(name="dear", seeds=1), Walks(name="walks", seeds=2))},
    {"tiny": "no time at all"},
    place=0,
)


@dataclass(frozen=True, kw_only=True)
class Dear(Walks):
    """The same, said to take long."""

    cost: ClassVar[float] = 50.0
