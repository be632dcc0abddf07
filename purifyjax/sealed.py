"""Small facts as JSON with a checksum of themselves: what is read is what was written, or known to be damaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from purifyjax.files import write_text

_CHECKSUM = "checksum"


class DamagedError(OSError):
    """A stored file is not what was written."""


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON values and their checksum, atomically."""
    write_text(path, json.dumps({**content, _CHECKSUM: _checksum(content)}, indent=1, ensure_ascii=False))


def read_sealed(path: Path) -> dict[str, Any]:
    """What `write_sealed` wrote; `DamagedError` if there is anything else, or nothing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        checksum = content.pop(_CHECKSUM)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
        raise DamagedError(f"{path} is not readable") from None
    if checksum != _checksum(content):
        raise DamagedError(f"{path} is damaged, its checksum differs")
    return content


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
