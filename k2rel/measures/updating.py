"""A study with what the site's own logs say of its rates, coverages and times, before and after."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from k2rel.distributions import Uncertain
from k2rel.errors import InputError, closest
from k2rel.field import ACTIONS, Exposure, Pooled, Posterior, Takeovers, Times, pool, prior_of, update
from k2rel.field.learned import Learned, updated_coverage, updated_time, wide_coverage, wide_time
from k2rel.inputs import Input, Uses, factor, without
from k2rel.measures.site_entries import Target, site_entries
from k2rel.organisation import Organisation
from k2rel.rates import Contract, Law, RateRow, changed_laws, registry
from k2rel.rates.site_laws import rate_input
from k2rel.site.coverage import DEFAULT, class_of, coverage_name, coverages, may_fail_over
from k2rel.site.model import Component
from k2rel.site.names import dotted
from k2rel.site.roles import Role
from k2rel.studies import Provenance, Study, StudyLike, study_of, with_site
from k2rel.tables import ShownTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Updated", "updated"]


@dataclass(frozen=True, eq=False, repr=False)
class Updated(ShownTable):
    """A study before and after its own logs.

    Parameters
    ----------
    before, at_means, after : Study
        As it was; with what was known before at its means; with what is known after.
    posteriors : dict of str to Posterior
        Failure rates by component type.
    rows : tuple of RateRow
        Entries for a table of rates (`k2rel.rates.write_rates`).
    pooled : dict of str to Pooled
        Rates of several sites by component type.
    learned : tuple of Learned
        Coverages, repair times and times of operators.
    organisations : tuple of Organisation or None
        Who acts before, at the means, and after.
    """

    before: Study
    at_means: Study
    after: Study
    posteriors: dict[str, Posterior]
    rows: tuple[RateRow, ...]
    pooled: dict[str, Pooled] = field(default_factory=dict)
    learned: tuple[Learned, ...] = ()
    organisations: tuple[Organisation | None, ...] = (None, None, None)
    targets: tuple[Target, ...] = field(default=(), repr=False)  # what each of `learned` is about

    @property
    def organisation(self) -> Organisation | None:
        """Who acts after, with the times of operators that the log says; None where it says nothing of them."""
        return self.organisations[2]

    def table(self) -> pd.DataFrame:
        """Give the rates before and after as a table; a surprise below 0.05: the log contradicts the entry.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> found = updated(study("L2R"), [Exposure("media_server", 4, 3e5)]).table()
        >>> [f"{found.loc['media_server', key]:.2e}" for key in ("before_per_h", "seen_per_h", "after_per_h")]
        ['5.70e-06', '1.33e-05', '9.89e-06']
        """
        import pandas as pd

        rows = []
        for kind, row in zip(self.posteriors, self.rows, strict=True):
            posterior = self.posteriors[kind]
            seen = posterior.evidence
            law = _law_of(self.before, kind)
            known = RateRow(kind, law.failure_rate_per_h, low_per_h=law.low_per_h, high_per_h=law.high_per_h)
            rows.append((kind, seen.failures, seen.hours, known.rate_per_h, known.point, known.low_per_h,
                         known.high_per_h, known.mean_per_h, seen.failures / seen.hours, posterior.mean,
                         row.low_per_h, row.high_per_h, posterior.surprise))  # fmt: skip
        columns = ["type", "failures", "hours", "before_per_h", "point", "before_low_per_h", "before_high_per_h",
                   "before_mean_per_h", "seen_per_h", "after_per_h", "after_low_per_h", "after_high_per_h",
                   "surprise"]  # fmt: skip
        return pd.DataFrame(rows, columns=columns).set_index("type")

    def handling(self) -> pd.DataFrame:
        """Give coverages and times before and after as a table.

        Returns
        -------
        pandas.DataFrame
            Index ``input``; ``kind``, ``unit``, ``count`` and ``seen`` of the log, ``before`` with ``point`` (median,
            mean or estimate), limits and mean, ``after`` (the mean) with its limits, and ``surprise``.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> found = updated(study("L2R"), takeovers=[Takeovers("file_system", 40, 30, "media_server")]).handling()
        >>> float(found.loc["coverage", "seen"])
        0.75
        """
        import pandas as pd

        rows = []
        for one in self.learned:
            before, after = one.before, one.after
            rows.append((before.name, before.kind, before.unit, one.count, one.seen, before.point, one.point,
                         before.low, before.high, before.distribution.mean, after.point, after.low, after.high,
                         one.surprise))  # fmt: skip
        columns = ["input", "kind", "unit", "count", "seen", "before", "point", "before_low", "before_high",
                   "before_mean", "after", "after_low", "after_high", "surprise"]  # fmt: skip
        return pd.DataFrame(rows, columns=columns).set_index("input")

    def entries(self) -> str:
        """Write coverages and repair times as entries for the site file.

        Returns
        -------
        str
            YAML text; empty where no log says anything of them.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> print(updated(study("L2R"), repairs=[Times("psu", 4, 8.0)]).entries().splitlines()[1])
          psu:
        """
        found = zip(self.targets, self.learned, strict=True)
        return site_entries(self.before.site, {target: one.after for target, one in found if target[0] != "operator"})

    def _line(self) -> str:
        names = [*self.posteriors, *(one.before.name for one in self.learned)]
        return f"{self.before.site.name}: the logs change {', '.join(names)}"

    @property
    def provenance(self) -> Provenance:
        """Of the study with what the logs say."""
        return self.after.provenance


def updated(
    study: StudyLike,
    exposures: Sequence[Exposure] = (),
    *,
    takeovers: Sequence[Takeovers] = (),
    repairs: Sequence[Times] = (),
    operators: Sequence[Times] = (),
    prior: str = "lognormal",
    site: str | None = None,
    organisation: Organisation | None = None,
) -> Updated:
    """Update failure rates, coverages, repair times and times of operators with logs; at least one is needed.

    Parameters
    ----------
    study : Study
    exposures : sequence of Exposure
        Failures and hours by component type, and by site where several were logged; rows of one type and site add up.
    takeovers : sequence of Takeovers
        How many takeovers of a role were tried and succeeded, by what failed where the role's coverage is.
    repairs : sequence of Times
        Repair times by component type.
    operators : sequence of Times
        How long a ``manual takeover`` and a ``return to service`` took.
    prior : {"lognormal", "gamma"}
        How limits of rates, and of the reciprocals of times, are read.
    site : str, optional
        Which of several logged sites the study is of; by default a new one of their kind.
    organisation : Organisation, optional
        Who acts before.

    Returns
    -------
    Updated
        Of rates of one site the posterior of the registry's entry; of several sites the pooled rate of this one, with
        the registry's entry as prior of their mean. A coverage or a time without limits is taken to be known as ten
        takeovers would say, or within a factor of three.

    Raises
    ------
    InputError
        If the study has no part of a type, its rate was given by hand, its entry has no limits, no such site was
        logged, or there is no such role, takeover or action.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> result = updated(study("L2R"), [Exposure("psu", 0, 1e6)])
    >>> [f"{found.law('psu_raid_1').failure_rate_per_h:.2e}" for found in (result.before, result.after)]
    ['4.00e-06', '1.61e-06']
    """
    study = study_of(study)
    _check_lists(exposures=(exposures, Exposure), takeovers=(takeovers, Takeovers), repairs=(repairs, Times),
                 operators=(operators, Times))  # fmt: skip
    if prior not in ("lognormal", "gamma"):
        raise InputError(f"prior: 'lognormal' or 'gamma', got '{str(prior)[:40]}'")
    sites = sorted({exposure.site for exposure in exposures if exposure.site})
    if site is not None and site not in sites:
        raise InputError(f"log: there is no site '{site[:60]}'{closest(site, sites)}")
    priors, posteriors, rows, pooled = _rates(study, exposures, prior, site)
    who = organisation or Organisation()
    learned: dict[Target, Learned] = {
        **_coverages(study, takeovers), **_repairs(study, repairs, prior), **_operators(who, operators, prior),
    }  # fmt: skip
    rows = [
        _with_time(row, study.laws.contract, learned.get(("mttr", k, "")))
        for k, row in zip(posteriors, rows, strict=True)
    ]
    before = {target: replace(one.before, point=one.before.distribution.mean) for target, one in learned.items()}
    after = {target: one.after for target, one in learned.items()}
    acts = any(what == "operator" for what, _, _ in learned)
    organisations = (organisation, *(_acting(who, each) if acts else organisation for each in (before, after)))
    return Updated(
        study, _with(study, priors, before), _with(study, dict(zip(posteriors, rows, strict=True)), after), posteriors,
        tuple(rows), pooled, tuple(learned.values()), organisations, tuple(learned),
    )  # fmt: skip


def _check_lists(**given: tuple[Any, type]) -> None:
    for name, (records, kind) in given.items():
        if not isinstance(records, list | tuple) or not all(isinstance(record, kind) for record in records):
            raise InputError(f"{name}: a list of {kind.__name__} is needed, got {str(records)[:40]}")
    if not any(records for records, _ in given.values()):
        raise InputError("log: it holds no failures and hours, takeovers, or times")


def _rates(
    study: Study, exposures: Sequence[Exposure], prior: str, site: str | None
) -> tuple[dict[str, RateRow], dict[str, Posterior], list[RateRow], dict[str, Pooled]]:
    """Failure rates by type: the entries before at their means, and what the log makes of them."""
    table = registry(study.site.rates_file, study.rates, data=study.site.data)
    priors: dict[str, RateRow] = {}
    posteriors: dict[str, Posterior] = {}
    pooled: dict[str, Pooled] = {}
    rows: list[RateRow] = []
    kinds = list(dict.fromkeys(exposure.name for exposure in exposures))
    shared = Counter(_law_of(study, kind).rates_id for kind in kinds)
    for kind in kinds:
        law = _law_of(study, kind)
        if not law.rates_id:
            raise InputError(f"log: the rate of '{kind}' was given by hand; name an entry of the registry to update")
        row = table.row(law.rates_id)
        if law.share != 1.0:
            row = replace(row, rate_per_h=law.failure_rate_per_h, low_per_h=law.low_per_h, high_per_h=law.high_per_h)
        before = prior_of(row, prior)
        mine = _added([exposure for exposure in exposures if exposure.name == kind])
        if len(mine) == 1:
            posteriors[kind] = update(before, mine[0])
        else:
            together = pooled[kind] = pool(mine, before)
            places = [exposure.site for exposure in mine]
            posteriors[kind] = together.sites[places.index(site)] if site in places else together.new_site
        name = f"{row.id}_{kind}" if shared[law.rates_id] > 1 else row.id  # each type learns from its own failures
        rows.append(posteriors[kind].entry(row, f"{name}_{(site or 'site').replace(' ', '_')}", [kind]))
        priors[kind] = replace(row, id=f"{row.id}_before", rate_per_h=before.mean)
    return priors, posteriors, rows, pooled


def _with_time(row: RateRow, contract: Contract, learned: Learned | None) -> RateRow:
    """An entry with the repair time that a log says too, since a table of one's own goes before the site file."""
    if learned is None:
        return row
    time = learned.after
    return replace(row, mttr_h={**row.mttr_h, contract: time.point}, mttr_factor=math.sqrt(time.high / time.low))


