"""Seeds as users write and read them: `4`, `3,5,8`, `0-3,7`.

Recipes are tuned on seeds from 10 000 up and judged on seeds from 100 up, which no tuning has trained: docs/recipes.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Int

from purifyjax.errors import ConfigError, require

FIRST_JUDGED = 100
MOST_SEEDS = 100_000


def judged(count: int) -> Int[np.ndarray, " seed"]:
    """The first so many seeds that claims are judged on."""
    return np.arange(FIRST_JUDGED, FIRST_JUDGED + count)


def parse_seeds(text: str) -> Int[np.ndarray, " seed"]:
    """`4` means the first four judged ones, from 100; `3,5,8` (or `3,`) means these, `0-3,7` ranges with both ends."""
    allowed = "a count such as 4, a list such as 3,5,8, or ranges such as 0-3"
    parts = [part.strip() for part in text.split(",") if part.strip()]
    numbers: list[int] = []
    for part in parts:
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise ConfigError(f"--seeds = {text!r} is not allowed: {allowed}")
        low, high = int(first), int(last or first)
        require(max(low, high) < 2**31, "--seeds", text, "seeds from 0 to 2147483647")
        require(low <= high < low + MOST_SEEDS, "--seeds", text, f"ranges upwards, of at most {MOST_SEEDS} seeds")
        numbers += range(low, high + 1)
    require(bool(numbers), "--seeds", text, allowed)
    if "," not in text and "-" not in text:
        require(1 <= numbers[0] <= MOST_SEEDS, "--seeds", text, f"a count from 1 to {MOST_SEEDS}")
        return judged(numbers[0])
    require(len(set(numbers)) == len(numbers), "--seeds", text, "distinct seeds")
    return np.array(numbers)


def named(seeds: Sequence[int] | Int[np.ndarray, " seed"]) -> str:
    """Seeds as `parse_seeds` reads them."""
    own = [int(seed) for seed in seeds]
    text = seed_ranges(own) if own == sorted(own) else ",".join(map(str, own))
    return text if "," in text or "-" in text else f"{text},"


def seed_ranges(seeds: Sequence[int]) -> str:
    """Seeds in short: (0, 1, 2, 5) becomes "0-2,5"."""
    ordered = sorted(set(seeds))
    starts = ordered[:1] + [b for a, b in pairwise(ordered) if b > a + 1]
    ends = [a for a, b in pairwise(ordered) if b > a + 1] + ordered[-1:]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
