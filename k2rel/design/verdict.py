"""How a site stands, in one paragraph: what is lost and who says so, why, of what cause, and what the load does."""

from __future__ import annotations

from k2rel.columns import counted, probability_text
from k2rel.design.carrying import Carrying, carrying
from k2rel.errors import InputError
from k2rel.measures.availability import AvailabilityResult, availability, takeovers
from k2rel.measures.dynamic import performability
from k2rel.measures.importance import causes, single_points_of_failure
from k2rel.measures.load import load
from k2rel.measures.load_result import LoadResult
from k2rel.measures.role_downtime import downtime_causes
from k2rel.measures.solution import IDEAL, Solution, StudyLike, solution_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.site.model import Site
from k2rel.site.service_names import FULL_SERVICE
from k2rel.studies import Study
from k2rel.units import HOURS_PER_YEAR, format_duration

__all__ = ["takeover_words", "verdict"]

_LITTLE = 0.01  # share of a downtime that is not worth a word
_OF_TAKEOVERS = {
    "failed takeover": "after failed takeovers",
    "takeover in progress": "during takeovers",
    "server out of service": "while a server is out of service",
    "split brain, or its restoration": "by split brains",
    "failback or drill": "by planned moves",
    "failure not yet detected": "until failures are detected",
}


def verdict(
    study: StudyLike,
    result: AvailabilityResult | None = None,
    loads: LoadResult | None = None,
    organisation: Organisation | None = None,
    *,
    method: str = "auto",
) -> str:
    """Say in one paragraph how the site stands.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    result : AvailabilityResult, optional
        Its availability, where already computed.
    loads : LoadResult, optional
        Its load, where already computed.

    Returns
    -------
    str
        Availability of the principal traffic and who says so, what takeovers have to do with it, its main cause,
        overload, and how often roles move.

    Raises
    ------
    InputError
        If what is computed already was so under another reading.

    Examples
    --------
    >>> verdict("L2R").split("; ")[1].split(". ")[0]
    'with ideal takeovers, instant and certain, it would be 4.05 min'
    """
    solution = solution_of(study, method, organisation)
    for given in (result, loads):
        if given is not None and given.provenance.takeovers not in ("", solution.takeovers):
            raise InputError(
                f"verdict: figures with {given.provenance.takeovers} takeovers were given, but it is about takeovers "
                f"{solution.takeovers}; leave them out or name the method"
            )
    site = solution.study.site
    found = result or availability(solution)
    main = found[principal_traffic(site)]
    limits = f" ({' to '.join(probability_text(limit) for limit in main.limits)})" if main.limits else ""
    clients = counted(site.client_count, "client")
    lead = (
        f"{site.name} with {clients} and the {solution.study.laws.contract} repair contract: "
        f"{main.service.replace('_', ' ')} is down for some client "
        f"{format_duration(main.unavailability * HOURS_PER_YEAR)} a year "
        f"(unavailability {probability_text(main.unavailability)}{limits}, takeovers {solution.takeovers}, by the "
        f"{solution.method} engine), in {main.failures_per_year:.2g} failures per year"
        + (f" of {format_duration(main.mean_downtime_h)} each." if main.failures_per_year > 0 else ".")
    )
    carried = carrying(solution)
    load_words = _load_words(solution.study, carried, loads or load(solution))
    said = [
        lead,
        _full_words(site, found),
        takeover_words(solution),
        _cause_words(solution),
        load_words,
        _move_words(solution),
    ]
    if carried.over:  # before everything else
        said = [load_words, *(words for words in said if words != load_words)]
    return " ".join(words for words in said if words)


def _full_words(site: Site, found: AvailabilityResult) -> str:
    """What full service adds, where it asks for more than one class, or for what is shared or copied."""
    asked = [site.traffic[name] for name in site.full_service_of]
    there = next((item for item in found.services if item.service == FULL_SERVICE), None)
    if there is None or (len(asked) == 1 and asked[0].share == "first"):
        return ""
    asks = there.title.partition(": ")[2]
    return f"Full service ({asks}) is down for {_spent(there.downtime_min_per_year)} a year."


