"""What must not fail now: parts whose failure alone takes a service down, once takeovers have done what they can."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import BoolArray
from k2rel.markov.modes import modes_followed
from k2rel.policy.controls import TakeoverTimes
from k2rel.policy.present import settling_of
from k2rel.policy.rules import Policy
from k2rel.services.clients import OwnParts
from k2rel.services.diagrams import LostClients, Service, services_of
from k2rel.studies import Study

__all__ = ["Critical", "Losses", "services_on_duty"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Critical:
    """A part whose failure alone takes services down from here, once takeovers have done what they can."""

    part: str
    services: tuple[str, ...]
    p_within: float  # that it fails within the horizon while that is so
    always: bool  # whether it takes the same down when nothing has failed


def services_on_duty(policy: Policy) -> list[Service]:
    """Services of the site; how many clients are cut off at once is none that one would call up or down."""
    return [each for each in services_of(policy) if each.scope == "site" and not isinstance(each, LostClients)]


class Losses:
    """Which services are down in any state, and what one more failure takes down."""

    def __init__(self, study: Study, policy: Policy, times: TakeoverTimes, services: Sequence[Service]) -> None:
        self.services, self.settling = services, settling_of(policy, times)
        self.takeover = None if self.settling is None else self.settling.takeover
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

    def listed(self, found: Mapping[str, Collection[str]], p_within: Mapping[str, float]) -> list[Critical]:
        """List parts with the services that they take down, those that do so only now first, then the likeliest."""
        usual = self.usually(list(found))
        result = [
            Critical(part, self.sorted_names(names), p_within[part], set(names) <= usual[part])
            for part, names in found.items()
        ]
        return sorted(result, key=lambda each: (each.always, -each.p_within, each.part))

    def sorted_names(self, names: Collection[str]) -> tuple[str, ...]:
        """Names of services in their order."""
        return tuple(service.name for service in self.services if service.name in names)
