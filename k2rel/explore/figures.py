"""The figures that follow a change by hand: what is compiled for a site serves every contract and every rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from k2rel.columns import COLUMNS
from k2rel.design.target_forms import WindowJudgement
from k2rel.design.targets import SAMPLES, Judgement, checked_target, judge
from k2rel.errors import InputError
from k2rel.exact.engine import unavailability
from k2rel.measures.availability import ServiceAvailability, availability, service_named
from k2rel.measures.load import load
from k2rel.measures.load_result import LoadResult
from k2rel.measures.solution import solution_of
from k2rel.policy.failover import principal_traffic
from k2rel.policy.words import on_sides_words
from k2rel.rates import SiteLaws, site_laws, with_rate
from k2rel.rates.entry import CONTRACTS
from k2rel.report.front_page import light
from k2rel.signs import in_html
from k2rel.site.read import SiteLike
from k2rel.site.service_names import FULL_SERVICE, of_client
from k2rel.site.side_columns import on_columns
from k2rel.studies import Study, study
from k2rel.tables import Shown
from k2rel.units import MINUTES_PER_YEAR

__all__ = ["RATES", "LiveFigures", "LiveSite"]

RATES = ("as given", "at their lower limits", "at their upper limits")
_MOST_SITES = 24
_DRAWS = 200  # the light follows a hand; reports draw ten times as many
_SHOWN = ("availability", "unavailability", "downtime_min_per_year", "failures_per_year")


@dataclass(frozen=True, repr=False)
class LiveFigures(Shown):
    """Figures of one setting of the explorer.

    Parameters
    ----------
    services : tuple of ServiceAvailability
        Services of the whole site, and the principal one of client 1.
    load : LoadResult
        Clients on each side, load on each element.
    said : str
        Who computed them, under which reading, and what the principal traffic would lose with ideal takeovers.
    judged : tuple of Judgement
        Whether the principal traffic meets its target, where there is one.
    note : str
        By how many draws that was judged, or why it was not.
    counted : str
        Whose sides are counted.
    """

    services: tuple[ServiceAvailability, ...]
    load: LoadResult
    said: str
    judged: tuple[Judgement | WindowJudgement, ...] = ()
    note: str = ""
    counted: str = "Clients on each side"

    def as_html(self) -> str:
        """Write the figures as HTML; every text is escaped.

        Returns
        -------
        str
            Two tables: services, and elements with the distribution of their load.

        Examples
        --------
        >>> LiveSite("L1").figures().as_html()[:30]
        '<h2>Services, over a year</h2>'
        """
        services = [
            (
                item.title if item.service == FULL_SERVICE else item.service.replace("_", " "),
                *(COLUMNS[name][1](getattr(item, name)) for name in _SHOWN),
            )
            for item in self.services
        ]
        words = COLUMNS["load_mb_s"][1]
        units = list(dict.fromkeys(item.unit for item in self.load.elements)) or [self.load.unit]
        elements = [
            (item.element.replace("_", " "),
             *(words(load) + ("" if len(units) == 1 else f" {item.unit}") for load in
               (item.capacity_mb_s, item.mean_mb_s, item.percentile(95), item.percentile(99.9))),
             COLUMNS["p_overload"][1](item.p_overload))
            for item in self.load.elements
        ]  # fmt: skip
        met = self.load.side_table()
        words_of = {of: f"on {side}" for of, side in zip(on_columns(self.load.sides), self.load.sides, strict=False)}
        words_of |= {
            "on_both": "on both",
            "on_several": "on several",
            "cut_off": "cut off",
            "probability": "share of time",
        }
        of_sides = {name: words_of[name] for name in met.columns if name in words_of}
        sides = [
            tuple(COLUMNS[name][1](value) if name == "probability" else str(value) for name, value in row.items())
            for row in met[list(of_sides)].head(6).to_dict("records")
        ]
        return (
            f"<h2>Services, over a year</h2><p>{in_html(self.said)}</p>"
            + _table(["service", *(COLUMNS[name][0] for name in _SHOWN)], services)
            + f"<h2>{in_html(self.counted)}</h2>{_table([*of_sides.values()], sides)}"
            + f"<h2>Load on each element{f' [{in_html(units[0])}]' if len(units) == 1 else ''}</h2>"
            + _table(["element", "capacity", "mean", "95 %", "99.9 %", "P(overload)"], elements)
        )

    def verdict_html(self) -> str:
        """Say as HTML whether the target is met; empty where none is asked for.

        Returns
        -------
        str
            A light with the word, and the sentence.

        Examples
        --------
        >>> LiveSite("L1").figures(target="99.9").verdict_html()[:27]
        "<p><span class='light doubt"
        """
        said = "".join(f"<p>{light(one.verdict)} {in_html(one.words())}</p>" for one in self.judged)
        return said + (f"<p class='more'>{in_html(self.note)}</p>" if self.note else "")

    def headline(self) -> str:
        """The downtime of the principal traffic."""
        name, minutes = self.services[0].service.replace("_", " "), self.services[0].downtime_min_per_year
        return f"{name} is down {COLUMNS['downtime_min_per_year'][1](minutes)} min a year"

    def _line(self) -> str:
        return self.said


def _table(heads: list[str], rows: Sequence[tuple[str, ...]]) -> str:
    def line(tag: str, texts: Sequence[str]) -> str:
        kinds = ["", *[" class='k2x-n'"] * (len(texts) - 1)]  # figures beside what they are of
        cells = (f"<{tag}{kind}>{in_html(text)}</{tag}>" for kind, text in zip(kinds, texts, strict=True))
        return f"<tr>{''.join(cells)}</tr>"

    top, body = line("th", heads), "".join(line("td", row) for row in rows)
    return f"<table><thead>{top}</thead><tbody>{body}</tbody></table>"


class LiveSite:
    """A level or site whose clients, contract and rates the user changes.

    Parameters
    ----------
    level : str, pathlib.Path, Site or mapping
        A level's name, a site file or a site.
    data : str, optional
        Version of the bundled data; by default the current one.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> round(LiveSite("L2R").figures(contract="onsite").services[0].downtime_min_per_year, 2)
    33.65
    """

    def __init__(self, level: SiteLike, data: str | None = None) -> None:
        self.level, self.data = level, data
        self._studies: dict[int, Study] = {}
        self._laws: dict[tuple[int, str, str], Study] = {}
        self.usual = study(level, data=data)
        self._studies[self.usual.site.client_count] = self.usual

    def study(self, clients: int | None = None, contract: str = "4h", rates: str = RATES[0]) -> Study:
        """Give the study of a setting; what depends on the wiring alone is shared by all contracts and rates.

        Parameters
        ----------
        clients : int, optional
            Number of clients; by default that of the file.
        contract : {"onsite", "4h", "nbd"}
            Repair contract.
        rates : {"as given", "at their lower limits", "at their upper limits"}
            All failure rates that have 90 % limits.

        Returns
        -------
        Study
            The study.

        Raises
        ------
        InputError
            If something given cannot be used.

        Examples
        --------
        >>> LiveSite("L2R").study(8).site.client_count
        8
        """
        count = self.usual.site.client_count if clients is None else clients
        if contract not in CONTRACTS or rates not in RATES:
            raise InputError(f"contract: {', '.join(CONTRACTS)}; rates: {', '.join(RATES)}")
        if count not in self._studies:
            if len(self._studies) >= _MOST_SITES:
                self._studies.clear()
                self._laws.clear()
            self._studies[count] = study(self.level, clients=count, data=self.data)
        key = (count, contract, rates)
        if key not in self._laws:
            one = self._studies[count]
            laws = one.laws if contract == one.laws.contract else site_laws(one.site, contract, one.rates)
            self._laws[key] = replace(one, laws=_at_limits(one, laws, rates))
        return self._laws[key]

    def figures(
        self, clients: int | None = None, contract: str = "4h", rates: str = RATES[0], target: str | None = None
    ) -> LiveFigures:
        """Compute the figures of a setting, by the engine that the site needs.

        Parameters
        ----------
        clients, contract, rates
            As for `study`.
        target : str, optional
            Availability [%] that is asked of the principal traffic; judged with fewer draws than elsewhere.

        Returns
        -------
        LiveFigures
            The figures.

        Raises
        ------
        InputError
            If something given cannot be used.

        Examples
        --------
        >>> LiveSite("L1").figures().load.p_any_overload
        0.0
        """
        asked = None if target is None else checked_target(target)
        one = self.study(clients, contract, rates)
        site = one.site
        principal = principal_traffic(site)
        names = [name for name, role in site.roles.items() if role.is_service]
        own = [of_client(site, principal, 0)[0]] if site.traffic[principal].scope == "client" else []
        names = list(dict.fromkeys([principal, *own, *site.traffic, *names, FULL_SERVICE]))
        solution = solution_of(one)
        found = availability(solution)
        said = f"Takeovers {solution.takeovers}; {solution.provenance.engine}."
        if solution.ideal is not None:
            ideal = unavailability(one, service_named(one, principal)) * MINUTES_PER_YEAR
            words = COLUMNS["downtime_min_per_year"][1](ideal)
            said += f" With ideal takeovers, instant and certain, {principal} would be down {words} min a year."
        known = {item.service: item for item in found.services}
        judged: Sequence[Judgement | WindowJudgement] = ()
        note = ""
        if asked is not None and rates == RATES[0]:
            judged = judge(solution, {principal: asked}, samples=_DRAWS, explain=False)
            note = f"Judged by {_DRAWS} draws of the inputs; a report has {SAMPLES:,}."
        elif asked is not None:  # limits around a limit would be nobody's
            note = "A target is judged with all inputs within their limits: choose failure rates as given."
        shown = tuple(known[name] for name in names if name in known)
        return LiveFigures(shown, load(solution), said, tuple(judged), note, on_sides_words(solution.study.site))


def _at_limits(one: Study, laws: SiteLaws, rates: str) -> SiteLaws:
    """Move every failure rate that has limits to one of them, for all parts of its row together."""
    if rates == RATES[0]:
        return laws
    limits = {
        law.rates_id: limit / law.share if limit is not None and law.share else None
        for _, law in laws.used()
        if law.rates_id
        for limit in [law.low_per_h if rates == RATES[1] else law.high_per_h]
    }
    for row, rate in limits.items():
        if rate is not None:
            laws = with_rate(one.site, laws, row, rate)
    return laws
