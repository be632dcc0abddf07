"""Claims judged as soon as their experiments are done, the cheapest first."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import jax

from purifyjax.commands.beside import as_done
from purifyjax.seeds import cores
from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.experiment import Experiment
from theory_checks.paper import Paper
from theory_checks.runner import Runner
from theory_checks.spans import waiting_for
from theory_checks.verdict import Verdict

Stated = tuple[Paper, Claim]


class Session:
    """Experiments that are run once each, when a claim asks for them.

    Args:
      experiments: by name.
      runner: that runs them.
      profile: its name, by which papers say how seeds are judged.
    """

    def __init__(self, experiments: Mapping[str, Experiment], runner: Runner, profile: str = "") -> None:
        self.experiments, self.runner, self.profile = experiments, runner, profile
        self._evidences: dict[str, Evidence] = {}

    @property
    def evidences(self) -> dict[str, Evidence]:
        """Of the experiments that are done, in the experiments' order."""
        return {name: self._evidences[name] for name in self.experiments if name in self._evidences}

    def evidence(self, name: str) -> Evidence:
        """What is measured on an experiment."""
        if name not in self._evidences:
            self._evidences[name] = self.runner.evidence(self.experiments[name])
        return self._evidences[name]

    def verdict(self, paper: Paper, claim: Claim) -> Verdict:
        """The judgement on a claim."""
        found = {name: self.evidence(name) for name in claim.experiments}
        return claim.check(found, paper.name, paper.shares.get(self.profile))

    def verdicts(self, claims: Sequence[Stated]) -> Generator[list[Verdict]]:
        """All claims, some at a time: those that the next experiment decides.

        On a CPU experiments run side by side, one for every core.
        """
        workers = cores() if jax.default_backend() == "cpu" else 1
        left = list(claims)
        for _ in waiting_for(as_done(self.evidence, cheapest_first(claims, self.experiments), workers)):
            ready = [stated for stated in left if all(name in self._evidences for name in stated[1].experiments)]
            left = [stated for stated in left if stated not in ready]
            if ready:
                yield [self.verdict(*stated) for stated in ready]


def cheapest_first(claims: Sequence[Stated], experiments: Mapping[str, Experiment]) -> list[str]:
    """The order of the experiments: next come those of the claim that is cheapest to judge then."""
    done: dict[str, None] = {}
    left = list(claims)

    def missing(stated: Stated) -> list[str]:
        return [name for name in stated[1].experiments if name not in done]

    while left:
        following = missing(min(left, key=lambda stated: sum(experiments[name].cost for name in missing(stated))))
        done |= dict.fromkeys(following)
        left = [stated for stated in left if missing(stated)]
    return list(done)
