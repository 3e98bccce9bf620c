"""What to change first: every change alone and in pairs, by downtime removed and by cost, and the Pareto front.

Each set of changes is computed by the engine that the site needs: the dynamic one where roles move and stay, else the
static one. The front is found by branch and bound over sets of changes: where no change adds downtime, a set with all
changes that are still open bounds every set below it. That makes the front exact up to a tolerance, or, where the
number of computations is used up first, gives the gap. Failover rules allow that a better part costs downtime (a
standby that works lets a takeover happen that cuts a client off), so what each change adds at most among the computed
sets is part of the gap.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from k2rel.arguments import as_whole
from k2rel.design.candidates import candidate_changes
from k2rel.design.changes import Change, Design, changed, go_together, minutes_of
from k2rel.design.costs import Costs
from k2rel.design.targets import allowed_min_per_year, checked_target
from k2rel.errors import InputError, K2relError
from k2rel.measures.availability import service_named
from k2rel.measures.engines import engine_of
from k2rel.measures.solution import solution_of
from k2rel.organisation import Organisation
from k2rel.studies import Provenance, Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Advice", "Front", "advise"]

_FRONT_KINDS = ("contract", "stock", "test", "duplicate", "return")
_NEAR = 1e-3
_NOTHING = 1e-5
_SETS = {True: 1_000, False: 20_000}


@dataclass(frozen=True, slots=True)
class Front:
    """Sets of changes of which none is better in both cost and downtime."""

    sets: tuple[tuple[tuple[str, ...], float, float], ...]  # titles, cost, downtime [min/year]; rising in cost
    computed: int
    gap_min_per_year: float  # no set of at most a point's cost has a downtime smaller by more than this
    complete: bool  # whether the search came to its end


@dataclass(frozen=True, eq=False)
class Advice:
    """What to change first."""

    provenance: Provenance
    service: str
    now_min_per_year: float
    target_min_per_year: float  # nan: no target
    changes: tuple[Change, ...]  # by downtime left
    sets: tuple[tuple[tuple[int, ...], float, float], ...]  # places in `changes`, downtime [min/year], cost (nan: none)
    front: Front | None = None
    currency: str = ""
    left_out: tuple[str, ...] = field(default=())  # candidates that cannot be computed

    def table(self, most: int | None = None, *, singles: bool | None = None, by: str = "downtime") -> pd.DataFrame:
        """Give single and paired changes as a table, by the downtime left, or by the cost of a minute a year removed.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> advise(study("L1"), pairs=False).table(1)["removed_share"].round(2).to_dict()
        {'Level 2R, two servers, two switches instead': 0.89}
        """
        import pandas as pd

        rows = []
        for numbers, minutes, cost in self.sets:
            if singles is not None and (len(numbers) == 1) != singles:
                continue
            removed = self.now_min_per_year - minutes
            if abs(removed) < _NOTHING * self.now_min_per_year:  # below what the dynamic engine resolves
                removed, minutes = 0.0, self.now_min_per_year
            title = " + ".join(self.changes[i].title for i in numbers)
            per = cost / removed if removed > 0 else math.nan
            share = removed / self.now_min_per_year if self.now_min_per_year else 0.0
            meets = minutes <= self.target_min_per_year
            rows.append((title, len(numbers), minutes, removed, share, cost, per, meets))
        columns = ["change", "changes", "downtime_min_per_year", "removed_min_per_year", "removed_share", "cost",
                   "cost_per_minute", "meets_target"]  # fmt: skip
        frame = pd.DataFrame(rows, columns=columns).set_index("change")
        if math.isnan(self.target_min_per_year):
            frame = frame.drop(columns="meets_target")
        if frame["cost"].isna().all():
            frame = frame.drop(columns=["cost", "cost_per_minute"])
        if by == "cost" and "cost_per_minute" in frame:
            frame = frame[frame["cost_per_minute"].notna()].sort_values("cost_per_minute", kind="stable")
        elif by == "downtime":
            frame = frame.sort_values("downtime_min_per_year", kind="stable")
        else:
            raise InputError(f"by: 'downtime', or 'cost' where costs are given; got '{by[:40]}'")
        return frame.head(len(frame) if most is None else most)

    def front_table(self) -> pd.DataFrame:
        """Give the Pareto front as a table.

        Examples
        --------
        >>> from k2rel.design.costs import Costs
        >>> from k2rel.studies import study
        >>> costs = Costs({("duplicate", "media_server"): 9000.0, ("contract", "onsite"): 5000.0})
        >>> advise(study("L1"), costs=costs, pairs=False).front_table()["cost"].tolist()
        [0.0, 5000.0, 14000.0]
        """
        import pandas as pd

        if self.front is None:
            raise InputError("no Pareto front: give the cost of changes (--costs)")
        rows = [
            (" + ".join(titles) or "as it is", cost, minutes, self.now_min_per_year - minutes,
             minutes <= self.target_min_per_year)
            for titles, cost, minutes in self.front.sets
        ]  # fmt: skip
        columns = ["change", "cost", "downtime_min_per_year", "removed_min_per_year", "meets_target"]
        frame = pd.DataFrame(rows, columns=columns).set_index("change")
        return frame.drop(columns="meets_target") if math.isnan(self.target_min_per_year) else frame

    def words(self) -> str:
        """Say the advice in a few sentences.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> advise(study("L1"), pairs=False).words()[:19]
        'Media is lost for 8'
        """
        what = self.service.replace("_", " ")
        lines = [f"{what[:1].upper()}{what[1:]} is lost for {self.now_min_per_year:.3g} min a year."]
        for singles, how in ((True, "Alone"), (False, "In pairs")):
            best = self.table(1, singles=singles)
            if len(best) and best["removed_min_per_year"].iloc[0] > 0:
                row = best.iloc[0]
                lines.append(
                    f"{how}, most is removed by: {best.index[0]} ({row['downtime_min_per_year']:.3g} min left)."
                )
        if not math.isnan(self.target_min_per_year):
            lines.append(self._about_target())
        return " ".join(lines)

    def _about_target(self) -> str:
        """What meets the target: the cheapest set where costs are known, else the smallest."""
        allowed = f"{self.target_min_per_year:.3g} min"
        if self.now_min_per_year <= self.target_min_per_year:
            return f"The target ({allowed}) is met as it is."
        priced = [
            (cost, minutes, " + ".join(self.changes[i].title for i in numbers))
            for numbers, minutes, cost in self.sets
            if not math.isnan(cost)
        ]
        if self.front is not None:
            priced += [(cost, minutes, " + ".join(titles)) for titles, cost, minutes in self.front.sets]
        for cost, minutes, title in sorted(priced):
            if minutes <= self.target_min_per_year:
                price = f"{cost:,.6g} {self.currency}".rstrip()
                return f"The cheapest that meets the target ({allowed}): {title} ({minutes:.3g} min left, for {price})."
        found = sorted((len(n), minutes, n) for n, minutes, _ in self.sets if minutes <= self.target_min_per_year)
        if not found:
            return f"No single change and no pair meets the target ({allowed})."
        title = " + ".join(self.changes[i].title for i in found[0][2])
        return f"The least that meets the target ({allowed}): {title} ({found[0][1]:.3g} min left)."

    def to_json(self) -> dict[str, Any]:
        """Give the advice as JSON knows it.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> advise(study("L1"), pairs=False).to_json()["service"]
        'media'
        """
        front = None
        if self.front is not None:
            front = {
                "sets": [{"changes": list(t), "cost": c, "downtime_min_per_year": m} for t, c, m in self.front.sets],
                "computed": self.front.computed,
                "gap_min_per_year": self.front.gap_min_per_year,
                "complete": self.front.complete,
            }
        return self.provenance.heading() | {
            "service": self.service,
            "now_min_per_year": self.now_min_per_year,
            "target_min_per_year": None if math.isnan(self.target_min_per_year) else self.target_min_per_year,
            "changes": [{"title": c.title, "kind": c.kind, "what": c.what, "units": c.units} for c in self.changes],
            "sets": [
                {"changes": [self.changes[i].title for i in numbers], "downtime_min_per_year": minutes,
                 "cost": None if math.isnan(cost) else cost}
                for numbers, minutes, cost in self.sets
            ],
            "front": front,
            "left_out": list(self.left_out),
        }  # fmt: skip


class _Evaluator:
    """Downtime of sets of changes, each computed once."""

    def __init__(self, design: Design, service: str) -> None:
        self.design, self.service = design, service
        self._known: dict[frozenset[Change], float] = {}

    @property
    def computed(self) -> int:
        """How many sets were computed."""
        return len(self._known)

    def minutes(self, changes: Iterable[Change] = ()) -> float:
        """Downtime with some changes; not a number where they cannot be made."""
        some = frozenset(changes)
        if some not in self._known:
            try:
                in_order = sorted(some, key=lambda change: (change.kind, change.what))
                self._known[some] = minutes_of(changed(self.design, in_order), self.service)
            except K2relError:
                self._known[some] = math.nan
        return self._known[some]

    def rises(self) -> float:
        """How much downtime each change adds at most among all computed sets, summed over the changes [min/year]."""
        worst: dict[Change, float] = {}
        for some, minutes in self._known.items():
            if all(change.kind in _FRONT_KINDS for change in some):
                for change in some:
                    rise = minutes - self._known.get(some - {change}, math.nan)
                    if rise > worst.get(change, 0.0):
                        worst[change] = rise
        return sum(worst.values())


def advise(
    study: Study,
    service: str | None = None,
    *,
    target_percent: float | str | None = None,
    costs: Costs | None = None,
    organisation: Organisation | None = None,
    pairs: bool = True,
    sets: int | None = None,
) -> Advice:
    """Compute what changes of a design would bring, alone and in pairs.

    Parameters
    ----------
    study : Study
    service : str, optional
        The service; by default the principal traffic.
    target_percent : float, optional
        Availability that is asked for [%].
    costs : Costs, optional
        What changes cost; with it there is a Pareto front.
    organisation : Organisation, optional
        Who repairs and how roles behave; by default roles that stick where that can be computed.
    pairs : bool
        Whether pairs are computed.
    sets : int, optional
        How many further sets of changes may be computed for the front; by default 1,000 with roles that stick, and
        20,000 without.

    Returns
    -------
    Advice
        Singles, pairs and the front. Candidates are those of `candidate_changes`; other levels and other numbers of
        clients are looked at alone and in pairs, the front combines the rest.

    Raises
    ------
    InputError
        If there is no such service, or the target is no percentage.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> advise(study("L2R"), pairs=False).changes[0].title
    'a second raid chassis beside the first'
    """
    name = service_named(study, service).name
    percent = None if target_percent is None else checked_target(target_percent)
    if sets is not None:
        sets = as_whole("sets", sets, 1)
    design = Design(study, organisation) if organisation else _right_design(study)
    candidates = candidate_changes(study, name)
    if costs is not None:
        costs.check(study.site, candidates)
    evaluator = _Evaluator(design, name)
    now = evaluator.minutes()
    alone = {change: evaluator.minutes([change]) for change in candidates}
    left_out = tuple(change.title for change, minutes in alone.items() if math.isnan(minutes))
    ranked = tuple(sorted((c for c in candidates if not math.isnan(alone[c])), key=lambda c: alone[c]))
    price = {change: costs.of(change, study.site) if costs is not None else math.nan for change in ranked}
    found: list[tuple[tuple[int, ...], float, float]] = [((k,), alone[c], price[c]) for k, c in enumerate(ranked)]
    if pairs:
        for (i, first), (k, second) in itertools.combinations(enumerate(ranked), 2):
            minutes = evaluator.minutes([first, second]) if go_together([first, second]) else math.nan
            if not math.isnan(minutes):
                found.append(((i, k), minutes, price[first] + price[second]))
    front = _front(evaluator, price, sets or _SETS[design.organisation is not None]) if costs is not None else None
    allowed = math.nan if percent is None else allowed_min_per_year(percent)
    provenance = engine_of(study, design.organisation).provenance
    return Advice(
        provenance, name, now, allowed, ranked, tuple(sorted(found, key=lambda entry: entry[1])), front,
        costs.currency if costs is not None else "", left_out,
    )  # fmt: skip


def _right_design(study: Study) -> Design:
    """The design by the engine that the study needs; other levels are taken alike."""
    solution = solution_of(study)
    if solution.method == "simulation":
        raise solution.cannot("advice, which compares hundreds of designs", "exact")
    return Design(study, solution.organisation)


def _front(evaluator: _Evaluator, price: Mapping[Change, float], most: int) -> Front:
    """Search the sets of changes for the Pareto front of cost and downtime."""
    now = evaluator.minutes()
    near = _NEAR * now
    usable = sorted(
        (change for change in price if change.kind in _FRONT_KINDS and not math.isnan(price[change])),
        key=lambda change: (evaluator.minutes([change]) - now) / max(price[change], 1e-9),
    )
    known: dict[frozenset[Change], tuple[float, float]] = {frozenset(): (0.0, now)}
    before = evaluator.computed

    def least(cost: float) -> float:
        """Least downtime known for at most a cost."""
        return min(minutes for paid, minutes in known.values() if paid <= cost + 1e-9)

    def bound(chosen: frozenset[Change], place: int) -> float:
        """Downtime that no set with these and some of the open changes goes below."""
        relaxed: list[Change] = list(chosen)
        excluded: list[Change] = []
        for change in usable[place:]:
            (relaxed if go_together([*relaxed, change]) else excluded).append(change)
        if excluded:  # of changes that exclude each other take the strongest contract, which covers the spares
            strongest = [c for c in (*relaxed, *excluded) if c.kind == "contract" and c.what == "onsite"]
            if strongest:
                relaxed = [c for c in relaxed if c.kind not in ("stock", "contract")] + strongest
        return evaluator.minutes(relaxed)

    cheapest_after = [min((price[c] for c in usable[place:]), default=0.0) for place in range(len(usable) + 1)]
    queue: list[tuple[float, int, int, frozenset[Change], float, float]] = []
    ticket = itertools.count()

    def push(chosen: frozenset[Change], place: int, cost: float) -> None:
        if place < len(usable):
            low = bound(chosen, place)
            room = least(cost + cheapest_after[place]) - low
            if room > near:
                heapq.heappush(queue, (-room, next(ticket), place, chosen, cost, low))

    push(frozenset(), 0, 0.0)
    while queue and evaluator.computed - before <= most:
        _, _, place, chosen, cost, low = heapq.heappop(queue)
        if least(cost + cheapest_after[place]) - low <= near:
            continue
        item = usable[place]
        more = chosen | {item}
        if go_together(list(more)):
            minutes = evaluator.minutes(more)
            if not math.isnan(minutes):
                known[more] = (cost + price[item], minutes)
                push(more, place + 1, cost + price[item])
        push(chosen, place + 1, cost)
    rooms = [least(cost + cheapest_after[place]) - low for _, _, place, _, cost, low in queue]
    gap = max([near, *rooms]) + evaluator.rises()
    rank = {change: k for k, change in enumerate(price)}
    points: list[tuple[tuple[str, ...], float, float]] = []
    best = math.inf
    for chosen, (cost, minutes) in sorted(known.items(), key=lambda entry: entry[1]):
        if minutes < best - (near if points else 0.0):
            best = minutes
            points.append((tuple(c.title for c in sorted(chosen, key=rank.__getitem__)), cost, minutes))
    return Front(tuple(points), evaluator.computed - before, gap, not queue)
