"""The real codes and their two controls as data of a training. Nothing is coded before it is asked for."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.commands.progress import say
from purifyjax.data import CodeTable, NaturalCodes, SparseCoding, TabulatedCoding, natural_codes, sample, second_moment
from purifyjax.data.natural import Coded, Half
from purifyjax.training import Training, validate
from theory_checks.papers.natural_codes.config import IDEAL, SHUFFLED, NaturalConfig, TheoryNet


class Kind(NamedTuple):
    """One kind of codes.

    Attributes:
      training: on the training half.
      radius: τ of training.
      held: the distribution of the evaluation half.
      train, evaluation: the halves, in the units of the theory.
    """

    training: Training
    radius: float
    held: TabulatedCoding
    train: Half
    evaluation: Half

    @property
    def fitted(self) -> TabulatedCoding:
        """The distribution of the training half."""
        assert isinstance(self.training.data, TabulatedCoding)
        return self.training.data


def kind_of(config: NaturalConfig, name: str) -> Kind:
    """A kind of codes by name: all have the same numbers of rows and the same mean E z_j²."""
    return _kind(config.codes, config.net, config.controls, name)


def coded(codes: NaturalCodes) -> Coded:
    """The photographs in codes."""
    return _coded(codes)


def forget() -> None:
    """Free the codes: they are large, and follow from the config."""
    _kind.cache_clear()
    _coded.cache_clear()


def recipe(net: TheoryNet, found: Coded) -> tuple[Training, float]:
    """The training on the theory's own distribution at the codes' d and k = mean ‖z‖₀, and its radius τ."""
    codes = found.train.codes
    nonzeros = np.count_nonzero(codes) / len(codes)
    return net.training(codes.shape[1], max(1, round(nonzeros)))


# One at a time: a kind is trained and measured on before the next one is.
@lru_cache(maxsize=1)
def _kind(codes: NaturalCodes, net: TheoryNet, controls: int, name: str) -> Kind:
    found = _coded(codes)
    training, tau = recipe(net, found)
    moment = float(second_moment(training.data))
    scale = math.sqrt(moment / float(np.mean(np.square(found.train.codes, dtype=np.float64))))
    real = [half._replace(codes=(scale * half.codes).astype(np.float32)) for half in (found.train, found.evaluation)]
    train, evaluation = _controls(name, real, training.data, controls)
    own = training.replace(data=_tabulated(training.data, train))
    validate(own)
    return Kind(own, tau, _tabulated(training.data, evaluation), train, evaluation)


@lru_cache(maxsize=1)
def _coded(codes: NaturalCodes) -> Coded:
    say("photographs: learning a dictionary, and coding the patches")
    return natural_codes(codes)


_draw = jax.jit(sample, static_argnums=1)


def _controls(name: str, halves: list[Half], data: SparseCoding, key: int) -> list[Half]:
    """The halves with their codes replaced by the control's."""
    if name == SHUFFLED:
        # Every coordinate by itself: the marginals stay, dependence goes.
        rng = np.random.default_rng(key)
        return [half._replace(codes=rng.permuted(half.codes, axis=0)) for half in halves]
    if name == IDEAL:
        total = sum(len(half.codes) for half in halves)
        codes = np.asarray(_draw(jax.random.key(key), total, data.replace(margin=0.0)).code)
        parts = np.split(codes, [len(halves[0].codes)])
        return [half._replace(codes=part) for half, part in zip(halves, parts, strict=True)]
    return halves


def _tabulated(data: SparseCoding, half: Half) -> TabulatedCoding:
    """The distribution with the half's codes for its own."""
    table = CodeTable(jnp.asarray(half.codes))
    return TabulatedCoding(dimension=data.dimension, sparsity=data.sparsity, margin=data.margin, table=table)
