"""The mixture's birth and death: medians by definition, and a claim that each of its parts can refute."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from purifyjax.data import SparseCoding, instance
from theory_checks.evidence import Evidence
from theory_checks.measuring.monitor import middle_neuron
from theory_checks.papers.feature_purification.claims.accumulating import CLAIM
from theory_checks.papers.feature_purification.tables import HISTORY


def test_the_middle_neuron_is_as_its_definition_says():
    data = SparseCoding(dimension=24, sparsity=4, dictionary="random", label_spread=0.5)
    fixed = instance(data)
    weight = np.random.default_rng(0).normal(size=(2, 7, 24)).astype(np.float32)
    found = middle_neuron(jnp.asarray(weight), fixed, data.sparsity)
    for s in range(2):
        c, sizes, coefficients = [], [], []
        for code in np.asarray(fixed.to_code(jnp.asarray(weight[s]))):
            j = np.abs(code).argmax()
            others, w = np.delete(code, j), np.delete(np.asarray(fixed.label_weights), j)
            a = np.linalg.lstsq(w[:, None], others, rcond=None)[0][0]
            c.append(abs(code[j]))
            sizes.append(a)
            coefficients.append(a / (4 / 24 * abs(code[j])))
        for name, values in (("feature", c), ("dense", sizes), ("mixture", coefficients)):
            np.testing.assert_allclose(found[name][s], np.median(values), rtol=1e-4, atol=1e-6)


def evidence(start=0.0, grows=True, halved=0.1):
    """A mixture that grows over 20 clean steps and is halved after a share of 20 adversarial ones."""
    size = np.linspace(0.0, 0.6, 21) if grows else np.r_[np.linspace(0.0, 0.9, 11), np.linspace(0.8, 0.6, 10)]
    clean = pd.DataFrame({"stage": "clean", "step": np.arange(21), "mixture": np.r_[start, size[1:]], "dense": size})
    falls = np.where(np.arange(1, 21) >= 20 * halved, 0.2, 0.55)
    robust = pd.DataFrame({"stage": "robust", "step": np.arange(21, 41), "mixture": falls, "dense": falls})
    rows = pd.concat([clean, robust]).assign(seed=0, experiment="default")

    class Config:
        name = "default"

    return {"default": Evidence(Config(), {HISTORY.name: rows.reindex(columns=list(HISTORY.columns))}, (0,))}


def test_accumulating_holds_for_a_mixture_that_is_born_and_dies():
    verdict = CLAIM.check(evidence())
    assert verdict.outcome == "holds"
    assert [part.measured for part in verdict.parts] == pytest.approx([0.0, 1.0, 0.1])


@pytest.mark.parametrize("change", [{"start": 0.2}, {"grows": False}, {"halved": 0.5}, {"halved": 2.0}])
def test_accumulating_is_refuted_by_each_of_its_parts(change):
    assert CLAIM.check(evidence(**change)).outcome == "refuted"
