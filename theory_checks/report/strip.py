"""A small inline drawing of the seeds' intervals against the bound, for the HTML report."""

from __future__ import annotations

import math

from theory_checks.report.console import number
from theory_checks.verdict import Measurement

_WIDTH, _LEFT, _RIGHT, _ROW = 640, 60, 20, 16
_LABELLED, _NARROW = 20, 4  # so many seeds have room for their names


def interval_strip(part: Measurement) -> str:
    """SVG element with one line a seed, from low to high with a dot at the value, and the bound dashed.

    Colours come from the stylesheet, by the class of the part's verdict. Empty if a number of the part
    is not finite: there is then nothing to draw to scale.
    """
    numbers = [part.bound, *(x for s in part.seeds for x in (s.low, s.value, s.high))]
    if not all(math.isfinite(x) for x in numbers):
        return ""
    low, high = min(numbers), max(numbers)
    if not high > low:
        low, high = low - 0.5, high + 0.5

    def place(value: float) -> float:
        return round(_LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT), 1)

    labelled = len(part.seeds) <= _LABELLED
    height = _ROW if labelled else _NARROW
    bottom = 6 + height * len(part.seeds)
    label = f"Seeds' 95% intervals of {number(part.interval[0])} to {number(part.interval[1])}"
    lines = [
        f'<svg class="strip" viewBox="0 0 {_WIDTH} {bottom + 22}" role="img" '
        f'aria-label="{label}; bound {number(part.bound)}" xmlns="http://www.w3.org/2000/svg">'
    ]
    for row, seed in enumerate(part.seeds):
        y = 6 + height * (row + 0.5)
        start, dot, end = place(seed.low), place(seed.value), place(seed.high)
        if labelled:
            lines.append(f'<text x="0" y="{y + 4}">{"all" if seed.seed is None else f"seed {seed.seed}"}</text>')
        lines.append(
            f'<g class="{part.outcome_of(seed) if part.share else part.outcome}">'
            f'<line x1="{start}" x2="{end}" y1="{y}" y2="{y}" stroke-width="{3 if labelled else 1.5}" '
            f'stroke-linecap="round"/><circle cx="{dot}" cy="{y}" r="{4.5 if labelled else 1.5}"/></g>'
        )
    at = place(part.bound)
    # The label stays inside the drawing whichever end the bound is at.
    anchor = "start" if at < _WIDTH / 4 else "end" if at > 3 * _WIDTH / 4 else "middle"
    lines += [
        f'<line class="bound" x1="{at}" x2="{at}" y1="2" y2="{bottom + 4}"/>',
        f'<text x="{at}" y="{bottom + 17}" text-anchor="{anchor}">bound {number(part.bound)}</text>',
        "</svg>",
    ]
    return "".join(lines)
