"""Text as HTML."""

from __future__ import annotations

import html
import re
from typing import Any

# Characters that neither HTML nor XML allows, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(value: Any) -> str:
    """The value's text, safe between tags and in attributes."""
    return html.escape(_FORBIDDEN.sub("\ufffd", str(value)))
