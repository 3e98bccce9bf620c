"""What each source of failure data contributes to how unsure a study's figures are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import InputError, closest
from k2rel.exact.sampling import unavailability_of_samples
from k2rel.measures.availability import service_named
from k2rel.measures.solution import framed, solution_of
from k2rel.measures.uncertainty import rates_that_matter
from k2rel.studies import Study, StudyLike, study_of
from k2rel.uncertain import sobol_indices_of_groups
from k2rel.units import MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GROUPINGS", "uncertainty_by_source"]

FloatArray = NDArray[np.float64]

GROUPINGS = ("source", "evidence", "entry")
"""By the document or log that a rate comes from, by its evidence code, by the entry of the registry."""


def uncertainty_by_source(
    study: StudyLike, service: str | None = None, *, by: str = "source", samples: int = 2048, seed: int = 1
) -> pd.DataFrame:
    r"""Split the variance of a service's downtime into what each source of failure data contributes.

    Parameters
    ----------
    study : Study
    service : str, optional
        The service; by default the principal traffic.
    by : {"source", "evidence", "entry"}
        What is put together.
    samples : int
        Base sample, a power of 2; the model is evaluated (sources + 2) times as often.
    seed : int
        Seed.

    Returns
    -------
    pandas.DataFrame
        Index ``source``, the largest share first; ``entries``, ``variance_share`` that goes when the source's
        rates become known, with its 90 % bootstrap limits ``variance_low``,
        ``variance_high``, ``total`` (with what it
        does together with others), and ``deviation_if_known`` [min/year], the standard deviation that then is left.
        A last row says what only several together do; the shares and it add up to one.

    Raises
    ------
    InputError
        If there is no such service or grouping, no rate has limits, or `samples` is no power of 2.

    Notes
    -----
    Sobol' indices of groups (`k2rel.uncertain.sobol_indices_of_groups`). Rates of different entries are independent.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> found = uncertainty_by_source(study("L2R"), by="evidence", samples=256)
    >>> found.loc["V", "variance_share"].round(2)
    np.float64(1.01)
    """
    import pandas as pd

    study = study_of(study)
    if by not in GROUPINGS:
        raise InputError(f"by '{str(by)[:40]}': one of {', '.join(GROUPINGS)}{closest(str(by), GROUPINGS)}")
    found = service_named(study, service)
    distributions = rates_that_matter(study, found)
    groups = _groups(study, distributions, by)

    def downtime(rates: Mapping[str, FloatArray]) -> FloatArray:
        return unavailability_of_samples(study, [found], rates)[found.name] * MINUTES_PER_YEAR

    indices, variance = sobol_indices_of_groups(downtime, distributions, groups, samples, seed)
    records = []
    for name, rows in groups.items():
        share = indices[name]
        left = float(np.sqrt(variance * max(0.0, 1.0 - share.first)))
        records.append((name, " ".join(rows), share.first, share.first_low, share.first_high, share.total, left))
    names = ["source", "entries", "variance_share", "variance_low", "variance_high", "total", "deviation_if_known"]
    records.sort(key=lambda record: -record[2])
    rest = 1.0 - sum(record[2] for record in records)
    records.append(("several together", "", rest, math.nan, math.nan, math.nan, math.nan))
    return framed(pd.DataFrame(records, columns=names).set_index("source"), solution_of(study, "exact"))


def _groups(study: Study, rows: Mapping[str, object], by: str) -> dict[str, list[str]]:
    """Entries of each source, evidence code, or by themselves."""
    about = {law.rates_id: law.single for _, law in study.laws.used()}
    result: dict[str, list[str]] = {}
    for row in rows:
        law = about[row]
        words = {"source": law.source.partition("; http")[0] or "no source", "evidence": law.evidence, "entry": row}[by]
        result.setdefault(words, []).append(row)
    return result
