"""Whether a site carries its clients, now and after each single failure, and with how much to spare."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from k2rel.columns import counted
from k2rel.design.changes import with_clients
from k2rel.design.planning import above, carried_normally, clients_carried
from k2rel.errors import InputError, K2relError
from k2rel.measures.cases import failover_cases
from k2rel.measures.solution import StudyLike, study_of
from k2rel.policy.used import ElementLoad
from k2rel.studies import Study
from k2rel.tables import Shown

__all__ = ["MOST", "Carrying", "carrying"]

MOST = 40
"""Clients up to which it is looked how many a site carries, where it has not more."""


@dataclass(frozen=True, repr=False)
class Carrying(Shown):
    """What the load of the clients does to what carries it."""

    clients: int
    limited: bool  # whether anything on the way has a capacity
    over: tuple[ElementLoad, ...]  # overloaded with nothing failed, worst first
    full: tuple[ElementLoad, ...]  # loaded to their limit with nothing failed
    slowed: tuple[ElementLoad, ...]  # where traffic that yields gets what is left
    yields: tuple[str, ...]  # classes of that traffic
    spared: tuple[ElementLoad, ...]  # overloaded, but every flow over it arrives whole by another path
    after: tuple[tuple[str, ElementLoad], ...]  # failures that leave the service and overload an element, worst first
    full_after: tuple[tuple[str, ElementLoad], ...]  # failures after which an element is loaded to its limit
    needs: tuple[
        ElementLoad, ...
    ]  # the most that each overloaded element is asked for, with nothing or one part failed
    failures: int  # single failures that were followed
    most_normally: float  # clients carried with nothing failed; nan where their number cannot be changed
    most: float  # and after any single failure that leaves every client its service
    looked: int  # up to which it was looked
    why: str = ""  # why it is not known how many are carried

    @property
    def state(self) -> str:
        """The worst of it in a word or two."""
        if self.over:
            return "overloaded"
        if self.after:
            return "overloaded after a failure"
        return "at its limit" if self.full or self.full_after else "carried"

    @property
    def _clients(self) -> str:
        return counted(self.clients, "client")

    @property
    def room(self) -> float:
        """Share of its demand that each client could have with nothing failed; 1 and above: all of it."""
        return min((1.0 / above(item) for item in self.over), default=1.0)

    def words(self) -> str:
        """Say it in sentences, what does not fit first.

        Examples
        --------
        >>> carrying("L2R").words()
        'It carries its 4 clients, now and after each single failure. It carries up to 8, after any single failure too.'
        """
        if not self.limited:
            return "No loaded element has a capacity, so load sets no limit."
        said = [self._first()]
        if not math.isnan(self.most):
            said.append(self._most())
        if self.slowed and not self.over:
            names = _listed(dict.fromkeys(_called(item.element) for item in self.slowed))
            words = f"{_listed(self.yields)} gets the remaining capacity of {names}."
            said.append(words[0].upper() + words[1:])
        if self.spared:
            first, others = _called(self.spared[0].element), len(self.spared) - 1
            words = f"{first} and {counted(others, 'further element')} are" if others else f"{first} is"
            said.append(
                f"{words[0].upper()}{words[1:]} overloaded, but every flow has another path that carries it whole."
            )
        return " ".join(said)

    def _first(self) -> str:
        if self.over:
            worst = self.over[0]
            more = f" and {counted(len(self.over) - 1, 'further element')}" if len(self.over) > 1 else ""
            less = math.ceil(1000 * (1 - self.room) - 1e-9) / 10
            return (
                f"This site cannot carry {self._clients}: with nothing failed {_loaded(worst)}{more} "
                f"{'are' if more else 'is'} overloaded. It could with {less:g} % less demand of each."
            )
        if self.after:
            failure, item = self.after[0]
            more = f" ({counted(len(self.after) - 1, 'more failure')} likewise)" if len(self.after) > 1 else ""
            return (
                f"It carries its {self._clients} with nothing failed, but not after the loss of "
                f"{failure}{more}: then {_loaded(item)} is overloaded."
            )
        ways = "now and after each single failure"
        if self.full:
            return f"It carries its {self._clients}, {ways}, with nothing to spare: {_loaded(self.full[0])}."
        if self.full_after:
            failure, item = self.full_after[0]
            return f"It carries its {self._clients}, {ways}; after the loss of {failure} {_loaded(item)} is full."
        return f"It carries its {self._clients}, {ways}."

    def _most(self) -> str:
        normally, always = self.most_normally, self.most
        more = " or more" if always >= self.looked else ""
        if normally == always == self.clients:
            return "It cannot carry more clients than these."
        if normally == always == 0:
            return "It cannot carry even one."
        if normally == always:
            return f"It carries up to {always:.0f}{more}, after any single failure too."
        after = f"up to {always:.0f}{more}" if always else "not even one"
        plus = " or more" if normally >= self.looked else ""
        return f"It carries up to {normally:.0f}{plus} with nothing failed, and {after} after any single failure."

    def widened(self) -> str:
        """Say what each overloaded element would have to carry, now and after any single failure.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> carrying(study("L2", clients=9)).widened()[45:]
        'failure: toe A1 125 instead of 100; fc link A 225 instead of 200 MB/s, without background traffic; ftp yields.'
        """
        alike: dict[str, dict[tuple[float, float], list[str]]] = {}
        for item in self.needs:
            loads = (item.counted_mb_s, item.capacity_mb_s)
            alike.setdefault(item.unit, {}).setdefault(loads, []).append(_called(item.element))
        said = [
            "; ".join(f"{', '.join(on)} {_amount(load)} instead of {_amount(room)}" for (load, room), on in of.items())
            + f" {unit}"
            for unit, of in alike.items()
        ]
        counts = f", without background traffic; {_listed(self.yields)} yields" if self.yields else ""
        return f"To carry {self._clients}, now and after any single failure: {'; '.join(said)}{counts}."

    def _line(self) -> str:
        return self.words()


def _called(name: str) -> str:
    return name.replace("_", " ")


def _amount(load_mb_s: float) -> str:
    return f"{load_mb_s:,.0f}" if load_mb_s >= 1000 else f"{load_mb_s:.4g}"


def _loaded(item: ElementLoad) -> str:
    asked = item.load_mb_s if item.at_limit else item.counted_mb_s
    return f"{_called(item.element)} ({_amount(asked)} of {_amount(item.capacity_mb_s)} {item.unit})"


def _listed(names: object) -> str:
    return " and ".join(_called(str(name)) for name in names)  # type: ignore[attr-defined]


def _capacities(study: Study) -> dict[str, float | None]:
    return {name: part.capacity_mb_s for name, part in study.site.components.items()}


def carrying(study: StudyLike) -> Carrying:
    """Follow the load with nothing failed and after every single failure.

    Parameters
    ----------
    study : Study, str, Path or Answer

    Returns
    -------
    Carrying
        What is overloaded, what is loaded to its limit, and how many clients are carried.

    Examples
    --------
    >>> found = carrying("L2R")
    >>> found.state, found.most
    ('carried', 8)
    """
    return _carrying(study_of(study))


@lru_cache(maxsize=64)
def _carrying(study: Study) -> Carrying:
    """As `carrying`; reports, tables and recommendations ask it of the same study."""
    site = study.site
    cases = failover_cases(study)
    normal = cases[0].outcome
    asked = [item for item in normal.loads if item.load_mb_s > 0]
    after, full_after = [], []
    needs: dict[str, ElementLoad] = {}
    for case in cases:
        if not case.outcome.services[case.outcome.principal]:
            continue
        for item in case.outcome.loads:
            if item.ends_full_service and (item.element not in needs or above(item) > above(needs[item.element])):
                needs[item.element] = item
        if case is cases[0]:
            continue
        titles = [_called(name) for name in (case.title, *case.alike)]  # each is a failure of its own
        worst = max((item for item in case.outcome.loads if item.ends_full_service), key=above, default=None)
        if worst is not None:
            after += [(title, worst) for title in titles]
        full_after += [(title, item) for title in titles for item in case.outcome.loads if item.at_limit][:1]
    looked, why = max(MOST, site.client_count), ""
    most_normally = most = math.nan
    try:
        if not asked:
            raise InputError("no loaded element has a capacity")
        if _capacities(with_clients(study, site.client_count + 1)) != _capacities(study):
            raise InputError("the capacities grow with the number of clients")
        most_normally = carried_normally(lambda count: with_clients(study, count), looked)
        most = clients_carried(lambda count: with_clients(study, count), looked)
    except K2relError as error:
        why = str(error)
    return Carrying(
        clients=site.client_count,
        limited=bool(asked),
        over=tuple(sorted((item for item in asked if item.ends_full_service), key=above, reverse=True)),
        full=tuple(item for item in asked if item.at_limit),
        slowed=tuple(item for item in asked if item.overloaded and not item.short),
        yields=site.background,
        spared=tuple(item for item in asked if item.short and not item.ends_full_service),
        after=tuple(sorted(after, key=lambda pair: above(pair[1]), reverse=True)),
        full_after=tuple(full_after),
        needs=tuple(needs[name] for name in site.components if name in needs),
        failures=len(cases) - 1 + sum(len(case.alike) for case in cases[1:]),
        most_normally=most_normally,
        most=most,
        looked=looked,
        why=why,
    )
