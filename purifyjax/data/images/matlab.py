"""MATLAB files whose headers say what they hold, before a reader trusts them.

scipy's reader follows sizes and types that a flipped bit has changed out of its memory, which ends the process.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

_HEAD = 4096  # bytes of an element that are looked at
_MATRIX, _COMPRESSED, _INT8, _INT32, _UINT32 = 14, 15, 1, 5, 6
_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}  # of a number, by its type
_NUMERIC = range(6, 16)  # classes of arrays: double to uint64
_MOST = 8  # axes


def require_sound(path: Path) -> None:
    """Raise `ValueError` unless a file of version 5 to 7.2 is a row of whole numeric arrays; others are not looked at.

    Source: The MathWorks, MAT-File Format, chapter 1.
    """
    with open(path, "rb") as file:
        head = file.read(128)
        order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
        if order is None:  # version 4 has no such header
            return
        end = path.stat().st_size
        while file.tell() < end:
            kind, size = _pair(file.read(8), order)
            start = file.tell()
            following = start + size
            if start + size > end:
                raise ValueError(f"an array of {size} bytes begins at byte {start}, where {end - start} are left")
            head = file.read(min(size, _HEAD))
            if kind == _COMPRESSED:
                head = zlib.decompressobj().decompress(head, _HEAD)
                kind, size = _pair(head[:8], order)
                head = head[8:]
            if kind != _MATRIX:
                raise ValueError(f"the element at byte {start} is no array")
            _require_array(head, size, order)
            file.seek(following)


def _pair(data: bytes, order: str) -> tuple[int, int]:
    kind, size = struct.unpack(order + "II", data)
    return kind, size


def _require_array(head: bytes, size: int, order: str) -> None:
    """Flags, axes, name and numbers of one array, each a tag and what it says."""
    kind, flags, place = _part(head, 0, order)
    (word,) = struct.unpack(order + "I", flags[:4])
    if kind != _UINT32 or len(flags) != 8 or word & 0xFF not in _NUMERIC or word & 0x800:
        raise ValueError("it holds something else than arrays of real numbers")
    kind, axes, place = _part(head, place, order)
    if kind != _INT32 or len(axes) % 4 or not 2 <= len(axes) // 4 <= _MOST:
        raise ValueError("an array has no shape")
    shape = struct.unpack(f"{order}{len(axes) // 4}i", axes)
    kind, _, place = _part(head, place, order)
    if kind != _INT8 or min(shape) < 0:
        raise ValueError("an array has no name, or sides below 0")
    kind, count = _tag(head, place, order)[:2]
    if kind not in _BYTES or count != math.prod(shape) * _BYTES[kind] or count > size:
        raise ValueError(f"an array of shape {shape} holds {count} bytes of numbers")


def _tag(head: bytes, place: int, order: str) -> tuple[int, int, int, int]:
    """Type and size of a part, where it begins and where the next one does; small parts are packed into their tag."""
    first, second = _pair(head[place : place + 8], order)
    if first >> 16:
        return first & 0xFFFF, first >> 16, place + 4, place + 8
    return first, second, place + 8, place + 8 + -(-second // 8) * 8


def _part(head: bytes, place: int, order: str) -> tuple[int, bytes, int]:
    kind, size, begin, following = _tag(head, place, order)
    data = head[begin : begin + size]
    if len(data) < size or following > len(head):
        raise ValueError("an array's header is cut or damaged")
    return kind, data, following