def _coverages(study: Study, takeovers: Sequence[Takeovers]) -> dict[Target, Learned]:
    """Coverages by the input that they take, else by role and class of what failed; rows of one add up."""
    site = study.site
    known: dict[Target, Input] = {}
    sums: dict[Target, Takeovers] = {}
    for seen in takeovers:
        role = site.roles.get(seen.role)
        if role is None:
            raise InputError(f"takeovers: {site.name} has no role '{seen.role[:60]}'{closest(seen.role, site.movable)}")
        if len(role.holders) < 2:
            raise InputError(f"takeovers: role '{seen.role}' has one holder in {site.name} and is never taken over")
        cause = _class(study, role, seen.trigger)
        what = coverage_name(cause)
        item = _input_of(study, role.uses, what)
        target = ("coverage", role.id, cause) if item is None else ("input", item.name, "")
        name = dotted((role.id, what))
        known[target] = item or _wide(coverages(role)[cause], name, "coverage", wide_coverage, "")
        before = sums.get(target, Takeovers(role.id, 0, 0))
        sums[target] = Takeovers(role.id, before.tried + seen.tried, before.succeeded + seen.succeeded)
    return {target: updated_coverage(known[target], seen) for target, seen in sums.items()}


def _class(study: Study, role: Role, trigger: str) -> str:
    """Class of a role's coverage that takeovers count for."""
    site = study.site
    if trigger == DEFAULT or (not trigger and not role.coverage_of):
        return ""
    if not trigger:
        names = ", ".join(name for name, _ in role.coverage_of)
        raise InputError(
            f"takeovers: the coverage of '{role.id}' depends on what failed; say in the column 'trigger' what did: "
            f"{names}, or {DEFAULT} for anything else"
        )
    parts = site.components
    known = {*site.described, *(part.type for part in site.described.values())}
    if trigger not in known:
        near = closest(trigger, known)
        raise InputError(f"takeovers: {site.name} has no component type or part '{trigger[:60]}'{near}")
    begin = may_fail_over(role, site.units, parts)
    if trigger not in begin and all(part.type != trigger for name, part in parts.items() if name in begin):
        raise InputError(f"takeovers: no takeover of '{role.id}' begins with '{trigger}'")
    return class_of(coverages(role), trigger, parts)


