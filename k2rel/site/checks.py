"""What the checks of a file share: its entries, the names that it gives, and the mistakes found so far."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import k2rel.site.document as doc
from k2rel.errors import Problem, closest
from k2rel.inputs import Input, Uses
from k2rel.site.source import KeyPath, YamlSource
from k2rel.site.stages import AtLeast, Stage, names_in, subscription_in
from k2rel.site.values import Branches, KOutOfN

__all__: list[str] = []


def stages_of(entries: Iterable[str | KOutOfN | Branches]) -> tuple[Stage, ...]:
    """Make needs, or stages of a path, of their entries."""
    return tuple(
        entry if isinstance(entry, str) else AtLeast(entry.at_least, branches_of(entry.of)) for entry in entries
    )


def branches_of(entries: Iterable[str | tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Make branches of their entries."""
    return tuple((one,) if isinstance(one, str) else tuple(one) for one in entries)


@dataclass
class Checks:
    """One file under check."""

    source: YamlSource
    document: doc.SiteDocument
    inputs: Mapping[KeyPath, Input]
    problems: list[Problem] = field(default_factory=list)

    @cached_property
    def sides(self) -> tuple[str, ...]:
        return tuple(self.document.sides)

    @cached_property
    def shared(self) -> frozenset[str]:
        """Parts that a need or a path may name; drives act through their set, whose module has a chain of its own."""
        return frozenset((*self.document.components, *self.document.links, *self.document.raid_sets))

    @cached_property
    def own(self) -> frozenset[str]:
        """Parts that each client has one of."""
        return frozenset(self.document.clients.parts)

    @cached_property
    def lists(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """What clients subscribe to, by subscription and kind."""
        return self.document.clients.lists

    def report(self, path: KeyPath, message: str) -> None:
        self.problems.append(self.source.problem(path, message))

    @cached_property
    def every(self) -> frozenset[str]:
        """Parts that something of a client may name."""
        return self.shared | self.own

    def known(self, name: str, known: Collection[str], path: KeyPath, what: str) -> bool:
        if name in known:
            return True
        self.report(path, f"there is no {what} '{name}'{closest(name, known)}")
        return False

    def uses(self, path: KeyPath, **fields: str) -> tuple[Uses, ...]:
        """Which fields of a record take inputs, by the keys of its entry."""
        return tuple(
            Uses(field, self.inputs[(*path, key)].name) for key, field in fields.items() if (*path, key) in self.inputs
        )

    def needs(self, needs: Iterable[Stage], path: KeyPath, *, of_client: bool = False) -> None:
        """Check what something needs; only what is a client's may name its own parts and what it subscribes to."""
        for index, need in enumerate(needs):
            self.stage(need, (*path, index), of_client=of_client)

    def stage(self, stage: Stage, path: KeyPath, *, of_client: bool) -> None:
        """Check a stage of a path, or a need: names, and how many of how many."""
        if isinstance(stage, AtLeast):
            if stage.k > len(stage.of):
                kind = "components" if all(len(branch) == 1 for branch in stage.of) else "branches"
                self.report(path, f"requires {stage.k} of only {len(stage.of)} {kind}, which is impossible")
            if problem := _twice(stage.of):
                self.report(path, problem)
        for name in dict.fromkeys(names_in(stage)):
            subscription = subscription_in(name)
            if subscription is not None and not of_client:
                self.report(path, f"only a client subscribes to something; name the component instead of '{name}'")
            elif subscription is not None:
                self.subscription(subscription, path, self.shared, "component")
            elif name in self.own and not of_client:
                self.report(path, f"'{name}' is a client's part and cannot be used here")
            else:
                self.known(name, self.every if of_client else self.shared, path, "component")

    def subscription(self, name: str, path: KeyPath, known: Collection[str], what: str) -> None:
        """Check that a subscription is there, and deals what it must deal at this place."""
        if self.known(name, self.lists, path, "subscription"):
            for kind, entries in self.lists[name].items():
                where: KeyPath = ("clients", "kinds", kind, name) if kind else ("clients", "subscriptions", name)
                for entry in dict.fromkeys(entries):
                    self.known(entry, known, where, what)


def _twice(branches: tuple[tuple[str, ...], ...]) -> str:
    """What stands twice in a stage, in a sentence; two branches may cross one part."""
    if len(set(branches)) < len(branches):
        again = next(branch for branch in branches if branches.count(branch) > 1)
        return "names a component twice" if len(again) == 1 else f"names the branch [{', '.join(again)}] twice"
    again = next((branch for branch in branches if len(set(branch)) < len(branch)), ())
    return f"crosses a component twice in one branch, [{', '.join(again)}]" if again else ""
