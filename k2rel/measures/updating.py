"""A study with what the site's own log says of its failure rates, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from k2rel.errors import InputError, closest
from k2rel.field import Exposure, Pooled, Posterior, pool, prior_of, update
from k2rel.rates import Law, RateRow, changed_laws, registry
from k2rel.site.model import Component
from k2rel.studies import Provenance, Study, StudyLike, study_of
from k2rel.tables import ShownTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Updated", "updated"]


@dataclass(frozen=True, eq=False, repr=False)
class Updated(ShownTable):
    """A study before and after its own log."""

    before: Study
    after: Study
    posteriors: dict[str, Posterior]  # by component type
    rows: tuple[RateRow, ...]  # entries for a table of rates (`k2rel.rates.write_rates`)
    pooled: dict[str, Pooled] = field(default_factory=dict)

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
                         row.low_per_h, row.high_per_h,
                         posterior.surprise))  # fmt: skip
        columns = ["type", "failures", "hours", "before_per_h", "point", "before_low_per_h", "before_high_per_h",
                   "before_mean_per_h", "seen_per_h",
                   "after_per_h", "after_low_per_h", "after_high_per_h", "surprise"]  # fmt: skip
        return pd.DataFrame(rows, columns=columns).set_index("type")

    def _line(self) -> str:
        return f"{self.before.site.name}: the log changes the rates of {', '.join(self.posteriors)}"

    @property
    def provenance(self) -> Provenance:
        """Of the study with what the log says."""
        return self.after.provenance


def updated(
    study: StudyLike, exposures: Sequence[Exposure], *, prior: str = "lognormal", site: str | None = None
) -> Updated:
    """Update the failure rates of a study with a log.

    Parameters
    ----------
    study : Study
    exposures : sequence of Exposure
        Failures and hours by component type, and by site where several were logged; rows of one type and site add up.
    prior : {"lognormal", "gamma"}
        How the registry's limits are read.
    site : str, optional
        Which of several logged sites the study is of; by default a new one of their kind.

    Returns
    -------
    Updated
        Of one site the posterior of the registry's entry; of several sites the pooled rate of this one, with the
        registry's entry as prior of their mean.

    Raises
    ------
    InputError
        If the study has no part of a type, its rate was given by hand, its entry has no limits, or no such site was
        logged.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> result = updated(study("L2R"), [Exposure("psu", 0, 1e6)])
    >>> [f"{found.law('psu_raid_1').failure_rate_per_h:.2e}" for found in (result.before, result.after)]
    ['4.00e-06', '1.61e-06']
    """
    study = study_of(study)
    if not all(isinstance(exposure, Exposure) for exposure in exposures):
        raise InputError(f"exposures: a list of Exposure is needed, got {str(exposures)[:40]}")
    if not exposures:
        raise InputError("log: it holds no failures and hours")
    sites = sorted({exposure.site for exposure in exposures if exposure.site})
    if site is not None and site not in sites:
        raise InputError(f"log: there is no site '{site[:60]}'{closest(site, sites)}")
    table = registry(study.site.rates_file, study.rates, data=study.site.data)
    posteriors: dict[str, Posterior] = {}
    pooled: dict[str, Pooled] = {}
    rows: list[RateRow] = []
    for kind in dict.fromkeys(exposure.name for exposure in exposures):
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
        rows.append(posteriors[kind].entry(row, f"{row.id}_{(site or 'site').replace(' ', '_')}", [kind]))
    new = dict(zip(posteriors, rows, strict=True))

    def after(name: str, part: Component, law: Law) -> Law:
        row = new.get(part.type)
        if row is None:
            return law
        return replace(
            law, failure_rate_per_h=row.rate_per_h, low_per_h=row.low_per_h, high_per_h=row.high_per_h,
            rates_id=row.id, evidence=row.evidence, source=row.source, share=1.0,
        )  # fmt: skip

    laws = changed_laws(study.site, study.laws, after)
    return Updated(study, replace(study, laws=laws), posteriors, tuple(rows), pooled)


def _law_of(study: Study, kind: str) -> Law:
    """Law of the parts of a type; all have the same where the log can be about them."""
    parts = study.site.described
    laws = [law.single for name, law in study.laws.used() if parts[name].type == kind]
    if not laws:
        known = {part.type for part in parts.values()}
        raise InputError(f"log: {study.site.name} has no part of type '{kind[:60]}'{closest(kind, known)}")
    if len({(law.rates_id, law.failure_rate_per_h) for law in laws}) > 1:
        raise InputError(f"log: parts of type '{kind}' have different rates in {study.site.name}; log them apart")
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
