"""The benchmark against PyTorch and foolbox: all sides compute the same, and what does not is refused.

Most of it is skipped where PyTorch is not installed: pip install -e ".[dev,peers]".
"""

from __future__ import annotations

import sys
from functools import partial

import pytest

from benchmarks import peers
from benchmarks.in_jax import training

D, SEEDS = 32, 2
WHAT = ("clean step", "FGM step", "PGD-10")


def test_without_pytorch_the_command_ends_with_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(peers, "parse", lambda *_: peers.Options())  # tyro imports PyTorch where it is loaded already
    monkeypatch.setitem(sys.modules, "torch", None)
    assert peers.main([]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: PyTorch does not start") and "'.[peers]'" in error and error.count("\n") == 1


@pytest.mark.parametrize("option", ["--dimensions", "--seeds", "--rounds"])
def test_options_that_say_nothing_are_refused(option, capsys):
    assert peers.main([option, "0"]) == 2
    assert capsys.readouterr().err.startswith(f"error: {option} = 0 is not allowed")


@pytest.fixture(scope="module")
def cases():
    pytest.importorskip("torch")
    return {case.what: case for case in peers.cases(D, SEEDS, "cpu")}


@pytest.mark.parametrize("what", WHAT)
def test_peers_compute_what_we_do(cases, what):
    names = ["eager", "vmap"]  # compilation takes a minute
    if what.startswith("PGD"):
        pytest.importorskip("foolbox")
        names.append("foolbox")
    case = cases[what]
    runs, reasons, largest = peers.agreeing(case._replace(peers={name: case.peers[name] for name in names}))
    assert list(runs) == [peers.OURS, *names] and not reasons and largest < 1e-4
    times = peers.timed(runs, 2)
    assert list(times) == list(runs) and all((values > 0).all() and len(values) == 2 for values in times.values())


@pytest.mark.parametrize("setting", ["learning_rate", "weight_decay", "threshold", "radius"])
def test_another_training_is_told(cases, setting):
    from benchmarks import in_torch

    config = training(D)
    phase = config.robust[0]
    other = phase.replace(**{setting: 1.1 * getattr(phase, setting)})
    case = cases["FGM step"]
    given = case.peers["eager"].args[3:]
    peer = partial(in_torch.training, in_torch.VARIANTS["eager"], config, other, *given)
    with pytest.raises(RuntimeError, match="FGM step: eager and ours differ by .* they do not compute the same"):
        peers.agreeing(case._replace(peers={"eager": peer}))


@pytest.mark.parametrize(("place", "factor"), [(0, 1.01), (1, 2), (2, 0.5)], ids=["radius", "steps", "step size"])
@pytest.mark.parametrize("name", ["eager", "foolbox"])
def test_another_attack_is_told(cases, name, place, factor):
    case = cases["PGD-10"]
    if name == "foolbox":
        pytest.importorskip("foolbox")
    given = list(case.peers[name].args)
    given[len(given) - 7 + place] *= factor  # radius, steps and step size come before the net and the points
    with pytest.raises(RuntimeError, match=f"PGD-10: {name} and ours differ"):
        peers.agreeing(case._replace(peers={name: partial(case.peers[name].func, *given)}))


def test_what_cannot_run_is_a_reason(cases):
    def no_compiler():
        raise OSError("no compiler is found\nand more")

    case = cases["clean step"]
    runs, reasons, _ = peers.agreeing(case._replace(peers={"compile": no_compiler, "eager": case.peers["eager"]}))
    assert list(runs) == [peers.OURS, "eager"] and reasons == {"compile": "OSError: no compiler is found"}
