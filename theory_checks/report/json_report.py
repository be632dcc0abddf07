"""Verdicts as strict JSON, for programs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from purifyjax.files import write_text
from purifyjax.provenance import Environment
from theory_checks.verdict import Measurement, SeedValue, Verdict


def write_verdicts(
    path: str | os.PathLike[str],
    verdicts: Sequence[Verdict],
    *,
    profile: str,
    config: Mapping[str, Any],
    environments: Sequence[Environment],
    pending: Sequence[str] = (),
) -> None:
    """Write the verdicts to `path` as one JSON object, atomically.

    Numbers that are NaN or infinite become null: JSON has no word for them.

    Args:
      path: the file, usually `verdicts.json`.
      verdicts: one per claim that is judged.
      profile: name of the profile that was run.
      config: the experiments' configurations as plain values, by name.
      environments: those that made the numbers; the first is also told at the top.
      pending: ids of the claims that are still to be judged.

    Raises:
      TypeError: `config` holds something that JSON cannot express.
    """
    made = [environment.plain() for environment in environments]
    document = {
        "profile": profile,
        "complete": not pending,
        "pending": pending,
        **(made[0] if made else {}),
        "environments": made,
        "config": config,
        "claims": [claim_record(verdict) for verdict in verdicts],
    }
    # ASCII escapes would make the statements' symbols unreadable; the file is UTF-8.
    text = json.dumps(_plain(document), indent=2, allow_nan=False, ensure_ascii=False)
    write_text(path, text + "\n")


def claim_record(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON values, NaN and infinities as they are."""
    deciding = verdict.binding
    return {
        "id": verdict.id,
        "title": verdict.title,
        "paper": verdict.paper,
        "kind": verdict.kind,
        "statement": verdict.statement,
        "source": verdict.source,
        "refuted_by": verdict.refuted_by,
        "experiment": ", ".join(verdict.experiments),
        "verdict": verdict.outcome,
        "answer": verdict.answer,
        "quantity": deciding.quantity,
        "unit": deciding.unit,
        "measured": deciding.measured,
        "interval": deciding.interval,
        "bound": deciding.bound,
        "relation": deciding.relation,
        "seeds": verdict.seeds,
        "passing": _passing(verdict),
        "reachable": verdict.reachable,
        "note": verdict.note,
        "figures": verdict.figures,
        "parts": [_part(part) for part in verdict.parts],
    }


def _passing(verdict: Verdict) -> dict[str, Any] | None:
    """What the seeds prove about others: one-sided 95% bounds of the share that passes."""
    found = verdict.passing
    if found is None:
        return None
    bounds = {"share_at_least": found.at_least, "share_at_most": found.at_most}
    counts = {"seeds": found.seeds, "passed": found.passed, "failed": found.failed}
    return counts | bounds | {"claimed_share": verdict.share}


def _part(part: Measurement) -> dict[str, Any]:
    return {
        "quantity": part.quantity,
        "unit": part.unit,
        "measured": part.measured,
        "interval": part.interval,
        "bound": part.bound,
        "relation": part.relation,
        "refuting_confidence": part.refuting_confidence,
        "verdict": part.outcome,
        "per_seed": [_seed(seed) for seed in part.seeds],
    }


def _seed(seed: SeedValue) -> dict[str, Any]:
    return {"seed": seed.seed, "value": seed.value, "interval": (seed.low, seed.high)}


def _plain(value: Any) -> Any:
    """`value` with numpy's types replaced by Python's, and numbers that are not finite by None."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
