"""What a measure may ask of an engine: probabilities of modes, changes of mode, and what a service makes of them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.diagram import Diagram, Transitions
from k2rel.policy.rules import Policy
from k2rel.services.clients import OwnParts
from k2rel.services.diagrams import Service
from k2rel.studies import Provenance

__all__ = ["Engine"]

FloatArray = NDArray[np.float64]


class Engine(Protocol):
    """What measures need of an engine; services and diagrams are those of its own policy."""

    def __hash__(self) -> int:
        """Hash by identity."""

    @property
    def policy(self) -> Policy:
        """The rules whose modes it knows."""

    @property
    def own(self) -> OwnParts:
        """Parts of one client."""

    @property
    def provenance(self) -> Provenance:
        """How its numbers are computed."""

    @property
    def at_moments(self) -> tuple[tuple[float, Engine], ...]:
        """Itself, or where clients' own parts are tested on known days itself at moments of the cycle, by weight."""

    def mode_probabilities(self, diagram: Diagram) -> FloatArray:
        """Probability of every mode."""

    def crossings(self, diagram: Diagram) -> Transitions:
        """Rate of every change of mode, each direction by itself."""

    def unavailability(self, service: Service) -> float:
        """Probability that a service is down."""

    def failure_frequency(self, service: Service) -> float:
        """Failures of a service per hour [1/h]."""
