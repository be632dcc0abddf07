"""Long computations for all seeds at once, from the host: chunks of steps, progress, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from purifyjax.errors import require, require_count
from purifyjax.sweep.store import load_arrays, save_arrays

_CHUNK_STEPS = 50
_CHECKPOINT_SECONDS = 30.0

_UNMEASURED = {"step", "loss"}  # what the history holds without a monitor
_COLUMN = "history_"

History = dict[str, np.ndarray]
Row = dict[str, Any]
Monitor = Callable[[Any], dict[str, np.ndarray]]
# (states, phase, first step, number of steps) -> the states after them, every seed's mean loss over them
Advance = Callable[[Any, int, int, int], tuple[Any, Array]]


class StageResult(NamedTuple):
    """The seeds' states after a stage, and what was seen on the way.

    Attributes:
      state: with a leading seed axis.
      history: `step` [time], `loss` [time, seed] and the monitor's values [time, seed, ...].
    """

    state: Any
    history: History


def chunk_steps(steps: int) -> int:
    """The largest divisor of `steps`, at least 1, up to the usual chunk: one compiled shape a phase."""
    require_count("steps", steps)
    return max(n for n in range(1, min(steps, _CHUNK_STEPS) + 1) if steps % n == 0)


def require_seeds(keys: PRNGKeyArray, states: Any) -> None:
    """Raise `ConfigError` unless there is a state for each of at least one key."""
    seeds = jnp.shape(keys)[:1]
    require(seeds >= (1,), "number of seeds", seeds, "at least 1, along the first axis of the keys")
    counts = {jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(states)}
    require(counts == {seeds}, "numbers of states", counts, f"{seeds}, as many as keys, along the first axis")


def run_stage(
    advance: Advance,
    states: Any,
    lengths: Sequence[int],
    *,
    checkpoint: Path | None = None,
    mark: str = "",
    monitor: Monitor | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> StageResult:
    """Advance all seeds through phases of these lengths, in chunks of steps.

    A seed that diverges carries its NaNs to the end and the others go on.

    Args:
      advance: does a chunk of steps.
      states: pytree with a leading seed axis.
      checkpoint: file for the state on the way, written every half minute and when `monitor` or `progress` raises
        anything, such as a stop: nothing is lost then, unless the file cannot be written, which what was raised says
        in a note. A run of the same `mark` goes on from there, and the file is removed at the end.
      monitor: measured after every chunk, say accuracies.
      progress: called with the number of steps done since the last call and the mean loss.

    Raises:
      ConfigError: a length that is no whole number, or below 1.
    """
    for index, length in enumerate(lengths):
        require_count(f"length of phase {index}", length)
    state, rows = states, []
    phase_start, step_start, total = 0, 0, 0
    stored = load_arrays(checkpoint, mark) if checkpoint is not None else None
    if stored is not None:
        state, rows, phase_start, step_start = _restore(stored, states)
        total = sum(lengths[:phase_start]) + step_start
        if monitor is not None and rows[-1].keys() == _UNMEASURED:
            rows[-1].update(monitor(state))  # the run was stopped within this measurement
        if progress is not None:
            progress(total, math.nan)

    saved = time.monotonic()
    for phase in range(phase_start, len(lengths)):
        chunk = chunk_steps(lengths[phase])
        step = step_start if phase == phase_start else 0
        while step < lengths[phase]:
            state, loss = advance(state, phase, step, chunk)
            loss = np.asarray(loss)
            step, total = step + chunk, total + chunk
            rows.append({"step": total, "loss": loss})
            try:
                if monitor is not None:
                    rows[-1].update(monitor(state))
                if progress is not None:
                    progress(chunk, float(np.mean(loss)))
            except BaseException as stop:
                # The state is whole here, unlike within `advance`, which may have consumed the last one.
                if checkpoint is not None:
                    try:
                        save_arrays(checkpoint, mark, _checkpoint(state, rows, phase, step))
                    except OSError as error:  # a full disk does not hide why the run stops
                        stop.add_note(f"steps since the last checkpoint are lost: {error}")
                raise
            if checkpoint is not None and time.monotonic() - saved > _CHECKPOINT_SECONDS:
                save_arrays(checkpoint, mark, _checkpoint(state, rows, phase, step))
                saved = time.monotonic()
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return StageResult(state, _columns(rows))


def _columns(rows: list[Row]) -> History:
    return {name: np.array([row[name] for row in rows if name in row]) for name in (rows[0] if rows else ())}


def _checkpoint(state: Any, rows: list[Row], phase: int, step: int) -> dict[str, np.ndarray]:
    leaves = {f"state_{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    columns = {_COLUMN + name: values for name, values in _columns(rows).items()}
    return {**leaves, **columns, "position": np.array([phase, step])}


def _restore(stored: dict[str, np.ndarray], like: Any) -> tuple[Any, list[Row], int, int]:
    structure = jax.tree.structure(like)
    state = jax.tree.unflatten(structure, [jnp.asarray(stored[f"state_{i}"]) for i in range(structure.num_leaves)])
    columns = {name.removeprefix(_COLUMN): values for name, values in stored.items() if name.startswith(_COLUMN)}
    # Columns of the monitor are shorter by a row if it was stopped.
    rows = [{n: v[i] for n, v in columns.items() if i < len(v)} for i in range(len(columns["step"]))]
    phase, step = map(int, stored["position"])
    return state, rows, phase, step
