"""JSON that knows when it is damaged."""

import pytest

from purifyjax.sealed import DamagedError, read_sealed, write_sealed

CONTENT = {"name": "τ \udcff", "seeds": [1, 2], "more": {"none": None}}


def test_what_is_written_is_read(tmp_path):
    write_sealed(tmp_path / "a.json", CONTENT)
    assert read_sealed(tmp_path / "a.json") == CONTENT
    assert "τ" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_every_flipped_bit_is_found(tmp_path):
    path = tmp_path / "a.json"
    write_sealed(path, CONTENT)
    whole = path.read_bytes()
    for place in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(bytes(damaged))
        try:
            assert read_sealed(path) == CONTENT  # white space in place of other white space
        except DamagedError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("text", ["null", "[]", "3", '"text"', "{}", '{"checksum": 1}', "", "{", '[{"checksum": 1}]'])
def test_anything_else_is_damaged(text, tmp_path):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DamagedError, match="a.json"):
        read_sealed(tmp_path / "a.json")


def test_nothing_or_a_folder_is_damaged_too(tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("nothing", "folder"):
        with pytest.raises(DamagedError, match=name):
            read_sealed(tmp_path / name)