def _repairs(study: Study, repairs: Sequence[Times], prior: str) -> dict[Target, Learned]:
    """Repair times by the input of the site file that they take, else by component type."""
    known: dict[Target, Input] = {}
    times: list[Times] = []
    for kind, seen in _summed(repairs).items():
        law = _law_of(study, kind, "repairs", lambda one: (one.mttr_h,))
        item = _input_of(study, law.uses, "mttr_h")
        if item is not None and item.name in study.site.inputs:
            target = ("input", item.name, "")
        else:  # an entry of the registry stays as it is for other types
            target = ("mttr", kind, "")
            item = item or _wide(law.mttr_h, "", "repair time", wide_time, "h")
            item = replace(item, name=dotted((kind, "mttr")), place=("set", kind, "mttr"))
        known[target] = item
        times.append(replace(seen, name=str(target)))
    result = {}
    for target, item in known.items():
        found = updated_time(item, _summed(times)[str(target)], prior)
        if target[0] == "mttr":  # an entry of the registry may have the name of the type
            found = replace(found, after=replace(found.after, name=dotted((f"{target[1]}_site", "mttr"))))
        result[target] = found
    return result


def _operators(who: Organisation, operators: Sequence[Times], prior: str) -> dict[Target, Learned]:
    """Times of operators."""
    result: dict[Target, Learned] = {}
    for action, seen in _summed(operators).items():
        if action not in ACTIONS:
            near = closest(action, ACTIONS)
            raise InputError(f"operators: there is no action '{action[:40]}'{near}; known: {', '.join(ACTIONS)}")
        name = ACTIONS[action]
        known = who.inputs.get(name) or _wide(getattr(who, name), name, "operator time", wide_time, "h")
        result["operator", name, ""] = updated_time(known, seen, prior)
    return result


