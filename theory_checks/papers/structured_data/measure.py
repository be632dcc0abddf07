"""Patch networks: what they learned, how they stand attacks and certificates, and who wins the race of the features."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.analysis import alignment, critical_strength
from purifyjax.attacks import APGD, PGD, Attack, BetweenClasses, Noise, Square, TowardsClasses
from purifyjax.balls import Ball
from purifyjax.certify import patch_margin
from purifyjax.commands.progress import Progress
from purifyjax.data import patch_features
from purifyjax.margins import MarginOf
from purifyjax.seeds import over_seeds
from purifyjax.sweep import seed_keys
from purifyjax.training import ClassifierState, classifier_steps, initial_classifier, margin_of_classifier
from theory_checks.evidence import Table
from theory_checks.experiment import Arrays, Nets, Seeds
from theory_checks.measuring.attacked import CERTIFICATES, ROBUSTNESS, attacked, counts
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.points import Points, attack_keys, fresh_points
from theory_checks.measuring.two_layer import NETS
from theory_checks.papers.structured_data.config import PatchConfig, RaceConfig
from theory_checks.papers.structured_data.tables import ALIGNMENTS, RACE
from theory_checks.spans import span

ALONE = ("noise", "universal", "pgd")
_BRIEF = ("universal", "inject robust", "apgd")  # of the curve and beside certificates


def training_sample(config: PatchConfig, seeds: Seeds) -> Points:
    """The fixed sample of every seed."""
    return fresh_points(jnp.asarray(seeds), config.samples, config.data, "patch training")


def monitor(config: PatchConfig):
    """The alignments of the filters with both features, through training."""
    features = patch_features(config.data)

    @jax.jit
    def measure(weight):
        return {name: jax.vmap(alignment, (0, None))(weight, feature) for name, feature in features._asdict().items()}

    def alignments(state: ClassifierState) -> Arrays:
        return {name: np.asarray(values) for name, values in measure(state.params["weight"]).items()}

    return alignments


def suite(config: PatchConfig) -> tuple[Attack, ...]:
    """Every attack, weakest first: those along the features know the distribution, and not the network."""
    evaluation, patches = config.evaluation, config.data.patches
    features = patch_features(config.data)
    robust, nonrobust = (features.everywhere(kind, patches) for kind in ("robust", "nonrobust"))
    return (
        Noise(),
        BetweenClasses(nonrobust, name="universal"),
        TowardsClasses(robust, name="inject robust"),
        PGD(steps=evaluation.pgd_steps),
        TowardsClasses(robust, steps=evaluation.inject_steps, name="pgd from robust"),
        APGD(steps=evaluation.steps, restarts=evaluation.restarts),
        Square(queries=evaluation.queries),
    )


def robustness(config: PatchConfig, seeds: Seeds, nets: Nets, progress: Progress) -> dict[Table, pd.DataFrame]:
    """Accuracies of both nets under all attacks, and certificates of the robust one."""
    of = margin_of_classifier(config.network(jax.lax.Precision.HIGHEST))
    states = {net: ClassifierState({"weight": jnp.asarray(nets[net]["weight"])}, {}, None) for net in NETS}
    attacks = {attack.name: attack for attack in suite(config)}
    brief = tuple(attacks[name] for name in _BRIEF)
    points, evaluation = partial(fresh_points, jnp.asarray(seeds)), config.evaluation
    tables: dict[Table, pd.DataFrame] = {}
    for part in progress.over(("attacks", "certificates")):
        if part == "certificates":
            tables[CERTIFICATES] = _certificates(config, seeds, states["robust"], of, brief, progress)
            continue
        tables |= attacked(
            config.name,
            seeds,
            states,
            of,
            points(evaluation.points, config.data, "patch robustness"),
            points(evaluation.curve_points, config.data, "patch curve"),
            config.ball,
            tuple(attacks.values()),
            brief,
            progress,
            alone=ALONE,
            curve=evaluation.curve,
            chunk=evaluation.chunk,
        )
        many = _universal(config, seeds, states["clean"], of, attacks["universal"])
        tables[ROBUSTNESS] = pd.concat([tables[ROBUSTNESS], many, *_fitted(config, seeds, states, of)])
    return tables


def _universal(config: PatchConfig, seeds: Seeds, params: Any, of: MarginOf, attack: Attack) -> pd.DataFrame:
    """The clean net under the universal direction once more, on more points."""
    number = config.evaluation.universal_times * config.evaluation.points
    x, y = fresh_points(jnp.asarray(seeds), number, config.data, "universal direction")
    found = worst_case(attack_keys(seeds), of, params, x, y, config.ball, (attack,), chunk=config.evaluation.chunk)
    head = {"experiment": config.name, "net": "clean", "attack": attack.name, "radius": config.radius}
    return counts(seeds, found.standing, **head)


def _fitted(config: PatchConfig, seeds: Seeds, nets: dict[str, Any], of: MarginOf) -> list[pd.DataFrame]:
    """Training accuracy of both nets, the robust one's also under its own adversary at the radius of training."""
    x, y = training_sample(config, seeds)
    rows = []
    for net, params in nets.items():
        head = {"experiment": config.name, "net": net}
        run = partial(worst_case, attack_keys(seeds), of, params, x, y, chunk=config.evaluation.chunk)
        rows.append(counts(seeds, run(Ball(0.0), ()).standing, **head, attack="training", radius=0.0))
        adversary = config.robust.adversary
        if net == "robust" and adversary is not None:
            stands = run(config.robust.ball, (adversary,)).standing
            rows.append(counts(seeds, stands, **head, attack="training adversary", radius=config.radius))
    return rows


