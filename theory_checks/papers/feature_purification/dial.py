"""The threshold as a dial: the same weights from deaf through selective to linear nets."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.analysis import firing, own_feature
from purifyjax.attacks import APGD
from purifyjax.commands.progress import Progress
from purifyjax.data import Instance, second_moment
from purifyjax.seeds import each, over_seeds
from purifyjax.stats import adjusted_r_squared
from theory_checks.experiment import Nets, Seeds
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.points import attack_keys, fresh_codes, fresh_points, instance_of
from theory_checks.measuring.robustness import universal
from theory_checks.measuring.two_layer import margin_of
from theory_checks.papers.feature_purification.config import PurificationConfig, Surgery
from theory_checks.papers.feature_purification.mechanism import operated
from theory_checks.papers.feature_purification.tables import DIAL, UNTOUCHED

TURNED = (("clean", UNTOUCHED), ("clean", "mixture out"), ("robust", UNTOUCHED), ("robust", "mixture in"))


def dial(config: PurificationConfig, surgery: Surgery, seeds: Seeds, nets: Nets, progress: Progress) -> pd.DataFrame:
    """Accuracies, selectivity and linearity of four nets under b_i = c ‖w_i‖ √(E z_j²), for every c."""
    data, neurons = config.training.data, config.training.neurons
    x, y = fresh_points(jnp.asarray(seeds), surgery.dial_points, data, "dial")
    described = fresh_codes(jnp.asarray(seeds), max(1024, 4 * config.dimension), data, "selectivity")
    fixed = instance_of(data)
    suite = (universal(data), APGD(steps=surgery.steps, restarts=1))
    run = partial(worst_case, attack_keys(seeds), margin_of(neurons))
    rows: list[dict[str, Any]] = []
    values: list[np.ndarray] = []
    for net, change in progress.over(TURNED):
        params = operated(config, seeds, nets, net, change)
        deviation = jnp.linalg.norm(params["weight"], axis=-1) * jnp.sqrt(second_moment(data))
        for c in progress.over(surgery.dial):
            turned = params | {"threshold": c * deviation}
            right = run(turned, x, y, config.ball.replace(radius=0.0), ()).standing
            standing = run(turned, x, y, config.ball, suite, standing=right).standing
            value, *fired = (np.asarray(part) for part in over_seeds(_described, (turned, *described), fixed, neurons))
            values.append(value)
            for s, seed in enumerate(seeds):
                present, fired_present, absent, fired_absent = (part[s] for part in fired)
                columns = {
                    "clean_accuracy": right[s].mean(),
                    "robust_accuracy": standing[s].mean(),
                    "fires_present": fired_present.sum() / present.sum(),
                    "fires_absent": fired_absent.sum() / absent.sum(),
                }
                head = {"experiment": config.name, "seed": int(seed), "net": net, "change": change, "c": c}
                rows.append(head | columns | {"points": surgery.dial_points})
    # The same inputs under every net: one fit a seed, of all at once.
    linear = [adjusted_r_squared(np.asarray(described[0][s]), np.stack(values)[:, s]) for s in range(len(seeds))]
    return DIAL.checked(pd.DataFrame(rows).assign(linear=np.stack(linear, axis=1).ravel()))


@partial(jax.jit, static_argnames="neurons")
def _described(params, x, code, fixed: Instance, neurons: int):
    """f(x), and who fires."""

    def one(args):
        p, points, codes = args
        value = margin_of(neurons)(p)(points, jnp.ones(len(points)))
        everyone = jnp.ones(neurons, bool)
        feature = own_feature(fixed.to_code(p["weight"]))
        return value, *firing(p["weight"], p["threshold"], feature, everyone, points, codes)

    return each(one, (params, x, code))
