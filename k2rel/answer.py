"""One answer to everything that is asked about a study: the same words for every engine, and who computed it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from k2rel.design.summary import Summary, summary
from k2rel.design.target_forms import Target, WindowJudgement
from k2rel.design.targets import SAMPLES, SURE, Judgement, allowed_min_per_year, checked_target, judge, read_target
from k2rel.measures.availability import AvailabilityResult, ServiceAvailability, availability
from k2rel.measures.dynamic import interruptions, performability
from k2rel.measures.importance import assumption_importance, causes, cut_set_table, downtime_split
from k2rel.measures.load import load
from k2rel.measures.load_result import LoadResult
from k2rel.measures.maintenance import Work, maintenance
from k2rel.measures.modes import modes
from k2rel.measures.over_time import over_time
from k2rel.measures.past import PastPeriod, outage
from k2rel.measures.path_failover import path_failover_notes
from k2rel.measures.risk import risk
from k2rel.measures.role_downtime import downtime_causes, why_they_differ
from k2rel.measures.served import served
from k2rel.measures.solution import Solution, StudyLike, checked_run, solution_of
from k2rel.measures.steps import Step, takeover_steps
from k2rel.measures.uncertainty import UncertaintyResult, uncertainty
from k2rel.measures.what_matters import break_even, sensitivity, swing
from k2rel.measures.windows import Window, window
from k2rel.organisation import Organisation
from k2rel.plots.drawing import draw_site
from k2rel.policy.failover import principal_traffic
from k2rel.studies import Provenance, Study
from k2rel.tables import Shown, card, for_people
from k2rel.units import minutes_text

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from k2rel.field import SiteLog
    from k2rel.measures.maintenance_result import Maintenance
    from k2rel.measures.risk_result import Risk
    from k2rel.policy.present import Present
    from k2rel.simulation.circumstances import Circumstances
    from k2rel.simulation.plan import Plan
    from k2rel.simulation.results import Simulation

__all__ = ["Answer", "solve"]


def solve(
    study: StudyLike,
    method: str = "auto",
    organisation: Organisation | None = None,
    plan: Plan | None = None,
    circumstances: Circumstances | None = None,
) -> Answer:
    """Answer for a study, by the engine that it needs, or by one that is named.

    Parameters
    ----------
    study : Study, str, Path or Answer
        A study, a level's name or a site file.
    method : {"auto", "exact", "markov", "simulation"}
        ``auto``: the chain where roles move and a takeover takes time, can fail or leaves something to a person, and
        where crews or maintenance are given; exact where nothing of that is; the simulation where circumstances are
        given, or where there is no chain.
    organisation : Organisation, optional
        Who repairs and how roles behave.
    plan : Plan, optional
        How much is simulated, where it is.
    circumstances : Circumstances, optional
        What only the simulation follows, such as parts that age.

    Returns
    -------
    Answer
        Nothing is computed before it is asked for.

    Raises
    ------
    InputError
        If the method is none, or does not fit what is given.

    Examples
    --------
    >>> answer = solve("L2R")
    >>> answer.method, round(answer["media"].downtime_min_per_year, 2)
    ('markov', 35.67)
    """
    return Answer(solution_of(study, method, organisation, plan, circumstances))


@dataclass(frozen=True, eq=False, repr=False)
class Answer(Shown):
    """What k2rel says of a study."""

    solution: Solution

    @property
    def study(self) -> Study:
        """The study."""
        return self.solution.study

    @property
    def method(self) -> str:
        """Who answers: exact, markov or simulation."""
        return self.solution.method

    @property
    def takeovers(self) -> str:
        """How takeovers are read: "as modelled", or "ideal", instant and certain."""
        return self.solution.takeovers

    @property
    def reason(self) -> str:
        """Why this engine."""
        return self.solution.reason

    @property
    def provenance(self) -> Provenance:
        """Engine, reading, bound, inputs and their hash."""
        return self.solution.provenance

    @property
    def services(self) -> AvailabilityResult:
        """How available each service is."""
        return availability(self.solution)

    def __getitem__(self, service: str) -> ServiceAvailability:
        return self.services[service]

    @cached_property
    def ideal(self) -> Answer | None:
        """The second reading, ideal takeovers; None where there is no other."""
        second = self.solution.ideal
        return None if second is None else Answer(second)

    def summary(
        self,
        target: float | str | Mapping[str, Target | Mapping[str, object]] | None = None,
        *,
        samples: int = SAMPLES,
        seed: int = 1,
        sure: float = SURE,
    ) -> Summary:
        """Put together what a decision rests on, as `k2rel.summary`.

        Examples
        --------
        >>> solve("L1").summary(99.9, samples=64).load.state
        'at its limit'
        """
        return summary(self.solution, target, samples=samples, seed=seed, sure=sure)

    def why(self) -> str:
        """Say what makes the difference between takeovers as modelled and ideal ones.

        Examples
        --------
        >>> solve("L2R").why()[:60]
        'media is down for 35.7 min/year with takeovers as modelled a'
        """
        return why_they_differ(self.solution)

    def load(self) -> LoadResult:
        """Say where the load goes.

        Examples
        --------
        >>> solve("L2R").load().p_any_overload
        0.0
        """
        return load(self.solution)

    def interruptions(
        self, services: Sequence[str] | str | None = None, *, buffer_h: float = 10 / 3600, first_loss: bool = False
    ) -> pd.DataFrame:
        """List how often services are interrupted and for how long, as `k2rel.interruptions`.

        Examples
        --------
        >>> float(solve("L2R").interruptions("media")["failures_per_year"].round(2).iloc[0])
        2.62
        """
        return interruptions(self.solution, services=services, buffer_h=buffer_h, first_loss=first_loss)

    def window(
        self,
        service: str | None = None,
        within: str | float = "year",
        *,
        above: Sequence[str | float] | str | float | None = None,
        samples: int = 0,
        seed: int = 1,
    ) -> Window:
        """Say how downtime and interruptions spread over years, months or other windows, as `k2rel.window`.

        Examples
        --------
        >>> solve("L2R").window("media", "month", above="1 min").how
        'exact'
        """
        return window(self.solution, service, within, above=above, samples=samples, seed=seed)

    def risk(self, failed: Present | Sequence[str] | str = (), horizon: str | float = "24 h", **state: Any) -> Risk:
        """Say what the next hours hold from the state at present, as `k2rel.risk`.

        Examples
        --------
        >>> solve("L2R").risk("server_A").roles
        {'file_system': 'server_B'}
        """
        return risk(self.solution, failed, horizon, **state)

    def maintenance(
        self, works: Sequence[Work] | Work, *, within_h: float = math.inf, not_back: float = 0.0
    ) -> Maintenance:
        """Say what planned work costs, as `k2rel.maintenance`.

        Examples
        --------
        >>> from k2rel.measures.maintenance import Work
        >>> solve("L2R").maintenance(Work("switch_A", 2.0)).works[0].down_meanwhile
        ('ftp',)
        """
        return maintenance(self.solution, works, within_h=within_h, not_back=not_back)

    def outage(
        self,
        log: str | Path | SiteLog,
        *,
        begin: str | None = None,
        until: str | None = None,
        services: Sequence[str] | str | None = None,
        prior: str = "lognormal",
    ) -> PastPeriod:
        """Put the log of a past period beside what is expected of it, as `k2rel.outage`.

        Examples
        --------
        >>> from k2rel.field import PartFailure, SiteLog
        >>> log = SiteLog(0.0, 8760.0, (PartFailure("raid_chassis", 10.0, 18.0),))
        >>> solve("L2R").outage(log).services[0].downtime_h
        8.0
        """
        return outage(self.solution, log, begin=begin, until=until, services=services, prior=prior)

    def modes(self) -> pd.DataFrame:
        """List the operating modes, as `k2rel.modes`.

        Examples
        --------
        >>> solve("L1").modes()["mode"].iloc[0]
        'every client by A'
        """
        return modes(self.solution)

    def over_time(self, service: str | None, times_h: Sequence[float] | float) -> pd.DataFrame:
        """Follow a service from everything new and in service, as `k2rel.over_time`.

        Examples
        --------
        >>> float(solve("L1").over_time("media", 0.0)["point_unavailability"].iloc[0])
        0.0
        """
        return over_time(self.solution, service, times_h)

    def causes(self, service: str | None = None) -> pd.DataFrame:
        """Say what each part contributes to the downtime of a service, as `k2rel.causes`.

        Examples
        --------
        >>> solve("L1").causes("media").index[0]
        'software_A'
        """
        return causes(self.solution, service)

    def downtime_causes(self, service: str | None = None) -> pd.DataFrame:
        """Split the downtime by what the roles are doing meanwhile, as `k2rel.downtime_causes`.

        Examples
        --------
        >>> solve("L2R").downtime_causes()["share_of_downtime"].round(2).tolist()
        [0.04, 0.84, 0.01, 0.11]
        """
        return downtime_causes(self.solution, service=service)

    def downtime_split(self, service: str | None = None, *, by: str = "part") -> pd.DataFrame:
        """Split the downtime by part or by mode and by what the roles are doing, as `k2rel.downtime_split`.

        Examples
        --------
        >>> solve("L2R").downtime_split(by="mode").index[0]
        'every client cut off'
        """
        return downtime_split(self.solution, service, by=by)

    def assumption_importance(self, service: str | None = None) -> pd.DataFrame:
        """List the effect of each assumption about takeovers and operators on the downtime.

        Examples
        --------
        >>> solve("L2R").assumption_importance().index[0]
        'file_system coverage[server_software]'
        """
        return assumption_importance(self.solution, service)

    def cut_sets(self, service: str | None = None, order: int = 2) -> pd.DataFrame:
        """List the minimal cut sets of a service, as `k2rel.cut_set_table`; takeovers are ideal in them.

        Examples
        --------
        >>> solve("L2R").cut_sets("media", 1)["cut_set"].tolist()
        ['raid_chassis']
        """
        return cut_set_table(self.study, service, order)

    def served(self, traffic: str | None = None) -> pd.DataFrame:
        """Give the distribution of the number of clients served, as `k2rel.served`.

        Examples
        --------
        >>> len(solve("L2R").served())
        5
        """
        return served(self.solution, traffic)

    def performability(self) -> dict[str, float]:
        """Compute the performability: delivered bandwidth and client-hours lost per year, as `k2rel.performability`.

        Examples
        --------
        >>> round(solve("L2R").performability()["takeovers_per_year"], 2)
        2.11
        """
        return performability(self.solution)

    def steps(self, failed: Sequence[str] | str) -> list[Step]:
        """Follow one takeover step by step, as `k2rel.takeover_steps`.

        Examples
        --------
        >>> [step.title for step in solve("L2R").steps("media_link_A1")][:3]
        ['before', 'detection', 'switchover']
        """
        return takeover_steps(self.study, failed, self.solution.asked)

    def histories(self, plan: Plan | None = None, *, workers: int | None = None) -> Simulation:
        """Simulate years under the same reading, whoever answers for the averages.

        Examples
        --------
        >>> from k2rel.simulation import Plan
        >>> solve("L1").histories(Plan(histories=100)).years
        1000.0
        """
        checked_run(plan, None)
        if self.method == "simulation" and plan is None:
            return self.solution.simulated
        return self.solution.histories(plan, workers=workers)

    def uncertainty(
        self,
        services: Sequence[str] | str | None = None,
        *,
        samples: int = 2000,
        seed: int = 1,
        points: str = "lhs",
        correlations: Mapping[tuple[str, str], float] | None = None,
    ) -> UncertaintyResult:
        """Draw all inputs within their limits and answer at every draw, as `k2rel.uncertainty`; of all services.

        Examples
        --------
        >>> found = solve("L2R").uncertainty(samples=16)
        >>> found.samples, len(found.unavailability) > 8
        (16, True)
        """
        wanted = [item.service for item in self.services] if services is None else services
        return uncertainty(self.solution, wanted, samples=samples, seed=seed, points=points, correlations=correlations)

    def swing(self, service: str | None = None) -> pd.DataFrame:
        """Move each input to its limits, as `k2rel.swing`.

        Examples
        --------
        >>> len(solve("L1").swing("media")) > 5
        True
        """
        return swing(self.solution, service)

    def sensitivity(self, service: str | None = None, *, by: str = "input", samples: int | None = None) -> pd.DataFrame:
        """Split the spread by what it comes from, as `k2rel.sensitivity`.

        Examples
        --------
        >>> len(solve("L1").sensitivity("media", by="kind", samples=16)) > 0
        True
        """
        return sensitivity(self.solution, service, by=by, samples=samples)

    def break_even(self, service: str | None = None, *, target: float = 99.99) -> pd.DataFrame:
        """Find the inputs that alone turn whether an availability [%] is met, as `k2rel.break_even`.

        Examples
        --------
        >>> solve("L1").break_even("media", target=99.99).attrs["service"]
        'media'
        """
        return break_even(self.solution, service, allowed_min_per_year(checked_target(target)))

    def target(
        self,
        target: float | str | Mapping[str, Target | Mapping[str, object]],
        *,
        samples: int = 2000,
        seed: int = 1,
        sure: float = SURE,
        drawn: UncertaintyResult | None = None,
    ) -> list[Judgement | WindowJudgement]:
        """Judge services against targets: a percentage, a file, or by service percentages and what windows may have.

        Examples
        --------
        >>> [judgement.verdict for judgement in solve("L2R").target(99.9)]
        ['met']
        """
        asked = target if isinstance(target, Mapping) else read_target(target, self.study)
        return judge(self.solution, asked, samples=samples, seed=seed, sure=sure, drawn=drawn)

    def table(self) -> pd.DataFrame:
        """Give the services as a table.

        Examples
        --------
        >>> solve("L1").table().loc["media", "downtime_min_per_year"].round(1)
        np.float64(193.0)
        """
        return self.services.table()

    def to_json(self) -> dict[str, Any]:
        """Give the services as plain data, with the second reading where there is one.

        Examples
        --------
        >>> found = solve("L2R").to_json()
        >>> found["takeovers"], found["ideal"]["takeovers"]
        ('as modelled', 'ideal')
        """
        return availability_json(self.solution)

    def words(self) -> str:
        """Say in a line how available the principal traffic is, and who says so.

        Examples
        --------
        >>> solve("L2R").words()[:63]
        'L2R: media is down 35.7 min a year, in 2.6 failures; takeovers '
        """
        principal = principal_traffic(self.study.site)
        main = self[principal]
        return (
            f"{self.study.site.name}: {principal} is down {minutes_text(main.downtime_min_per_year)} min a year, in "
            f"{main.failures_per_year:.2g} failures; takeovers {self.takeovers}; {self.method}: {self.reason}"
        )

    def _line(self) -> str:
        return self.words()

    def _repr_html_(self) -> str:
        """A card: what it says, the wiring, the services."""
        return card(self.words(), for_people(self.services._shown_table()), self.provenance.engine, _wiring(self.study))


def availability_json(solution: Solution, lost_clients: Sequence[int] | None = None) -> dict[str, Any]:
    """Availability as plain data, with the second reading where there is one."""
    found = availability(solution, lost_clients).to_json()
    if left_out := path_failover_notes(solution):
        found["left_out"] = left_out
    second = solution.ideal
    return found | {"ideal": None if second is None else availability(second, lost_clients).to_json()}


def study_html(study: Study) -> str:
    """A study in a notebook: what it is, and its wiring."""
    return card(study._line(), figure=_wiring(study))


def _wiring(study: Study) -> str:
    """The drawing of a site, labelled."""
    return draw_site(study.site, names=False).labelled(f"wiring of {study.site.name}").svg
