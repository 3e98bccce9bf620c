"""The failover cases of a site, one after another, found from the site itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from k2rel.arguments import as_names
from k2rel.policy.client_routes import AlikeClients
from k2rel.policy.failover import FailoverOutcome, at_words, failovers
from k2rel.policy.failover import failover as follow
from k2rel.policy.rules import Policy
from k2rel.policy.used import UsedRoute
from k2rel.policy.words import change_words, clients_words, sides_words, ways_words
from k2rel.site.alike_groups import parts_of_one_each, wirings
from k2rel.site.model import Component, Site
from k2rel.site.names import part_of_client
from k2rel.studies import StudyLike, study_of
from k2rel.tables import Shown
from k2rel.units import MB_S

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Case", "case_table", "failover", "failover_cases", "load_after_failures", "merged_cases"]


_FEW_GROUPS = 8
_MANY_CASES = 40


@dataclass(frozen=True, repr=False)
class Case(Shown):
    """One failover case."""

    title: str
    failed: tuple[str, ...]
    outcome: FailoverOutcome
    alike: tuple[str, ...] = ()  # other single failures with the same outcome
    normal: FailoverOutcome | None = None  # with nothing failed, where something has

    def effect(self) -> str:
        """Say in words what follows.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> failover_cases(study("L2R"))[0].effect()
        'media of all clients by A'
        """
        said = self._effect(self.outcome)
        if self.normal is None or said != self._effect(self.normal):
            return said
        before = self.normal.carried_by_unit
        more = [
            part
            for part, loads in self.outcome.carried_by_unit.items()
            if any(load > before.get(part, {}).get(unit, 0.0) + 1e-6 for unit, load in loads.items())
        ]
        return f"{said}; more load on {', '.join(_short(more))}" if more else f"{said}; less load"

    def _effect(self, outcome: FailoverOutcome) -> str:
        by_side: dict[str, list[AlikeClients]] = {}
        name = outcome.principal
        for each in outcome.alike:
            by_side.setdefault(sides_words(each.states[0].routes.get(name, ())), []).append(each)
        normal = self.normal is not None and self._told_apart(outcome)
        parts = []
        for sides, alike in sorted(by_side.items(), key=lambda item: (not item[0], item[0])):
            new = [each for each in alike if sides_words(self._before(each, name)) != sides] if normal else alike
            if new:
                who = clients_words(new, outcome.alike, outcome.names)
                parts.append(f"{name} of {who} " + (f"by {sides}" if sides else "lost"))
        parts += self._changes(outcome)
        parts += [f"{role} {at_words(holder)}" for role, holder in outcome.holders.items()]
        lost = [service for service, there in outcome.services.items() if not there and service != name]
        if lost:
            parts.append("down: " + ", ".join(service.replace("_", " ") for service in lost))
        for words, servers in outcome.out_of_service_words().items():
            parts.append(f"{words}: " + ", ".join(servers))
        if outcome.suspended:
            parts.append("suspended: " + ", ".join(outcome.suspended))
        for state_of_load in ("overloaded", "background slowed"):
            elements = [load.element for load in outcome.loads if load.state == state_of_load]
            parts += [f"{state_of_load}: " + ", ".join(elements)] if elements else []
        return "; ".join(parts) or f"{name} of all clients as before"

    def _changes(self, outcome: FailoverOutcome) -> list[str]:
        """What else became of flows and roles: fewer or other paths, flows of the site, roles that moved."""
        if self.normal is None:
            return []
        by_words: dict[tuple[str, str], list[AlikeClients]] = {}
        for now in outcome.alike:
            for name, used in now.states[0].routes.items():
                words = change_words(self._before(now, name), used, sides_said=name == outcome.principal)
                if words:
                    by_words.setdefault((name, words), []).append(now)
        found = []
        for (name, words), alike in by_words.items():
            all_of_them = sum(len(each.numbers) for each in alike) == len(outcome.clients)
            who = "" if all_of_them else " of " + clients_words(alike, outcome.alike, outcome.names)
            found.append(f"{name}{who}: {words}")
        for name, used in outcome.site_routes.items():
            words = change_words(self.normal.site_routes[name], used)
            found += [f"{name}: {words}"] if words else []
        moved = (role for role, side in outcome.roles.items() if side not in (None, self.normal.roles[role]))
        return found + [f"{r} {at_words(outcome.roles[r] or '')}" for r in moved if r not in outcome.holders]

    def of_one(self) -> object:
        """What follows from the loss of one client's own parts, whichever client it is: its flows, services, loads."""
        own = part_of_client(self.failed[0])
        if own is None or self.normal is None:
            return self.failed
        number, outcome = own[0], self.outcome
        before = self.normal.clients[number - 1].routes
        flows = tuple(
            (name, sides_words(used), used != before[name], change_words(before[name], used))
            for name, used in outcome.clients[number - 1].routes.items()
        )
        loads = ((load.element, round(load.load_mb_s, 6)) for load in outcome.loads if load.state != "carried")
        there = (*outcome.services.items(), *outcome.roles.items(), *outcome.holders.items())
        return flows, there, outcome.out_of_service, outcome.suspended, frozenset(loads), self.why()

    def _told_apart(self, outcome: FailoverOutcome) -> bool:
        """Whether clients are of so many groups that what stays as it was is not said of each."""
        return len({each.group for each in outcome.alike}) > _FEW_GROUPS

    def _before(self, alike: AlikeClients, name: str) -> tuple[UsedRoute, ...]:
        """The routes of the first of some clients with nothing failed."""
        assert self.normal is not None
        return self.normal.clients[alike.numbers[0] - 1].routes[name]

    def why(self) -> tuple[str, ...]:
        """Why a role is performed by nobody or had by two, or a part suspended; empty where nothing of that is so.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> [case.why() for case in failover_cases(study("L2R")) if case.title == "raid chassis"]
        [('server_A lacks what file_system needs: raid_chassis',)]
        """
        there = self.outcome.services
        asked = self.outcome.suspended or not all(there.get(role, True) for role in self.outcome.roles)
        return self.outcome.reasons if asked else ()

    def further_paths(self) -> dict[str, str]:
        """Say which path each further traffic class of client 1 takes, behind the client's own parts.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> failover_cases(study("L2R"))[0].further_paths()
        {'control': 'switch_A → control_link_A → server_A'}
        """
        first = self.outcome.clients[0]
        return {
            name: ways_words(used, first.client)
            for name, used in first.routes.items()
            if name != self.outcome.principal
        }

    def _line(self) -> str:
        return f"{self.title}: {self.effect()}"


