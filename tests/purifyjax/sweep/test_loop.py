"""The loop over chunks, with steps so simple that every number is known: stops, checkpoints, history."""

import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.sweep import loop, run_stage, save_arrays

LENGTHS = [6, 4]
CHUNK, CHUNKS = 2, 5


class KilledError(Exception):
    """Stands for a run that dies."""


class Counted:
    """Calls counted, and the one of the given number (from 1) raised from."""

    def __init__(self, error: type[BaseException] = KilledError, at: int = 0):
        self.calls, self.error, self.at = [], error, at

    def count(self, *what):
        self.calls.append(what)
        if len(self.calls) == self.at:
            raise self.error("stop")


class Advance(Counted):
    """Chunks that multiply x of both seeds by 1 + step/16, count steps, and consume their argument."""

    def __call__(self, state, phase, step, chunk):
        self.count(phase, step, chunk)
        new = {"x": state["x"] * (1 + step / 16 + phase), "n": state["n"] + chunk}
        state["x"].delete()  # as donated arrays are: only the new state is whole
        return new, jnp.array([1.0, 3.0]) * new["n"][0]


class Monitor(Counted):
    """The largest x and the number of steps."""

    def __call__(self, state):
        self.count()
        return {"most": np.asarray(state["x"]).max(), "steps": np.asarray(state["n"])}


class Progress(Counted):
    """The reports."""

    def __call__(self, steps, loss):
        self.count(steps, loss)

    @property
    def steps(self):
        return [steps for steps, _ in self.calls]


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    """Chunks of two steps and, unless a test says otherwise, no checkpoint but that of a stop."""
    monkeypatch.setattr(loop, "_CHUNK_STEPS", CHUNK)


def stage(advance=None, **options):
    state = {"x": jnp.array([1.0, 1.5]), "n": jnp.zeros(2, jnp.int32)}
    return run_stage(advance or Advance(), state, LENGTHS, **options)


def assert_same(one, other):
    assert one.state.keys() == other.state.keys() and list(one.history) == list(other.history)
    for a, b in ((one.state, other.state), (one.history, other.history)):
        for name in a:
            assert a[name].dtype == b[name].dtype
            np.testing.assert_array_equal(a[name], b[name])


def test_phases_steps_and_history_by_hand():
    advance, progress = Advance(), Progress()
    found = stage(advance, monitor=Monitor(), progress=progress)
    assert advance.calls == [(0, 0, 2), (0, 2, 2), (0, 4, 2), (1, 0, 2), (1, 2, 2)]
    growth = np.cumprod([1, 1 + 2 / 16, 1 + 4 / 16, 2, 2 + 2 / 16])
    np.testing.assert_allclose(found.state["x"], growth[-1] * np.array([1.0, 1.5]), rtol=1e-6)
    np.testing.assert_array_equal(found.history["step"], [2, 4, 6, 8, 10])
    np.testing.assert_array_equal(found.history["loss"], np.outer([2, 4, 6, 8, 10], [1, 3]))
    np.testing.assert_allclose(found.history["most"], 1.5 * growth, rtol=1e-6)
    assert found.history["steps"].shape == (5, 2)
    assert progress.calls == [(2, 4.0), (2, 8.0), (2, 12.0), (2, 16.0), (2, 20.0)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, KilledError])
@pytest.mark.parametrize("at", range(1, CHUNKS + 1))
@pytest.mark.parametrize("stopped", [Monitor, Progress])
def test_a_stop_between_chunks_loses_nothing(tmp_path, stopped, at, error):
    """No chunk is computed twice, nothing is measured twice, and the end is that of an uninterrupted run."""
    whole = stage(monitor=Monitor())
    checkpoint = tmp_path / "part.npz"
    options = {"checkpoint": checkpoint, "mark": "m"}
    first = Advance()
    raiser = stopped(error, at)
    watchers = {"monitor": Monitor(), "progress": Progress()} | {stopped.__name__.lower(): raiser}
    with pytest.raises(error, match="stop"):
        stage(first, **watchers, **options)
    assert checkpoint.exists()
    second, monitor, progress = Advance(), Monitor(), Progress()
    result = stage(second, monitor=monitor, progress=progress, **options)
    assert_same(result, whole)
    assert len(first.calls) == at and len(first.calls + second.calls) == CHUNKS
    # A measurement that was stopped is made again.
    assert len(monitor.calls) == CHUNKS - at + (stopped is Monitor)
    assert progress.steps == [CHUNK * at] + [CHUNK] * (CHUNKS - at)
    assert not checkpoint.exists()


