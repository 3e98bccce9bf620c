"""What to change first: every change alone and in pairs, by downtime removed and by cost, and the Pareto front.

Each set of changes is a study of its own, answered as the design itself is: by the engine that it needs, in one reading
of the takeovers. What is shown is what `availability` of the changed study says; of hundreds of sets those that are not
among the best are ranked by chains that are quicker to solve, and carry their error bound.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from k2rel.arguments import as_whole
from k2rel.columns import percentage
from k2rel.design.candidates import candidate_changes
from k2rel.design.changes import Change, changed, design_of, go_together
from k2rel.design.costs import Costs
from k2rel.design.evaluation import Changes, Evaluator
from k2rel.design.front import Front, front_of
from k2rel.design.targets import MET, SAMPLES, SURE, Judgement, allowed_min_per_year, checked_sure, checked_target
from k2rel.errors import InputError
from k2rel.measures.availability import service_named
from k2rel.measures.solution import IDEAL, Solution, StudyLike, framed, role_needs
from k2rel.organisation import Organisation
from k2rel.studies import Provenance
from k2rel.tables import ShownTable
from k2rel.units import minutes_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Advice", "advise", "best_changes"]

_NOTHING = 1e-5
"""Share of the downtime below which nothing is removed: what the dynamic engine resolves."""
_JUDGED = ["verdict", "p_met"]
_FEW = 3  # singles and pairs that are judged
_SETS = {True: 1_000, False: 20_000}


@dataclass(frozen=True, eq=False, repr=False)
class Advice(ShownTable):
    """What to change first."""

    solution: Solution
    service: str
    now_min_per_year: float
    target_min_per_year: float  # nan: no target
    changes: tuple[Change, ...]  # by downtime left
    sets: tuple[tuple[tuple[int, ...], float, float], ...]  # places in `changes`, downtime [min/year], cost (nan: none)
    bounds: tuple[float, ...]  # of the error of each of `sets` [min/year]
    front: Front | None = None
    currency: str = ""
    left_out: tuple[str, ...] = field(default=())  # candidates that cannot be computed
    judged: Mapping[frozenset[str], Judgement] = field(default_factory=dict)  # of sets of titles, those that are shown

    @property
    def provenance(self) -> Provenance:
        """Who answers, under which reading."""
        return self.solution.provenance

    def table(self, most: int | None = None, *, singles: bool | None = None, by: str = "downtime") -> pd.DataFrame:
        """Give single and paired changes as a table, by the downtime left, or by the cost of a minute a year removed.

        Examples
        --------
        >>> advise("L1", pairs=False).table(1)["removed_share"].round(2).to_dict()
        {'Level 2R, two servers, two switches instead': 0.82}
        """
        import pandas as pd

        rows = []
        for (numbers, minutes, cost), bound in zip(self.sets, self.bounds, strict=True):
            if singles is not None and (len(numbers) == 1) != singles:
                continue
            removed = self.now_min_per_year - minutes
            if abs(removed) < _NOTHING * self.now_min_per_year:
                removed = 0.0
            title = " + ".join(self.changes[i].title for i in numbers)
            per = cost / removed if removed > 0 else math.nan
            share = removed / self.now_min_per_year if self.now_min_per_year else 0.0
            judged = self._verdict(self.changes[i].title for i in numbers)
            rows.append((title, len(numbers), minutes, removed, share, cost, per, *judged, bound))
        columns = ["change", "changes", "downtime_min_per_year", "removed_min_per_year", "removed_share", "cost",
                   "cost_per_minute", *_JUDGED, "bound_min_per_year"]  # fmt: skip
        frame = pd.DataFrame(rows, columns=columns).set_index("change")
        if math.isnan(self.target_min_per_year):
            frame = frame.drop(columns=_JUDGED)
        if frame["cost"].isna().all():
            frame = frame.drop(columns=["cost", "cost_per_minute"])
        if by == "cost" and "cost_per_minute" in frame:
            frame = frame[frame["cost_per_minute"].notna()].sort_values("cost_per_minute", kind="stable")
        elif by == "downtime":
            frame = frame.sort_values("downtime_min_per_year", kind="stable")
        else:
            raise InputError(f"by: 'downtime', or 'cost' where costs are given; got '{by[:40]}'")
        return framed(frame.head(len(frame) if most is None else most), self.solution)

    def front_table(self) -> pd.DataFrame:
        """Give the Pareto front as a table.

        Examples
        --------
        >>> from k2rel.design.costs import Costs
        >>> costs = Costs({("duplicate", "media_server"): 9000.0, ("contract", "onsite"): 5000.0})
        >>> advise("L1", costs=costs, pairs=False).front_table()["cost"].tolist()
        [0.0, 5000.0, 14000.0]
        """
        import pandas as pd

        if self.front is None:
            raise InputError("no Pareto front: give the cost of changes (--costs)")
        rows = [
            (" + ".join(titles) or "as it is", cost, minutes, self.now_min_per_year - minutes, *self._verdict(titles))
            for titles, cost, minutes in self.front.sets
        ]  # fmt: skip
        columns = ["change", "cost", "downtime_min_per_year", "removed_min_per_year", *_JUDGED]
        frame = pd.DataFrame(rows, columns=columns).set_index("change")
        frame = frame.drop(columns=_JUDGED) if math.isnan(self.target_min_per_year) else frame
        return framed(frame, self.solution)

    def words(self) -> str:
        """Say the advice in a few sentences.

        Examples
        --------
        >>> advise("L1", pairs=False).words()[:19]
        'Media is down for 1'
        """
        what = self.service.replace("_", " ")
        how = f"takeovers {self.provenance.takeovers}"
        lines = [f"{what[:1].upper()}{what[1:]} is down for {minutes_text(self.now_min_per_year)} min/year ({how})."]
        for singles, how in ((True, "Alone"), (False, "In pairs")):
            best = self.table(1, singles=singles)
            if len(best) and best["removed_min_per_year"].iloc[0] > 0:
                row = best.iloc[0]
                lines.append(
                    f"{how}, the most effective: {best.index[0]} ({row['downtime_min_per_year']:.3g} min/year left)."
                )
        lines += [
            f"{title[:1].upper()}{title[1:]} would add {minutes_text(more)} min/year: "
            "they interrupt for longer than they save."
            for title, more in self._added("drill").items()
            if more > 0
        ]
        if not math.isnan(self.target_min_per_year):
            lines.append(self._about_target())
        return " ".join(lines)

    def _added(self, kind: str) -> dict[str, float]:
        """What each change of a kind adds alone [min/year]."""
        alone = [(self.changes[numbers[0]], minutes) for numbers, minutes, _ in self.sets if len(numbers) == 1]
        return {change.title: minutes - self.now_min_per_year for change, minutes in alone if change.kind == kind}

    def _verdict(self, titles: Iterable[str]) -> tuple[str, float]:
        """Whether the target is met with some changes, and how probable that is; nothing where it was not judged."""
        found = self.judged.get(frozenset(titles))
        return ("", math.nan) if found is None else (found.verdict, found.probability)

    def _about_target(self) -> str:
        """What meets the target: the cheapest set where costs are known, else the smallest."""
        allowed = f"{minutes_text(self.target_min_per_year)} min"
        now = self.judged[frozenset()]
        if now.verdict == MET:
            return f"The target ({allowed}) is met as it is, with a probability of {percentage(now.probability)}."
        said = f"The target ({allowed}) is {now.verdict.upper()} as it is: probability {percentage(now.probability)}. "
        known = [
            (cost, minutes, titles)
            for titles, minutes, cost in self._all_sets()
            if self._verdict(titles)[0] == MET and titles
        ]
        priced = [entry for entry in known if not math.isnan(entry[0])]
        if priced:
            cost, minutes, titles = min(priced)
            price = f"{cost:,.6g} {self.currency}".rstrip()
            how = f"The cheapest that meets the target ({allowed}): {{}} ({{}} left, for {price}; {{}})."
        elif known:
            _, minutes, titles = min(known, key=lambda entry: (len(entry[2]), entry[1]))
            how = f"The smallest change that meets the target ({allowed}): {{}} ({{}} left; {{}})."
        else:
            others = [entry for entry in self._all_sets() if frozenset(entry[0]) in self.judged and entry[0]]
            if not others:
                return f"{said}No single change and no pair meets the target ({allowed})."
            titles, minutes, _ = max(others, key=lambda entry: (self._verdict(entry[0])[1], -entry[1]))
            how = f"No single change and no pair is sure to meet the target ({allowed}); best: {{}} ({{}} left; {{}})."
        met = f"probability {percentage(self._verdict(titles)[1])}"
        return said + how.format(" + ".join(titles), f"{minutes_text(minutes)} min", met)

    def _all_sets(self) -> list[tuple[tuple[str, ...], float, float]]:
        """Titles, downtime and cost of every set, those of the front among them."""
        found = [(tuple(self.changes[i].title for i in n), minutes, cost) for n, minutes, cost in self.sets]
        front = [] if self.front is None else [(titles, minutes, cost) for titles, cost, minutes in self.front.sets]
        return [*front, *found]

    def to_json(self) -> dict[str, Any]:
        """Give the advice as JSON knows it.

        Examples
        --------
        >>> advise("L1", pairs=False).to_json()["service"]
        'media'
        """
        front = None
        if self.front is not None:
            front = {
                "sets": [
                    {"changes": list(t), "cost": c, "downtime_min_per_year": m, **self._judged_json(t)}
                    for t, c, m in self.front.sets
                ],
                "computed": self.front.computed,
                "gap_min_per_year": self.front.gap_min_per_year,
                "complete": self.front.complete,
            }
        return self.provenance.heading() | {
            "service": self.service,
            "now_min_per_year": self.now_min_per_year,
            "target_min_per_year": None if math.isnan(self.target_min_per_year) else self.target_min_per_year,
            "now": self._judged_json(()),
            "changes": [{"title": c.title, "kind": c.kind, "what": c.what, "units": c.units} for c in self.changes],
            "sets": [
                {"changes": [self.changes[i].title for i in numbers], "downtime_min_per_year": minutes,
                 "cost": None if math.isnan(cost) else cost, "bound_min_per_year": bound,
                 **self._judged_json(self.changes[i].title for i in numbers)}
                for (numbers, minutes, cost), bound in zip(self.sets, self.bounds, strict=True)
            ],
            "front": front,
            "left_out": list(self.left_out),
        }  # fmt: skip

    def _judged_json(self, titles: Iterable[str]) -> dict[str, Any]:
        verdict, probability = self._verdict(titles)
        return {"verdict": verdict, "p_met": probability} if verdict else {}

    def _line(self) -> str:
        now = f"{self.provenance.site}: {self.service} is down {minutes_text(self.now_min_per_year)} min a year"
        left = [f"{left:.3g} with {title}" for title, left in self.table(1)["downtime_min_per_year"].items()]
        return "; ".join([now, *left])

    def _shown_table(self) -> pd.DataFrame:
        return self.table(15)


def advise(
    study: StudyLike,
    service: str | None = None,
    *,
    target_percent: float | str | None = None,
    costs: Costs | None = None,
    organisation: Organisation | None = None,
    method: str = "auto",
    pairs: bool = True,
    sets: int | None = None,
    most: int = 15,
    sure: float = SURE,
) -> Advice:
    """Compute what changes of a design would bring, alone and in pairs.

    Parameters
    ----------
    study, organisation, method
        As for `availability`; not by simulation.
    service : str, optional
        The service; by default the principal traffic.
    target_percent : float, optional
        Availability that is asked for [%].
    costs : Costs, optional
        What changes cost; with it there is a Pareto front.
    pairs : bool
        Whether pairs are computed.
    sets : int, optional
        How many further sets of changes may be computed for the front; by default 1,000 with takeovers as modelled,
        and 20,000 without.
    most : int
        How many of the best singles, pairs and by cost are looked at: their figures are those of `availability` of the
        changed study, as are the front's. Others may come from a smaller chain, with a larger error bound.
    sure : float
        Probability from which a target counts as met (`judge`). Judged are the design as it is, the best three singles
        and pairs, and the sets tried before the cheapest that meets it.

    Returns
    -------
    Advice
        Singles, pairs and the front. Candidates are those of `candidate_changes`; other levels and other numbers of
        clients are looked at alone and in pairs, the front combines the rest.

    Raises
    ------
    InputError
        If there is no such service, the target is no percentage, or the site can only be simulated.

    Examples
    --------
    >>> advise("L2R", pairs=False).changes[0].title
    'an independent second copy of software A'
    """
    percent = None if target_percent is None else checked_target(target_percent)
    allowed = math.nan if percent is None else allowed_min_per_year(percent)
    if sets is not None:
        sets = as_whole("sets", sets, 1)
    most = as_whole("most", most, 1)
    evaluator, candidates = _asked(study, service, organisation, method)
    solution = evaluator.design.solution
    if costs is not None and not isinstance(costs, Costs):
        raise InputError(f"costs: Costs are needed (read_costs reads them), got {type(costs).__name__}")
    if costs is not None:
        costs.check(solution.study.site, candidates)
    price = {change: costs.of(change, solution.study.site) if costs is not None else math.nan for change in candidates}
    alone = _computable(evaluator, [[change] for change in candidates])
    usable = [change for (change,) in alone]
    together = itertools.combinations(usable, 2) if pairs else ()
    both = _computable(evaluator, [pair for pair in together if go_together(pair)])
    evaluator.refine(alone, most)
    evaluator.refine(both, most)
    front = None

    def cost(some: Changes) -> float:
        return sum(price[change] for change in some)

    if costs is not None:
        front = front_of(evaluator, {c: price[c] for c in usable}, sets or _SETS[solution.method != "exact"])
        now = evaluator.final().minutes
        evaluator.refine(
            [*alone, *both], most, lambda some, minutes: cost(some) / (now - minutes) if minutes < now else math.inf
        )
        evaluator.refine([*alone, *both], 1, lambda some, minutes: cost(some) if minutes <= allowed else math.inf)
    judged: dict[frozenset[str], Judgement] = {}
    if percent is not None:
        titled = {change.title: change for change in candidates}
        fronts = [frozenset(titled[title] for title in titles) for titles, _, _ in front.sets] if front else []
        judged = _verdicts(evaluator, percent, checked_sure(sure), alone, both, fronts)
    left_out = [change for change in candidates if math.isnan(evaluator.best_known([change]).minutes)]
    ranked = sorted(
        (change for change in usable if change not in left_out), key=lambda c: evaluator.best_known([c]).minutes
    )
    place = {change: k for k, change in enumerate(ranked)}
    found = []
    for some in [*alone, *both]:
        figure = evaluator.best_known(some)
        if some <= place.keys() and not math.isnan(figure.minutes):
            found.append((tuple(sorted(place[change] for change in some)), figure.minutes, cost(some), figure.bound))
    found.sort(key=lambda entry: entry[1])
    named = solution.method == "exact" and not solution.chosen
    if named and any(role_needs(changed(evaluator.design, [each]).study) for each in ranked):
        # a change can bring roles whose takeovers the exact engine takes to be ideal: then all rows are so
        solution = replace(solution, takeovers=IDEAL)
    return Advice(
        solution, evaluator.service, evaluator.final().minutes, allowed, tuple(ranked),
        tuple(entry[:3] for entry in found), tuple(entry[3] for entry in found), front,
        costs.currency if costs is not None else "",
        tuple(change.title for change in left_out), judged,
    )  # fmt: skip


def _verdicts(
    evaluator: Evaluator, percent: float, sure: float, alone: list[Changes], both: list[Changes], front: list[Changes]
) -> dict[frozenset[str], Judgement]:
    """Judge the design as it is, the best sets, and by halving the front for its first set that meets the target.

    Along the front downtime falls while cost rises, so that the probability rises too.
    """
    found: dict[frozenset[str], Judgement] = {}

    def is_met(some: Changes) -> bool:
        key = frozenset(change.title for change in some)
        if key not in found:
            found[key] = evaluator.judged(some, percent, sure, SAMPLES)
        return found[key].verdict == MET

    for some in [frozenset[Change](), *evaluator.refine(alone, _FEW), *evaluator.refine(both, _FEW)]:
        is_met(some)
    low, high = 0, len(front) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_met(front[middle]) else (middle + 1, high)
    if front:
        is_met(front[low])
    return found


def _asked(
    study: StudyLike, service: str | None, organisation: Organisation | None, method: str
) -> tuple[Evaluator, list[Change]]:
    """Who computes changes, and the candidates, in one reading."""
    design = design_of(study, organisation, method)
    name = service_named(design.study, service).name
    return Evaluator(design, name), candidate_changes(design.solution, name)


def _computable(evaluator: Evaluator, some: Iterable[Iterable[Change]]) -> list[Changes]:
    """Those sets of changes that can be made and computed, in their order."""
    sets = [frozenset(changes) for changes in some]
    return [changes for changes in sets if not math.isnan(evaluator.quick(changes).minutes)]


def _distinct(evaluator: Evaluator, sets: list[Changes], most: int) -> list[Changes]:
    """The best few single changes; of those made to parts of one type, as both sides have them, the best alone."""
    described = evaluator.design.study.site.described
    best: list[Changes] = []
    for count in range(most, len(sets) + most, most):
        first: dict[tuple[str, str], Changes] = {}
        for some in evaluator.refine(sets, count):
            ((kind, what),) = ((change.kind, change.what) for change in some)
            first.setdefault((kind, described[what].type if what in described else what), some)
        best = list(first.values())
        if len(best) >= most:
            break
    return best[:most]


def best_changes(
    study: StudyLike,
    service: str | None = None,
    *,
    most: int = 3,
    target_percent: float | str | None = None,
    sure: float = SURE,
    samples: int = SAMPLES,
    organisation: Organisation | None = None,
    method: str = "auto",
) -> pd.DataFrame:
    """Say which changes remove the most downtime, each made alone: the first of `advise`, with the same figures.

    Parameters
    ----------
    study, organisation, method
        As for `availability`; not by simulation.
    service : str, optional
        The service; by default the principal traffic.
    most : int
        How many.
    target_percent : float, optional
        Availability that is asked for [%].
    sure, samples
        Probability from which it counts as met, and draws of the inputs (`judge`).

    Returns
    -------
    pandas.DataFrame
        Index ``change``, best first; ``kind``, ``downtime_min_per_year`` after it, ``removed_min_per_year`` and
        ``removed_share``, with a target ``verdict`` and ``p_met``, the probability that it is then met. Of the
        same change to parts of one type, such as those of two sides, the best.

    Raises
    ------
    InputError
        If there is no such service, `most` is below 1, or the site can only be simulated.

    Examples
    --------
    >>> best_changes("L2R")["removed_share"].round(3).head(1).to_dict()
    {'an independent second copy of software A': 0.589}
    """
    import pandas as pd

    most = as_whole("most", most, 1)
    percent = None if target_percent is None else checked_target(target_percent)
    evaluator, candidates = _asked(study, service, organisation, method)
    now = evaluator.final().minutes
    rows = []
    for some in _distinct(evaluator, _computable(evaluator, [[change] for change in candidates]), most):
        (change,), after = some, evaluator.final(some).minutes
        removed = now - after
        if removed > _NOTHING * now:
            judged: tuple[Any, ...] = ()
            if percent is not None:
                found = evaluator.judged(some, percent, sure, samples)
                judged = (found.verdict, found.probability)
            rows.append((change.title, change.kind, after, removed, removed / now, *judged))
    columns = ["change", "kind", "downtime_min_per_year", "removed_min_per_year", "removed_share"]
    columns += _JUDGED if percent is not None else []
    frame = pd.DataFrame(rows, columns=columns).set_index("change")
    drawn = {} if percent is None else {"samples": samples, "seed": 1}
    return framed(frame, evaluator.design.solution, now_min_per_year=now, **drawn)