def _short(clients: list[str]) -> list[str]:
    return clients if len(clients) <= 4 else [*clients[:3], f"{len(clients) - 3} more"]


def failover(study: StudyLike, failed: Sequence[str] | str = (), primary: str | None = None) -> FailoverOutcome:
    """Follow the failover rules for one set of failed parts.

    Parameters
    ----------
    study : Study
    failed : sequence of str or str
        Identifiers of physical parts; they are taken to have failed together.
    primary : str, optional
        The side that had the roles before; by default the study's preferred side.

    Returns
    -------
    FailoverOutcome
        Roles, paths, services and loads after the takeover.

    Raises
    ------
    InputError
        If the site has no such part or side.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> failover(study("L2R"), ["switch_A"]).roles
    {'file_system': 'B'}
    """
    study = study_of(study)
    policy = study.policy if primary is None or primary == study.policy.primary else Policy(study.site, primary)
    return follow(policy, failed)


def failover_cases(study: StudyLike) -> list[Case]:
    """Find the failover cases of a site: normal state, and every single failure that changes something.

    Parameters
    ----------
    study : Study

    Returns
    -------
    list of Case
        Normal state first; failures with the same outcome are one case, named by the first of them in the
        order of the flow: clients' parts, then the network, servers and storage. A group of clients is there with the
        parts of its first (of more than 200 groups one of each wiring); groups wired alike are one case where the same
        is left to the client.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> [case.title for case in failover_cases(study("L2R"))][:3]
    ['nothing has failed', "client 1's media A", "client 1's control A"]
    """
    study = study_of(study)
    site = study.site
    normal = follow(study.policy)
    own = {part: group for part, group in parts_of_one_each(site).items() if not _own_part(site, part).external}
    wired = wirings(site) if site.group_count > 1 else [None]
    usual = _essence(normal)
    same: dict[object, list[str]] = {}
    outcomes: dict[str, FailoverOutcome] = {}
    parts = (*own, *site.components)
    for part, outcome in zip(parts, failovers(study.policy, [[part] for part in parts]), strict=True):
        key = _essence(outcome)
        if key != usual:
            if key not in same:
                outcomes[part] = outcome
            same.setdefault(key, []).append(part)
    cases: dict[object, Case] = {}
    for first, *others in same.values():
        case = Case(normal.names.part(first), (first,), outcomes[first], tuple(others), normal)
        key = _of_any_client(case, own, wired)
        found = cases.get(key)
        cases[key] = case if found is None else replace(found, alike=(*found.alike, *case.failed, *case.alike))
    return [Case("nothing has failed", (), normal), *cases.values()]


def _own_part(site: Site, part: str) -> Component:
    """What the file says of a client's own part."""
    return site.client_parts[site.own_parts[part][0]]


def _of_any_client(case: Case, own: Mapping[str, int], wired: Sequence[object]) -> object:
    """The case, with "a client" for whose parts fail: groups wired alike make one of it where the same follows."""
    failed = (*case.failed, *case.alike)
    if not all(part in own for part in failed) or len({own[part] for part in failed}) > 1:
        return case.failed
    taken = [part_of_client(part) for part in failed]
    return wired[own[case.failed[0]]], tuple(each[1] for each in taken if each), case.of_one()


