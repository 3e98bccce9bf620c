"""The simulation against the exact engines: one z-score a level, service and question, each from a seed of its own."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from k2rel.errors import K2relError
from k2rel.measures.availability import availability
from k2rel.organisation import Organisation
from k2rel.simulation import Plan, simulate
from k2rel.studies import study

LEVELS = ("L1", "L2", "L2R", "L3", "L3R", "nearline")
EXAMPLES = ("data/examples/reference_san.yaml", "data/examples/reference_san_dual.yaml")
CONTRACTS = ("4h", "nbd")
EXPECTED_LOSSES = 400
"""Services that the exact engine expects to be lost less often in a run are left out: lengths of losses are very
different, so that a sum of few of them is far from normal."""


@dataclass(frozen=True)
class Score:
    """One comparison."""

    level: str
    contract: str
    roles: str
    service: str
    what: str
    exact: float
    simulated: float
    standard_error: float

    @property
    def z(self) -> float:
        """How many standard errors the simulated value is off; infinite where the simulation never saw what happens."""
        if self.standard_error == 0:
            return 0.0 if self.simulated == self.exact else math.inf
        return (self.simulated - self.exact) / self.standard_error


def scores(histories: int, seed: int, levels: tuple[str, ...] = LEVELS + EXAMPLES) -> list[Score]:
    """Compare every service: its unavailability by one run, how often it is lost by another."""
    result = []
    for level, contract in itertools.product(levels, CONTRACTS):
        one = study(level, repair=contract)
        for roles in ("preferred", "sticky"):
            organisation = Organisation(roles=roles, tolerance=1e-9)
            if roles == "sticky" and (
                contract == "nbd" or not any(len(role.holders) > 1 for role in one.site.roles.values())
            ):
                continue  # nothing can stick, or parts are down so long that the chain takes minutes
            exact = availability(
                one,
                organisation=None if roles == "preferred" else organisation,
                method="exact" if roles == "preferred" else "markov",
            )
            for item in exact.services:
                for what in ("unavailability", "failures per year"):
                    seed += 1
                    plan = Plan(histories=histories, seed=seed)
                    if item.failures_per_year * histories * plan.years < EXPECTED_LOSSES:
                        continue
                    found = simulate(one, organisation, plan=plan)[item.service]
                    estimate = found.unavailability if what == "unavailability" else found.interruptions_per_year
                    value = item.unavailability if what == "unavailability" else item.failures_per_year
                    result.append(
                        Score(
                            level, contract, roles, item.service, what, value, estimate.value, estimate.standard_error
                        )
                    )
    if not result:
        raise K2relError("nothing could be compared")
    return result
