"""Fingerprints tell runs apart; stored arrays come back whole or not at all."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import APGD, FGM, PGD, Along, BetweenClasses, Square, TowardsClasses, Transferred, standard
from purifyjax.data import SparseCoding
from purifyjax.errors import ConfigError
from purifyjax.frozen import FrozenArray
from purifyjax.sweep import describe, fingerprint, load_arrays, save_arrays
from purifyjax.training import Phase, Recipe


def test_equal_configs_have_equal_fingerprints():
    assert fingerprint(SparseCoding(margin=1.0), [0, 1]) == fingerprint(SparseCoding(margin=1.0), np.arange(2))


@pytest.mark.parametrize(
    "other",
    [
        (Phase(5, 8, 0.1), [0, 1], 0.3),
        (Phase(5, 8, 0.2), [0, 2], 0.3),
        (Phase(5, 8, 0.2, threshold_rule="frozen"), [0, 1], 0.3),
        (Phase(5, 8, 0.2, adversary=FGM()), [0, 1], 0.3),
        (Phase(5, 8, 0.2), [0, 1], 0.31),
    ],
)
def test_any_change_changes_the_fingerprint(other):
    assert fingerprint(Phase(5, 8, 0.2), [0, 1], 0.3) != fingerprint(*other)


# Descriptions


def test_an_attack_is_described_by_its_settings():
    assert describe(APGD(steps=7, restarts=3)) == {
        "type": "APGD",
        "steps": 7,
        "restarts": 3,
        "momentum": 0.75,
        "success_share": 0.75,
        "first": 0,
    }
    inside = describe(Recipe(5, learning_rate=0.1, adversary=PGD.for_training(3)))["adversary"]
    assert inside == describe(PGD(3, step_fraction=2.0, start="random", keep="last"))


FEATURES = jnp.eye(3)
ATTACKS = [
    FGM(),
    PGD(),
    PGD(steps=21),
    PGD.for_training(20),
    PGD.for_training(20, start="distant"),
    APGD(),
    APGD(restarts=2),
    Square(),
    Square(queries=10),
    Along(FEATURES[0]),
    Along(FEATURES[1]),
    BetweenClasses(FEATURES),
    TowardsClasses(FEATURES),
    TowardsClasses(FEATURES, steps=2),
]


def test_different_attacks_have_different_fingerprints():
    assert len({fingerprint(attack) for attack in ATTACKS}) == len(ATTACKS)
    assert fingerprint(*standard(FEATURES[0])) == fingerprint(*standard(jnp.asarray([1.0, 0.0, 0.0])))
    json.dumps([describe(attack) for attack in ATTACKS])


@pytest.mark.parametrize("attack", [FGM, PGD, APGD, Square])
def test_the_name_of_an_attack_does_not_count(attack):
    assert "name" not in describe(attack())
    assert fingerprint(attack(name="renamed")) == fingerprint(attack())


@dataclass(frozen=True)
class Labelled:
    """A config with a field that counts and one that does not."""

    value: Any
    label: str = field(default="", compare=False)


def test_fields_that_do_not_count_in_comparisons_are_left_out():
    assert describe(Labelled(2, "two")) == {"type": "Labelled", "value": 2}
    assert fingerprint(Labelled(2, "two")) == fingerprint(Labelled(2)) != fingerprint(Labelled(3, "two"))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (FrozenArray([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (jnp.arange(2), [0, 1]),
        ({"b": (1, 2), 3: None}, {"b": [1, 2], "3": None}),
        (Path("data") / "digits", str(Path("data") / "digits")),
    ],
)
def test_plain_values(value, plain):
    assert describe(value) == plain
    assert describe(Labelled(value)) == {"type": "Labelled", "value": plain}


def test_sets_have_no_order():
    assert fingerprint({"pgd", "fgm", "apgd"}) == fingerprint(frozenset(["fgm", "apgd", "pgd"]))
    assert fingerprint({FGM(), PGD(), Square()}) == fingerprint({Square(), PGD(), FGM()}) != fingerprint({FGM(), PGD()})


def test_frozen_arrays_are_told_by_their_numbers():
    numbers = np.arange(4.0)
    assert fingerprint(FrozenArray(numbers)) == fingerprint(numbers)
    assert fingerprint(FrozenArray(numbers)) != fingerprint(FrozenArray(numbers + 1e-12))


@pytest.mark.parametrize(
    "value",
    [
        len,
        lambda x: x,
        FGM,
        np.float32,
        object(),
        b"bytes",
        [1, {"a": (len,)}],
        {len},
        Labelled(len),
        np.array([len, 1], object),
        Transferred(lambda x, y: y, FGM()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_known_by_its_place_in_memory_is_refused(value):
    for tell in (describe, fingerprint):
        with pytest.raises(
            ConfigError, match="^value of a config = .* is not allowed: a record, number, text or array"
        ):
            tell(value)


# Files


ARRAYS = {
    "w": np.arange(60.0, dtype=np.float32).reshape(4, 15),
    "flag": np.array([True]),
    "scalar": np.array(3),
    "none": np.zeros((0, 3)),
    "names": np.array(["clean", "robust"]),
    "turned": np.asfortranarray(np.arange(6).reshape(2, 3)),
}


def same(one, other):
    return one.keys() == other.keys() and all(
        one[n].dtype == other[n].dtype and one[n].shape == other[n].shape and one[n].tobytes() == other[n].tobytes()
        for n in one
    )


def test_arrays_round_trip_under_their_fingerprint(tmp_path):
    path = tmp_path / "deep" / "run.npz"
    save_arrays(path, "mark", ARRAYS)
    back = load_arrays(path, "mark")
    assert back is not None and same(back, ARRAYS)
    assert load_arrays(path, "another") is None
    assert load_arrays(path.with_name("absent.npz"), "mark") is None
    assert [p.name for p in path.parent.iterdir()] == ["run.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"not an archive"])
def test_a_damaged_file_counts_as_absent(tmp_path, content):
    path = tmp_path / "run.npz"
    path.write_bytes(content)
    assert load_arrays(path, "mark") is None


def test_a_single_array_is_no_archive(tmp_path):
    with open(tmp_path / "run.npz", "wb") as file:
        np.save(file, np.ones(3))
    assert load_arrays(tmp_path / "run.npz", "mark") is None


def test_a_truncated_archive_counts_as_absent(tmp_path):
    path = tmp_path / "run.npz"
    save_arrays(path, "mark", {"w": np.ones(1000)})
    path.write_bytes(path.read_bytes()[:-200])
    assert load_arrays(path, "mark") is None


def test_no_flipped_bit_brings_other_numbers(tmp_path):
    """One bit of every byte in turn, of the numbers as of the archive's own entries."""
    path = tmp_path / "run.npz"
    save_arrays(path, "mark", ARRAYS)
    whole = path.read_bytes()
    lost = []
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        back = load_arrays(path, "mark")
        assert back is None or same(back, ARRAYS), place
        lost.append(back is None)
    # The dates of the entries do not matter, say, but every number does.
    start = whole.index(ARRAYS["w"].tobytes())
    assert all(lost[start : start + ARRAYS["w"].nbytes])


