"""The benchmark of attacks: what is no file of its nets is refused in one sentence."""

import numpy as np
import pytest

from benchmarks import attack_strength, purification

NAMES = ("seeds", "w_clean", "w_robust", "b_clean", "b_robust")


def nothing(path):
    pass


def a_folder(path):
    path.mkdir()


def text(path):
    path.write_text("no nets")


def a_lone_array(path):
    with open(path, "wb") as file:
        np.save(file, np.arange(3))


def other_arrays(path):
    np.savez(path, w_clean=np.zeros(3))


def other_sizes(path):
    np.savez(path, **{name: np.zeros((1, 4, 5), np.float32) for name in NAMES})  # pyright: ignore[reportArgumentType]


def cut_short(path):
    other_sizes(path)
    path.write_bytes(path.read_bytes()[:-30])


FILES = [nothing, a_folder, text, a_lone_array, other_arrays, cut_short, other_sizes]


@pytest.mark.parametrize("write", FILES, ids=[write.__name__ for write in FILES])
def test_what_holds_no_nets_of_the_benchmark_is_one_sentence(write, tmp_path, capsys):
    write(tmp_path / "nets.npz")
    assert attack_strength.main([str(tmp_path / "nets.npz")]) == 2
    error = capsys.readouterr().err
    says = "shape of w_clean = (4, 5) is not allowed" if write is other_sizes else "an .npz file with seeds, w_clean"
    assert error.startswith("error: ") and says in error and error.count("\n") == 1


def test_the_first_seeds_are_read(tmp_path, monkeypatch):
    training, _ = purification.training()
    training = training.replace(neurons=4, data=training.data.replace(dimension=5))
    arrays = {"seeds": np.arange(3)} | {f"w_{net}": np.ones((3, 4, 5)) for net in attack_strength.NETS}
    arrays |= {f"b_{net}": np.ones((3, 4)) for net in attack_strength.NETS}
    np.savez(tmp_path / "nets.npz", **arrays)  # pyright: ignore[reportArgumentType]
    nets, seeds = attack_strength.read(tmp_path / "nets.npz", training, 2)
    assert seeds.tolist() == [0, 1]
    assert nets["robust"]["weight"].shape == (2, 4, 5) and nets["clean"]["threshold"].shape == (2, 4)
