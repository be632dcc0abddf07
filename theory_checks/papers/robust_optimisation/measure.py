"""What every net gets right of the same test images: clean, under every attack at ε, and along curves of radii."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import numpy as np
import pandas as pd

from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from purifyjax.margins import MarginOf
from purifyjax.training import ClassifierState
from theory_checks.experiment import Seeds
from theory_checks.measuring.attacked import counts, finding_rows
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.points import attack_key, attack_keys
from theory_checks.papers.robust_optimisation.config import RobustOptimisationConfig

States = Mapping[str, ClassifierState]


def outcome_rows(experiment: str, seeds: Seeds, net: str, attack: str, radius: float, right: np.ndarray):
    """Rows of `OUTCOMES`, one a seed and point, from which points are right [seed, n]."""
    n = right.shape[1]
    columns = {"seed": np.repeat(seeds, n), "point": np.tile(np.arange(n), len(seeds)), "right": right.ravel()}
    return pd.DataFrame({"experiment": experiment, "net": net, "attack": attack, "radius": radius} | columns)


def right_on(margin_of: MarginOf, state: ClassifierState, x: jax.Array, y: jax.Array) -> np.ndarray:
    """Which points [seed, n] a net gets right as they are."""
    return worst_case(attack_key(), margin_of, state, x, y, Ball(0.0), ()).standing


def clean(config: RobustOptimisationConfig, seeds: Seeds, nets: States) -> list[pd.DataFrame]:
    """Every net on every test image."""
    x, y = config.test_images(seeds)
    of = config.margin_of
    return [outcome_rows(config.name, seeds, name, "none", 0.0, right_on(of, nets[name], x, y)) for name in nets]


def attacked(
    config: RobustOptimisationConfig, seeds: Seeds, nets: States, progress: Progress
) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """Every net in its norms under each attack at ε and under the worst of them: rows of `OUTCOMES` and `FINDINGS`."""
    outcomes, findings = [], []
    x, y = config.test_images(seeds, config.attacked_points)
    for name, state in progress.over(nets.items()):
        run = partial(worst_case, attack_keys(seeds), config.margin_of, state, x, y, chunk=config.chunk)
        right = run(Ball(0.0), ()).standing
        for ball in progress.over(config.balls(name)):
            head = (config.name, seeds, name)
            worst = right
            for attack in progress.over(config.suite):
                # The last sees what the others left standing; they are told by themselves.
                last = attack is config.suite[-1]
                found = run(ball, (attack,), standing=worst if last else right)
                worst = worst & found.standing
                kind = f"{ball.norm} {attack.name}"
                about: dict[str, Any] = {"experiment": config.name, "net": name, "run": kind}
                findings.append(finding_rows(seeds, found.findings, **about))
                if not last:
                    outcomes.append(outcome_rows(*head, kind, float(ball.radius), found.standing))
            outcomes.append(outcome_rows(*head, f"{ball.norm} worst", float(ball.radius), worst))
    return outcomes, findings


def curves(config: RobustOptimisationConfig, seeds: Seeds, nets: States, progress: Progress) -> pd.DataFrame:
    """How many images each net gets right under every attack at every radius."""
    frames = []
    x, y = config.test_images(seeds, config.curve_points)
    for name, state in progress.over(nets.items()):
        run = partial(worst_case, attack_keys(seeds), config.margin_of, state, x, y, chunk=config.chunk)
        right = run(Ball(0.0), ()).standing
        for norm, radius in progress.over(config.radii):
            for attack in progress.over(config.curve_suite):
                head = {"experiment": config.name, "net": name, "attack": f"{norm} {attack.name}"}
                frames.append(counts(seeds, right, **head, radius=0.0))
                for factor in progress.over(config.curve):
                    ball = Ball(factor * radius, norm)
                    standing = run(ball, (attack,), standing=right).standing
                    frames.append(counts(seeds, standing, **head, radius=ball.radius))
    return pd.concat(frames, ignore_index=True)