def merged_cases(cases: Sequence[Case]) -> list[Case]:
    """Put cases that are said in the same words together, where there are many.

    Parameters
    ----------
    cases : sequence of Case
        What `failover_cases` gives.

    Returns
    -------
    list of Case
        The first of each with the failures of the others among the alike ones; up to 40 cases as they are. Of clients'
        own parts those are together after whose loss the same is left to their client.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> cases = failover_cases(study("L2R"))
    >>> merged_cases(cases) == cases
    True
    """
    if len(cases) <= _MANY_CASES:
        return list(cases)
    said: dict[object, list[Case]] = {}
    for case in cases:
        words: object = (case.effect(), tuple(case.further_paths().items()), case.why())
        if not case.failed:
            words = None
        elif all(part_of_client(part) for part in (*case.failed, *case.alike)):
            words = case.of_one()
        said.setdefault(words, []).append(case)
    others = [[part for case in rest for part in (*case.failed, *case.alike)] for _, *rest in said.values()]
    return [
        replace(first, alike=(*first.alike, *more)) for (first, *_), more in zip(said.values(), others, strict=True)
    ]


def _essence(outcome: FailoverOutcome) -> object:
    """What makes two outcomes the same case: roles, what is out of service, routes with their load, services."""
    own = {part for each in outcome.alike for part in each.own}
    clients: dict[object, list[int]] = {}
    for each in outcome.alike:
        clients.setdefault((each.group, each.essence), []).extend(each.numbers)
    return (
        outcome.primary,
        tuple(outcome.roles.items()),
        outcome.out_of_service,
        outcome.suspended,
        frozenset((of, *sorted(numbers)) for of, numbers in clients.items()),
        tuple(outcome.holders.items()),
        tuple(outcome.services.items()),
        frozenset(
            (part, unit, round(load, 6))
            for part, loads in outcome.carried_by_unit.items()
            if part not in own
            for unit, load in loads.items()
            if load > 0
        ),
    )


def case_table(study: StudyLike) -> pd.DataFrame:
    """Give the failover cases of a site as a table.

    Parameters
    ----------
    study : Study

    Returns
    -------
    pandas.DataFrame
        ``failed`` (as `failover` takes it), ``effect`` in words, for each further traffic class of the clients its path
        for client 1 (such as ``control of client 1``), ``same for`` (other failures with the same outcome).

    Examples
    --------
    >>> from k2rel.studies import study
    >>> case_table(study("L1"))["failed"].iloc[0]
    'nothing has failed'
    """
    return cases_told(failover_cases(study))


def cases_told(cases: Sequence[Case], *, people: bool = False) -> pd.DataFrame:
    """Give failover cases as a table, as `case_table` does; for people with clients' names, and the first of many."""
    import pandas as pd

    def named(case: Case, parts: Sequence[str]) -> list[str]:
        return [case.outcome.names.identifier(part) if people else part for part in parts]

    def some(parts: list[str]) -> list[str]:
        return _short(parts) if people and len(parts) > _FEW_GROUPS else parts

    rows = [
        {
            "failed": ", ".join(named(case, case.failed)) or case.title,
            "effect": case.effect(),
            **{f"{name.replace('_', ' ')} of client 1": path for name, path in case.further_paths().items()},
            "same for": ", ".join(some(named(case, case.alike))) or "–",
        }
        for case in cases
    ]
    return pd.DataFrame(rows)


def load_after_failures(study: StudyLike, parts: Sequence[str] | str | None = None) -> pd.DataFrame:
    """Give the load of every element in normal state and after each single failure.

    Parameters
    ----------
    study : Study
    parts : sequence of str or str, optional
        The parts to fail, one at a time; by default every shared part, and each part of one client of every group.

    Returns
    -------
    pandas.DataFrame
        A row for each failure (first ``"nothing"``) and a column for each element with a capacity, in its unit, which
        stands in ``attrs["units"]`` where it is not MB/s.

    Raises
    ------
    InputError
        If the site has no such part.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> load_after_failures(study("L2R"), ["switch_A"])["toe_B1"].tolist()
    [0.0, 50.0]
    """
    import pandas as pd

    study = study_of(study)
    site = study.site
    if parts is None:
        parts = [*site.components, *parts_of_one_each(site)]
    names = as_names("parts", parts)
    outcomes = failovers(study.policy, [[], *([part] for part in names)])
    rows = {
        name: {item.element: item.load_mb_s for item in outcome.loads}
        for name, outcome in zip(("nothing", *names), outcomes, strict=True)
    }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("failed")
    frame.attrs["unit"] = MB_S
    units = {name: part.unit for name, part in site.components.items() if name in frame and part.unit != MB_S}
    if units:
        frame.attrs["units"] = units
    return frame