def test_a_run_may_be_stopped_at_every_call(tmp_path):
    """Stopped at every report and within every other measurement, also those that are made again."""
    whole = stage(monitor=Monitor())
    options = {"checkpoint": tmp_path / "part.npz", "mark": "m"}
    computed, stops = 0, 0
    for turn in range(100):
        advance = Advance()
        try:
            result = stage(
                advance,
                monitor=Monitor(KeyboardInterrupt, 1 + turn % 2),
                progress=Progress(KeyboardInterrupt, 2),
                **options,
            )
            break
        except KeyboardInterrupt:
            stops += 1
        finally:
            computed += len(advance.calls)
    assert_same(result, whole)
    assert computed == CHUNKS and stops >= 4


@pytest.mark.parametrize("at", range(2, CHUNKS + 1))
def test_a_run_killed_within_a_chunk_goes_on_from_the_last_checkpoint(tmp_path, monkeypatch, at):
    """A chunk may have consumed the state that it began with: only what was written before counts."""
    whole = stage(monitor=Monitor())
    options = {"checkpoint": tmp_path / "part.npz", "mark": "m", "monitor": Monitor()}
    monkeypatch.setattr(loop, "_CHECKPOINT_SECONDS", -1.0)
    with pytest.raises(KilledError):
        stage(Advance(KilledError, at), **options)
    second = Advance()
    assert_same(stage(second, **options), whole)
    assert len(second.calls) == CHUNKS - at + 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, KilledError])
def test_a_checkpoint_that_cannot_be_written_does_not_hide_the_stop(tmp_path, error):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(error, match="stop") as stopped:
        stage(progress=Progress(error, 2), checkpoint=tmp_path / "file" / "part.npz", mark="m")
    (note,) = stopped.value.__notes__
    assert note.startswith("steps since the last checkpoint are lost: ") and "part.npz cannot be written" in note


def test_without_the_time_for_a_checkpoint_there_is_none(tmp_path):
    with pytest.raises(KilledError):
        stage(Advance(KilledError, 4), checkpoint=tmp_path / "part.npz", mark="m")
    assert not list(tmp_path.iterdir())


def test_a_stop_without_a_checkpoint_is_only_a_stop():
    with pytest.raises(KeyboardInterrupt):
        stage(progress=Progress(KeyboardInterrupt, 1))


def test_a_stop_as_the_run_goes_on_keeps_the_checkpoint(tmp_path):
    whole = stage(monitor=Monitor())
    options = {"checkpoint": tmp_path / "part.npz", "mark": "m"}
    for monitor, progress in ((Monitor(KeyboardInterrupt, 3), Progress()), (Monitor(KeyboardInterrupt, 1), None)):
        with pytest.raises(KeyboardInterrupt):
            stage(monitor=monitor, progress=progress, **options)
    with pytest.raises(KeyboardInterrupt):
        stage(monitor=Monitor(), progress=Progress(KeyboardInterrupt, 1), **options)
    second = Advance()
    assert_same(stage(second, monitor=Monitor(), **options), whole)
    assert len(second.calls) == CHUNKS - 3


@pytest.mark.parametrize("damage", ["another run", "a flipped bit"])
def test_a_checkpoint_that_cannot_be_trusted_is_not_used(tmp_path, damage):
    checkpoint = tmp_path / "part.npz"
    with pytest.raises(KeyboardInterrupt):
        stage(progress=Progress(KeyboardInterrupt, 2), checkpoint=checkpoint, mark="m")
    if damage == "another run":
        save_arrays(checkpoint, "other", {"position": np.array([1, 2])})
    else:
        content = bytearray(checkpoint.read_bytes())
        content[content.index(np.float32(1.5 * (1 + 2 / 16)).tobytes())] ^= 1
        checkpoint.write_bytes(content)
    advance = Advance()
    assert_same(stage(advance, checkpoint=checkpoint, mark="m"), stage())
    assert len(advance.calls) == CHUNKS
