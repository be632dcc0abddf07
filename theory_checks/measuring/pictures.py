"""Images as tidy tables, a row an entry, and the figures that show them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from purifyjax import plots
from theory_checks.evidence import Evidence, Table
from theory_checks.figure import Figure, heading

PICTURES = Table(
    "pictures",
    "An entry of an image.",
    {
        "figure": "which figure shows it",
        "group": "the image's row there",
        "index": "the image's place in its row",
        "row": "of the entry",
        "column": "of the entry",
        "channel": "of the entry",
        "value": "of the entry: in [0, 1] for images, around 0 for weights and differences",
        "caption": "of the image",
        "signed": "whether values are around 0",
        "seed": "whose images these are",
        "experiment": "name of the experiment",
    },
)


def pictures(
    experiment: str,
    figure: str,
    group: str,
    images: np.ndarray,
    seed: int,
    captions: Sequence[str] = (),
    *,
    signed: bool = True,
) -> pd.DataFrame:
    """Images [n, height, width, channel] of one seed, as rows of `PICTURES`.

    Args:
      figure: which figure shows them; `group` is their row there.
      captions: one an image, if any.
      signed: whether values are around 0 (weights, differences) and not pixels in [0, 1].
    """
    index, row, column, channel = (axis.ravel() for axis in np.indices(images.shape))
    place = {"index": index, "row": row, "column": column, "channel": channel, "value": images.ravel()}
    texts = np.array(captions if len(captions) else [""] * len(images), dtype=str)
    about = {"experiment": experiment, "figure": figure, "group": group}
    return pd.DataFrame(about | place | {"caption": texts[index], "signed": signed, "seed": seed})


def picture_figure(name: str, caption: str) -> Figure:
    """The figure of the pictures called `name`; in its own name blanks are underscores."""

    def draw(evidence: Evidence):
        rows = evidence[PICTURES]
        return plots.pictures.figure(rows[rows.figure == name], title=f"{heading(evidence)}: {name}")

    return Figure(name.replace(" ", "_"), PICTURES, caption, draw, where=(("figure", name),))
