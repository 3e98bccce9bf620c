"""What must not fail now: parts whose failure alone takes a service down, once takeovers have done what they can."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import BoolArray
from k2rel.markov.modes import modes_followed
from k2rel.policy.present import Settling
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover
from k2rel.services.clients import OwnParts
from k2rel.services.diagrams import Service
from k2rel.studies import Study

__all__ = ["Critical", "Losses"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Critical:
    """A part whose failure alone takes services down from here, once takeovers have done what they can."""

    part: str
    services: tuple[str, ...]
    p_within: float  # that it fails within the horizon while that is so
    always: bool  # whether it takes the same down when nothing has failed


class Losses:
    """Which services are down in any state, and what one more failure takes down."""

    def __init__(self, study: Study, policy: Policy, takeover: Takeover | None, services: Sequence[Service]) -> None:
        self.takeover, self.services = takeover, services
        self.settling = None if takeover is None else Settling(takeover)
        own = OwnParts(policy, study.client_laws)
        self._given = [np.asarray(service.unavailability(own.probability) > 0.5) for service in services]

    def down(self, failed: Sequence[Collection[str]], control: IntArray) -> BoolArray:
        """Say which services shared parts and roles take down: (states, services)."""
        names = set().union(*failed) if len(failed) else set()
        works = {name: np.array([name not in each for each in failed], dtype=np.bool_) for name in names}
        every, control = np.arange(len(failed)), np.asarray(control, dtype=np.int64)
        result = np.zeros((len(failed), len(self.services)), dtype=np.bool_)
        for n, (service, given) in enumerate(zip(self.services, self._given, strict=True)):
            result[:, n] = given[modes_followed(self.takeover, service.diagram, works, every, control)]
        return result

    def after(self, failed: Sequence[Collection[str]], control: IntArray) -> BoolArray:
        """Say the same once the takeovers that begin have succeeded, if they can."""
        if self.settling is None or not len(failed):
            return self.down(failed, control)
        return self.down(failed, self.settling.settled(failed, control))

    def usually(self, parts: Sequence[str]) -> dict[str, frozenset[str]]:
        """Services that each part takes down when nothing else has failed."""
        quiet = 0 if self.takeover is None else int(self.takeover.quiet[0])
        lost = self.after([frozenset([part]) for part in parts], np.full(len(parts), quiet))
        return {part: self.named(row) for part, row in zip(parts, lost, strict=True)}

    def named(self, lost: BoolArray) -> frozenset[str]:
        """Names of services, from which of them are lost."""
        return frozenset(service.name for service, gone in zip(self.services, lost.tolist(), strict=True) if gone)

    def sorted_names(self, names: Collection[str]) -> tuple[str, ...]:
        """Names of services in their order."""
        return tuple(service.name for service in self.services if service.name in names)
