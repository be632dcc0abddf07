"""Signs that an evaluation cannot be trusted, in words (after AutoAttack's checks, arXiv 2003.01690)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Array, Bool, Float

from purifyjax.attacks.attack import Attack
from purifyjax.margins import MarginOf, flat, margin_and_gradient, unknown
from purifyjax.programs import program
from purifyjax.seeds import each, over_seeds

FLAT_SHARE = 0.01  # of points without a gradient, beyond which there is a warning
SAME = 1e-4  # relative difference of two evaluations of a margin; rounding in another order is far below
Kind = Literal["random", "flat", "unknown", "masked", "outside"]


class Finding(NamedTuple):
    """What one check found on one seed; `in_words` says it for all seeds together.

    Attributes:
      seed: its place along the seed axis.
      kind: "random", the margin has another value at a second evaluation; "flat", its gradient is exactly zero;
        "unknown", its gradient is not finite in some coordinate; "masked", an attack without gradients broke what
        gradients had left; "outside", perturbations left the ball.
      attack: that it is about; empty for the margin itself.
      count: points where it was found.
      of: points that were looked at.
      worst: the largest difference of the two evaluations, or the largest ‖δ‖/τ − 1.
      place: of the attack in its suite.
      against: the attacks with gradients, which came before.
    """

    seed: int
    kind: Kind
    attack: str
    count: int
    of: int
    worst: float
    place: int = -1
    against: str = ""


def in_words(findings: Iterable[Finding]) -> list[str]:
    """Warnings that the findings of all seeds together give; none for few points without a gradient."""
    kinds: dict[tuple[str, int, str], list[Finding]] = {}
    for found in findings:
        kinds.setdefault((found.kind, found.place, found.attack), []).append(found)
    order = get_args(Kind)
    warnings = []
    for (kind, _, attack), rows in sorted(kinds.items(), key=lambda item: (order.index(item[0][0]), item[0][1])):
        count, of, worst = sum(r.count for r in rows), sum(r.of for r in rows), max(r.worst for r in rows)
        if kind == "random":
            warnings.append(
                f"the margin is not deterministic: a second evaluation differs by up to {worst:.2g}; "
                "average it over fixed draws"
            )
        elif kind == "flat" and count > FLAT_SHARE * of:
            warnings.append(
                f"the gradient is exactly zero at {count / of:.1%} of the points: gradient attacks start blind there"
            )
        elif kind == "unknown" and count:
            warnings.append(f"the gradient is not finite at {count} points: gradient attacks start blind there")
        elif kind == "masked" and count:
            warnings.append(
                f"{attack} uses no gradient and broke {count} points that {rows[0].against} left standing: "
                "gradients may be masked"
            )
        elif kind == "outside" and count:
            warnings.append(
                f"{attack} left the ball at {count} points, which do not count: worst ‖δ‖/τ − 1 = {worst:.2g}"
            )
    return warnings


def start_findings(
    margin_of: MarginOf,
    params: Any,
    x: Float[Array, "seed n dim"],
    y: Float[Array, "seed n"],
    clean: Float[np.ndarray, "seed n"],
    standing: Bool[np.ndarray, "seed n"],
) -> list[Finding]:
    """Findings about the margin at unperturbed points: another value at a second evaluation, zero gradients.

    Args:
      clean: the first evaluation.
      standing: the points that are attacked; only their gradients count.
    """
    again, zeros, nowhere = (np.asarray(a) for a in over_seeds(program(_again, margin_of=margin_of), (params, x, y)))
    with np.errstate(invalid="ignore"):  # margins may be infinite
        change = np.abs(again - clean)
        differs = change > SAME * np.maximum(np.abs(clean), np.abs(again))
    found = []
    for seed, (moved, size) in enumerate(zip(differs, change, strict=True)):
        if moved.any():
            found.append(Finding(seed, "random", "", int(moved.sum()), len(moved), float(np.nanmax(size))))
    for seed, (zero, missing, attacked) in enumerate(zip(zeros, nowhere, standing, strict=True)):
        # Seeds without any count too: the share is that of all seeds.
        found.append(Finding(seed, "flat", "", int((zero & attacked).sum()), int(attacked.sum()), 0.0))
        if count := int((missing & attacked).sum()):
            found.append(Finding(seed, "unknown", "", count, int(attacked.sum()), 0.0))
    return found


def masked_findings(attacks: Sequence[Attack], broken_by: np.ndarray) -> list[Finding]:
    """What attacks without gradients broke after attacks with gradients had left it standing.

    Args:
      broken_by: index of the attack that broke each point [seed, n], −1 if none.
    """
    found, gradient = [], []
    for place, attack in enumerate(attacks):
        if attack.uses_gradients:
            gradient.append(attack.name)
        elif gradient:
            for seed, row in enumerate(broken_by):
                if count := int(np.sum(row == place)):
                    told = ", ".join(gradient)
                    found.append(Finding(seed, "masked", attack.name, count, row.size, 0.0, place, told))
    return found


def winners(broken_by: np.ndarray, names: Sequence[str]) -> dict[str, int]:
    """How many points each attack broke, in the attacks' order."""
    return {name: int(np.sum(broken_by == index)) for index, name in enumerate(names)}


def _again(params, x, y, margin_of: MarginOf):
    """The margin, and whether its gradient is zero or not finite, over a leading seed axis.

    It is traced apart from the first evaluation, so that randomness fixed at the trace shows too.
    """

    def one(args):
        params, x, y = args
        value, gradient = margin_and_gradient(margin_of(params), x, y)
        return value, flat(gradient), unknown(gradient)

    return each(one, (params, x, y))