def _summed(times: Sequence[Times]) -> dict[str, Times]:
    result: dict[str, Times] = {}
    for one in times:
        before = result.get(one.name, Times(one.name, 0, 0.0))
        result[one.name] = Times(one.name, before.count + one.count, before.total_h + one.total_h)
    return result


def _input_of(study: Study, uses: Sequence[Uses], what: str) -> Input | None:
    """The input that a field of a record takes; None where it has no limits."""
    inputs = {**study.laws.inputs, **study.site.inputs}
    return next((inputs[u.input] for u in uses if u.field == what and u.power == 1 and u.input in inputs), None)


def _wide(value: float, name: str, kind: str, wide: Callable[[float], Uncertain], unit: str) -> Input:
    found = wide(value)
    low, high = (float(found.quantile(level)) for level in (0.05, 0.95))
    source = "no limits are given: wide ones are taken"
    return Input(name, kind, value, low, high, found, unit, "P", source)


def _acting(who: Organisation, given: Mapping[Target, Input]) -> Organisation:
    """An organisation with other times, and their limits beside those of the times that stay."""
    new = {name: item for (what, name, _), item in given.items() if what == "operator"}
    limits = {name: (item.low, item.high) for name, item in {**who.inputs, **new}.items()}
    points: Any = {name: item.point for name, item in new.items()}
    return replace(who, **points, limits=tuple((name, *ends) for name, ends in limits.items()))


