"""Images as tidy tables, a row an entry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def pictures(
    figure: str, group: str, images: np.ndarray, seed: int, captions: Sequence[str] = (), *, signed: bool = True
) -> pd.DataFrame:
    """Images [n, height, width, channel] of one seed, as rows of the evidence's table.

    Args:
      figure: which figure shows them; `group` is their row there.
      captions: one an image, if any.
      signed: whether values are around 0 (weights, differences) and not pixels in [0, 1].
    """
    index, row, column, channel = (axis.ravel() for axis in np.indices(images.shape))
    place = {"index": index, "row": row, "column": column, "channel": channel, "value": images.ravel()}
    texts = np.array(captions if len(captions) else [""] * len(images), dtype=str)
    about = {"figure": figure, "group": group}
    return pd.DataFrame(about | place | {"caption": texts[index], "signed": signed, "seed": seed})
