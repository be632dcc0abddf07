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
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from purifyjax.sweep.store import load_arrays, save_arrays

_CHUNK_STEPS = 50
_CHECKPOINT_SECONDS = 30.0
_MEMORY_SHARE = 0.6

History = dict[str, np.ndarray]
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


def seed_keys(seeds: ArrayLike) -> PRNGKeyArray:
    """One independent key a seed; a seed's run does not depend on which others run beside it."""
    return jax.vmap(jax.random.key)(jnp.asarray(seeds))


def seeds_at_once(bytes_a_seed: float, seeds: int) -> int:
    """How many seeds to vmap: one on a CPU, where a seed's weights then stay in cache, else what fits in memory."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return 1
    stats = device.memory_stats() or {}
    if "bytes_limit" not in stats:
        return seeds
    return int(np.clip(_MEMORY_SHARE * stats["bytes_limit"] / bytes_a_seed, 1, seeds))


def chunk_steps(steps: int) -> int:
    """The largest divisor of `steps` up to the usual chunk: one compiled shape a phase."""
    return max(n for n in range(1, min(steps, _CHUNK_STEPS) + 1) if steps % n == 0)


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
      checkpoint: file for the state on the way, written every half minute;
        a run of the same `mark` goes on from there, and the file is removed at the end.
      monitor: measured after every chunk, say accuracies.
      progress: called with the number of steps done since the last call and the mean loss.
    """
    state, history = states, _History()
    phase_start, step_start, total = 0, 0, 0
    stored = load_arrays(checkpoint, mark) if checkpoint is not None else None
    if stored is not None:
        state, history, phase_start, step_start = _restore(stored, states)
        total = sum(lengths[:phase_start]) + step_start
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
            history.append(total, loss, {} if monitor is None else monitor(state))
            if progress is not None:
                progress(chunk, float(np.mean(loss)))
            if checkpoint is not None and time.monotonic() - saved > _CHECKPOINT_SECONDS:
                save_arrays(checkpoint, mark, _checkpoint(state, history, phase, step))
                saved = time.monotonic()
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return StageResult(state, history.arrays())


class _History:
    """Rows seen so far, a list a column."""

    def __init__(self) -> None:
        self.columns: dict[str, list] = {}

    def append(self, step: int, loss: np.ndarray, measured: dict[str, np.ndarray]) -> None:
        for name, value in {"step": step, "loss": loss, **measured}.items():
            self.columns.setdefault(name, []).append(value)

    def arrays(self) -> History:
        return {name: np.array(values) for name, values in self.columns.items()}


def _checkpoint(state: Any, history: _History, phase: int, step: int) -> dict[str, np.ndarray]:
    leaves = {f"state_{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    rows = {f"history_{name}": values for name, values in history.arrays().items()}
    return {**leaves, **rows, "position": np.array([phase, step])}


def _restore(stored: dict[str, np.ndarray], like: Any) -> tuple[Any, _History, int, int]:
    structure = jax.tree.structure(like)
    state = jax.tree.unflatten(structure, [jnp.asarray(stored[f"state_{i}"]) for i in range(structure.num_leaves)])
    history = _History()
    prefix = "history_"
    history.columns = {n.removeprefix(prefix): list(v) for n, v in stored.items() if n.startswith(prefix)}
    phase, step = map(int, stored["position"])
    return state, history, phase, step