def _with(study: Study, rows: Mapping[str, RateRow], given: Mapping[Target, Input]) -> Study:
    """The study with entries of the registry by type, and with other coverages and repair times.

    Whatever takes an input of the site file follows it, since one input is one number that is not known.
    """
    shared = {name: item for (what, name, _), item in given.items() if what == "input"}
    ratios = {name: item.point / study.site.inputs[name].point for name, item in shared.items()}
    times = {name: item for (what, name, _), item in given.items() if what == "mttr"}
    rates = {kind: found for kind, row in rows.items() if (found := rate_input(row)) is not None}

    def after(name: str, part: Component, law: Law) -> Law:
        if (row := rows.get(part.type)) is not None:
            law = replace(
                law, failure_rate_per_h=row.rate_per_h, low_per_h=row.low_per_h, high_per_h=row.high_per_h,
                rates_id=row.id, evidence=row.evidence, source=row.source, share=1.0,
                uses=(*without(law.uses, "failure_rate_per_h"), Uses("failure_rate_per_h", rates[part.type].name)),
            )  # fmt: skip
        law = replace(law, mttr_h=law.mttr_h * float(factor(law.uses, "mttr_h", ratios)))
        if (time := times.get(part.type)) is not None:
            uses = (*without(law.uses, "mttr_h"), Uses("mttr_h", time.name))
            law = replace(law, mttr_h=time.point, uses=uses)
        return law

    laws = changed_laws(study.site, study.laws, after)
    new = {item.name: item for item in (*rates.values(), *times.values())}
    study = replace(study, laws=replace(laws, inputs={**laws.inputs, **new}))
    roles = {name: _following(role, ratios) for name, role in study.site.roles.items()}
    covered = dict(shared)
    for (what, name, cause), item in given.items():
        if what != "coverage":
            continue
        role, covered[item.name] = roles[name], item
        uses = (*without(role.uses, coverage_name(cause)), Uses(coverage_name(cause), item.name))
        others = tuple((each, item.point if each == cause else value) for each, value in role.coverage_of)
        value = role.coverage if cause else item.point
        roles[name] = replace(role, coverage=value, coverage_of=others, uses=uses)
    if not covered:
        return study
    return with_site(study, replace(study.site, roles=roles, inputs={**study.site.inputs, **covered}))


def _following(role: Role, ratios: Mapping[str, float]) -> Role:
    """A role whose coverages take other inputs."""
    value, *others = (v * float(factor(role.uses, coverage_name(c), ratios)) for c, v in coverages(role).items())
    causes = [cause for cause, _ in role.coverage_of]
    return replace(role, coverage=value, coverage_of=tuple(zip(causes, others, strict=True)))


def _law_of(
    study: Study,
    kind: str,
    log: str = "log",
    same: Callable[[Law], tuple[Any, ...]] = lambda law: (law.rates_id, law.failure_rate_per_h),
) -> Law:
    """Law of the parts of a type; all have the same where the log can be about them."""
    parts = study.site.described
    laws = [law.single for name, law in study.laws.used() if parts[name].type == kind]
    if not laws:
        known = {part.type for part in parts.values()}
        raise InputError(f"{log}: {study.site.name} has no part of type '{kind[:60]}'{closest(kind, known)}")
    if len({same(law) for law in laws}) > 1:
        what = "rates" if log == "log" else "repair times"
        raise InputError(f"{log}: parts of type '{kind}' have different {what} in {study.site.name}; log them apart")
    return laws[0]


def _added(exposures: Sequence[Exposure]) -> list[Exposure]:
    """Add up the rows of each site."""
    sums: dict[str, Exposure] = {}
    for exposure in exposures:
        before = sums.get(exposure.site)
        sums[exposure.site] = exposure if before is None else Exposure(
            exposure.name, before.failures + exposure.failures, before.hours + exposure.hours, exposure.site
        )  # fmt: skip
    return list(sums.values())
