"""Networks on codes of photographs and on their controls: the data, and what the claims look at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.data import CodeTable, SparseCoding, TabulatedCoding, acceptance_rate, label_std, sample, second_moment
from purifyjax.data.natural import Coded, Half
from purifyjax.sweep import describe
from purifyjax.training import Training
from theory_checks.evidence import Evidence
from theory_checks.experiments import Experiment, Profile
from theory_checks.experiments.natural import IDEAL, REAL, SHUFFLED, NaturalTask
from theory_checks.experiments.profiles import feature_purification
from theory_checks.measure.codes import code_table
from theory_checks.measure.networks import Arrays, Tick
from theory_checks.measure.neurons import neurons
from theory_checks.measure.pictures import pictures
from theory_checks.measure.robustness import ROBUSTNESS_TICKS, robustness

_CONTROLS = 0xC0DE  # key of the shuffles and of the theory's own codes


class Kind(NamedTuple):
    """One kind of codes.

    Attributes:
      profile: the run's settings, with a single experiment: the training on the training half.
      evaluation: the same on the evaluation half.
      fitted, held: the codes of the two halves.
      table: what the evaluation half's codes are like.
    """

    profile: Profile
    evaluation: Experiment
    fitted: TabulatedCoding
    held: TabulatedCoding
    table: pd.DataFrame

    @property
    def training(self) -> Experiment:
        return self.profile.experiments[0]


class Found(NamedTuple):
    """What one kind of codes brings to the evidence."""

    robustness: pd.DataFrame
    wins: pd.DataFrame
    neurons: pd.DataFrame
    codes: pd.DataFrame
    config: dict[str, Any]


TICKS = ROBUSTNESS_TICKS  # how often `measure` calls `tick`


def recipe(task: NaturalTask, coded: Coded) -> tuple[Training, float]:
    """The training on the theory's own distribution at the codes' d and k = mean ‖z‖₀, and its radius τ."""
    nonzeros = np.count_nonzero(coded.train.codes) / len(coded.train.codes)
    return feature_purification(
        dimension=task.codes.atoms,
        sparsity=max(1, round(nonzeros)),
        neurons=task.neurons,
        margin=task.margin,
        radius=task.radius,
        peak=task.peak,
        pace=task.pace,
        batch_size=task.batch_size,
    )


def kinds(task: NaturalTask, coded: Coded) -> Iterator[Kind]:
    """Real codes, shuffled ones and the theory's own, of the same numbers of rows and the same mean E z_j²."""
    training, tau = recipe(task, coded)
    moment = float(second_moment(training.data))
    scale = math.sqrt(moment / float(np.mean(np.square(coded.train.codes, dtype=np.float64))))
    real = [half._replace(codes=(scale * half.codes).astype(np.float32)) for half in (coded.train, coded.evaluation)]
    for kind in (REAL, SHUFFLED, IDEAL):
        halves = _controls(kind, real, training.data)
        fitted, held = (_tabulated(training.data, half) for half in halves)
        on_train, on_evaluation = (
            Experiment(kind, training.replace(data=data), task.seeds, task.judged * tau, monitored_radius=tau)
            for data in (fitted, held)
        )
        profile = Profile(
            name=task.name,
            summary="",
            experiments=(on_train,),
            points=task.points,
            curve_points=task.curve_points,
            attack_steps=task.attack_steps,
            attack_restarts=task.attack_restarts,
        )
        table = code_table(kind, halves[0], halves[1], task.resamples if kind == REAL else 0)
        yield Kind(profile, on_evaluation, fitted, held, table)


_draw = jax.jit(sample, static_argnums=1)


def _controls(kind: str, halves: list[Half], data: SparseCoding) -> list[Half]:
    """The halves with their codes replaced by the control's."""
    if kind == SHUFFLED:
        # Every coordinate by itself: the marginals stay, dependence goes.
        rng = np.random.default_rng(_CONTROLS)
        return [half._replace(codes=rng.permuted(half.codes, axis=0)) for half in halves]
    if kind == IDEAL:
        total = sum(len(half.codes) for half in halves)
        codes = np.asarray(_draw(jax.random.key(_CONTROLS), total, data.replace(margin=0.0)).code)
        parts = np.split(codes, [len(halves[0].codes)])
        return [half._replace(codes=part) for half, part in zip(halves, parts, strict=True)]
    return halves


def _tabulated(data: SparseCoding, half: Half) -> TabulatedCoding:
    """The distribution with the half's codes for its own."""
    table = CodeTable(jnp.asarray(half.codes))
    return TabulatedCoding(dimension=data.dimension, sparsity=data.sparsity, margin=data.margin, table=table)


def measure(kind: Kind, seeds: np.ndarray, arrays: Arrays, tick: Tick) -> Found:
    """Attacks and neurons of the nets of one kind, on codes of the evaluation half."""
    attacked = robustness(kind.profile, kind.evaluation, seeds, arrays, tick)
    config = {
        "attack_warnings": attacked.warnings,
        "label_std": label_std(kind.fitted),
        "training_codes": round(acceptance_rate(kind.fitted) * len(kind.fitted.table.codes)),
        "evaluation_codes": round(acceptance_rate(kind.held) * len(kind.held.table.codes)),
        "seeds": [int(seed) for seed in seeds],
    }
    table = neurons(kind.evaluation, seeds, arrays)
    return Found(attacked.accuracies, attacked.wins, table, kind.table, config)


def evidence(task: NaturalTask, coded: Coded, training: Training, found: dict[str, Found]) -> Evidence:
    """The tables of all kinds, told apart by their column `experiment`; the config is that of the real codes.

    Args:
      training: on the real codes.
    """
    _, tau = recipe(task, coded)
    frames = {
        name: pd.concat([getattr(part, name) for part in found.values()], ignore_index=True)
        for name in ("robustness", "wins", "neurons", "codes")
    }
    config = found[REAL].config | {
        "norm": "l2",
        "radius": task.judged * tau,
        "points": task.points,
        "training": describe(training),
        "task": describe(task),
        "missed": float(np.mean(coded.evaluation.missed)),
        "controls": {kind: found[kind].config for kind in (SHUFFLED, IDEAL)},
    }
    return Evidence(
        experiment=task.name, config=config, radius=task.judged * tau, pictures=_atoms(task, coded), **frames
    )


def _atoms(task: NaturalTask, coded: Coded) -> pd.DataFrame:
    """Some atoms as patterns of pixels, each on its own scale."""
    some = coded.atoms[: task.pictured]
    shown = some / np.abs(some).max(axis=(1, 2), keepdims=True)
    return pictures("atoms", "atoms of the dictionary", shown[..., None], task.codes.seed)
