"""The static engine behind the names that every measure asks an engine by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.exact.engine import failure_frequency, mode_probabilities, mode_transitions, steady_own, unavailability
from k2rel.logic.diagram import Diagram, Transitions
from k2rel.policy.rules import Policy
from k2rel.services.clients import OwnParts
from k2rel.services.diagrams import Service
from k2rel.services.engine import Engine
from k2rel.studies import Provenance, Study

__all__ = ["static_engine"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Static:
    """The static engine for one study."""

    study: Study

    @property
    def policy(self) -> Policy:
        return self.study.policy

    @property
    def own(self) -> OwnParts:
        return steady_own(self.study)

    @property
    def provenance(self) -> Provenance:
        return self.study.provenance

    @property
    def at_moments(self) -> tuple[tuple[float, Engine], ...]:
        return tuple((weight, _Static(moment)) for weight, moment in self.study.at_moments)

    def mode_probabilities(self, diagram: Diagram) -> FloatArray:
        return mode_probabilities(self.study, diagram)

    def crossings(self, diagram: Diagram) -> Transitions:
        return mode_transitions(self.study, diagram).both_ways()

    def unavailability(self, service: Service) -> float:
        return unavailability(self.study, service)

    def failure_frequency(self, service: Service) -> float:
        return failure_frequency(self.study, service)


def static_engine(study: Study) -> Engine:
    """The static engine for a study."""
    return _Static(study)