def rewritten(path, **changes):
    """The archive with other entries and valid sums of the archive's own; None leaves an entry out."""
    with np.load(path) as stored:
        entries = {name: stored[name] for name in stored.files} | changes
    np.savez(path, **{name: value for name, value in entries.items() if value is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"checksum": None},
        {"checksum": np.array("0" * 64)},
        {"w": ARRAYS["w"] + 1},
        {"w": ARRAYS["w"].view(np.int32)},
        {"w": ARRAYS["w"].reshape(15, 4)},
        {"flag": None},
        {"more": np.ones(1)},
        {"scalar": None, "renamed": ARRAYS["scalar"]},
        {"scalar": ARRAYS["flag"], "flag": ARRAYS["scalar"]},
    ],
    ids=lambda changes: "+".join(changes),
)
def test_a_sound_archive_of_other_arrays_counts_as_absent(tmp_path, changes):
    path = tmp_path / "run.npz"
    save_arrays(path, "mark", ARRAYS)
    rewritten(path, w=ARRAYS["w"])
    assert load_arrays(path, "mark") is not None
    rewritten(path, **changes)
    assert load_arrays(path, "mark") is None


def test_the_checksum_belongs_to_the_fingerprint(tmp_path):
    path = tmp_path / "run.npz"
    save_arrays(path, "mark", ARRAYS)
    rewritten(path, fingerprint=np.array("another"))
    assert load_arrays(path, "another") is None