def takeover_words(solution: Solution) -> str:
    """Why the figure is not the ideal one, what makes most of the difference first; empty where there is no other."""
    second = solution.ideal
    site = solution.study.site
    if second is None or solution.method == "exact" or not site.movable:
        return ""
    principal = principal_traffic(solution.study.site)
    ideal = _spent(availability(second)[principal].downtime_min_per_year)
    parts = []
    if solution.method == "markov":
        frame = downtime_causes(solution, service=principal)
        lost = frame.loc[frame["share_of_downtime"] > _LITTLE, "downtime_min_per_year"].rename(_OF_TAKEOVERS)
        lost = lost[lost.index.isin(_OF_TAKEOVERS.values())].sort_values(ascending=False, kind="stable")
        parts = [f"{_spent(value)} {name}" for k, (name, value) in enumerate(lost.items())]
    persons = any(role.operator_moves == "any loss" for role in site.roles.values())
    certain = "instant and certain" + (" but with no operator who moves a role that waits" if persons else "")
    if not parts:
        return f"With ideal takeovers, {certain}, it would be {ideal}."
    told = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
    return f"Of these, {told}; with ideal takeovers, {certain}, it would be {ideal}."


def _spent(minutes: float) -> str:
    return format_duration(minutes / 60)


def _cause_words(solution: Solution) -> str:
    """The largest cause, and what takes the service away alone."""
    site = solution.study.site
    principal = principal_traffic(site)

    def called(name: str) -> str:
        part = site.components.get(name) or site.raid_sets.get(name)
        return f"the {part.title}" if part is not None else name.replace("_", " ")

    singles = single_points_of_failure(solution.study, principal)
    top = ""
    lead = ""
    if solution.method != "simulation":
        budget = causes(solution, principal)
        top, share = str(budget.index[0]), 100 * float(budget["share_of_downtime"].iloc[0])
        lead = f"The largest cause is {called(top)} with {share:.0f} % of that downtime; "
    said = lead + (
        f"{len(singles)} kinds of single failure take it down."
        if len(singles) > 1
        else "no single failure takes it down."
        if not singles
        else "it is the only single point of failure."
        if singles[0].parts[0] == top
        else f"the only single point of failure is {called(singles[0].parts[0])}."
    )
    return f"{said[0].upper()}{said[1:]}"


def _move_words(solution: Solution) -> str:
    """How often roles move; to first order what that costs where the figures leave it out."""
    moves = takeovers(solution.study)
    if not len(moves):
        return ""
    worst = moves.iloc[int(moves["interruption_min_per_year"].to_numpy().argmax())]
    ideal = solution.takeovers == IDEAL
    number = worst["takeovers_per_year"] if ideal else performability(solution)["takeovers_per_year"]
    back = worst["failbacks_per_year"]
    # takeovers as modelled are counted with the returns
    told = f" and fails back {back:.2g} times" if ideal else ", failbacks included"
    return f"A role moves {number:.2g} times a year{told if back else ''}" + (
        f"; at an assumed {worst['switchover_s']:.0f} s each that interrupts for about "
        f"{format_duration(float(worst['interruption_min_per_year']) / 60)} a year more, "
        "not included in the figures above."
        if ideal
        else "."
    )


def _load_words(study: Study, carried: Carrying, loads: LoadResult) -> str:
    """Whether what remains carries the load."""
    if carried.over:
        return carried.words()
    if loads.p_any_overload > 0:
        copies = any(study.site.traffic[name].share == "all" for name in study.site.full_service_of)
        return (
            f"An element is overloaded with probability {probability_text(loads.p_any_overload)}"
            + ("; where another copy is delivered whole, this has no effect" if copies else "")
            + "."
        )
    slowed = [item.element for item in carried.slowed]
    if slowed:
        yields = " and ".join(study.site.background)
        return f"Full service is never short of capacity; {yields} gets the remaining capacity of {', '.join(slowed)}."
    return "Nothing that can fail overloads any element that has a capacity."