@span("certify")
def _certificates(config, seeds, params, of, brief, progress) -> pd.DataFrame:
    """On how many points the robust nets are proven right, and on how many they withstand the attacks of the curve."""
    evaluation = config.evaluation
    x, y = fresh_points(jnp.asarray(seeds), evaluation.curve_points, config.data, "patch certificates")
    rows = []
    for factor in progress.over(evaluation.certified):
        ball = config.ball.replace(radius=factor * config.radius)
        stands = worst_case(attack_keys(seeds), of, params, x, y, ball, brief, chunk=evaluation.chunk).standing
        for s, seed in enumerate(seeds):
            proven = _bound(params.params["weight"][s], config.exponent, config.knee, x[s], y[s], ball) > 0
            found = (int(proven.sum()), int(stands[s].sum()), y.shape[1])
            rows.append((config.name, int(seed), "robust", "interval", "l2", ball.radius, *found))
    return pd.DataFrame(rows, columns=list(CERTIFICATES.columns))


_bound = jax.jit(patch_margin, static_argnums=1)


def alignments(config: PatchConfig, seeds: Seeds, nets: Nets) -> pd.DataFrame:
    """What the filters learned on the way, a row a seed, net, class and logged step."""
    frames = []
    for net in NETS:
        found = nets[net]
        for s, seed in enumerate(seeds):
            for label in range(config.data.classes):
                columns: dict[str, Any] = {"experiment": config.name, "seed": int(seed), "net": net}
                columns |= {"step": found["history_step"][s], "loss": found["history_loss"][s], "label": label}
                columns |= {kind: found[f"history_{kind}"][s, :, label] for kind in ("robust", "nonrobust")}
                frames.append(pd.DataFrame(columns))
    return ALIGNMENTS.checked(pd.concat(frames, ignore_index=True))


def race(config: RaceConfig, seeds: Seeds, progress: Progress) -> pd.DataFrame:
    """Train at every strength and radius on one noiseless point a class."""
    data = config.data()
    features, network = patch_features(data), config.network()
    y = jnp.arange(data.classes)
    keys = jax.vmap(partial(jax.random.split, num=2))(seed_keys(seeds))

    @jax.jit
    def run(keys, radius):
        recipe = config.recipe.replace(radius=radius)

        def at(strength, key):
            # Without noise a sample of a class is one point, up to the order of its patches.
            strong = jnp.tile(features.robust, (1, data.robust_patches))
            weak = jnp.tile(strength * features.nonrobust, (1, data.nonrobust_patches))
            x = jnp.concatenate([strong, weak], axis=1)
            state = initial_classifier(key[0], network, x)
            state, _ = classifier_steps(key[1], state, network, recipe, x, y, 0, recipe.steps)
            learned = [jnp.mean(alignment(state.params["weight"], feature)) for feature in features]
            u, v = (jnp.maximum(value, 1e-6) for value in learned)
            return jnp.log(v / u)

        # All strengths of a seed beside each other.
        return jax.vmap(lambda key: jax.vmap(lambda strength: at(strength, key))(jnp.asarray(config.strengths)))(keys)

    frames = []
    for radius in progress.over(config.radii):
        target = critical_strength(
            radius, data.robust_strength, data.robust_patches, data.nonrobust_patches, config.exponent
        )
        ratios = np.asarray(over_seeds(run, (keys,), radius))
        for strength, ratio in zip(config.strengths, ratios.T, strict=True):
            rows = {"seed": seeds, "radius": radius, "strength": strength, "log_ratio": ratio, "predicted": target}
            frames.append(pd.DataFrame({"experiment": config.name} | rows))
    return RACE.checked(pd.concat(frames, ignore_index=True))
