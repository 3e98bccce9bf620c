"""How many spare parts lie on the shelf for a year, at one site and for a pool of sites."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_number
from k2rel.distributions import Uncertain
from k2rel.errors import InputError
from k2rel.measures.moments import rate_distributions
from k2rel.rates import Law, site_laws
from k2rel.studies import Study, StudyLike, study_of
from k2rel.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["replaced_types", "spare_parts"]

FloatArray = NDArray[np.float64]

_MOST_FAILURES = 100_000
_NODES = 64
_RESTART_H = 4.0


def spare_parts(
    studies: Iterable[StudyLike] | StudyLike, *, years: float = 1.0, protection: float = 0.95
) -> pd.DataFrame:
    r"""Compute how many spares of each type last a time without a delivery.

    Parameters
    ----------
    studies : sequence of Study, or one
        The sites that share one shelf; the same study more than once for sites that are alike.
    years : float
        How long the shelf has to last [years].
    protection : float
        Probability that no part is missing.

    Returns
    -------
    pandas.DataFrame
        Index ``type``; ``units``, ``demands_per_year`` of all of them, ``spares`` for that protection of this type
        with the rates as given, ``spares_uncertain`` with the rates within their limits, ``spares_together`` so that no
        type at all is missing with that protection (rates within limits), ``sites_alone`` (what the sites need
        together if each has a shelf of its own, rates within limits), and ``p_short`` (of `spares_uncertain`). Parts
        that no hands replace, such as software, and parts outside the system are left out; client parts are in.

    Raises
    ------
    InputError
        If there is no site, or a number is out of range.

    Notes
    -----
    Failures in a time are a Poisson number with mean :math:`n \lambda T`, with an uncertain rate its mixture over the
    lognormal distribution of the rate, which parts of one entry share. The joint number is got by adding, time and
    again, the spare that raises the joint probability most; for probabilities that are log-concave in the number this
    is optimal (C. C. Sherbrooke, Optimal Inventory Modeling of Systems, 2004, chapter 2).

    Examples
    --------
    >>> from k2rel.studies import study
    >>> spare_parts([study("L2R")]).loc["media_server", "spares"]
    np.int64(1)
    """
    import pandas as pd

    several = isinstance(studies, Iterable) and not isinstance(studies, str | Mapping)
    given: Any = studies if several else [studies]
    chosen = [study_of(study) for study in given]
    years, protection = as_number("years", years), as_number("protection", protection)
    if not chosen:
        raise InputError("spares: name at least one site")
    if not 0 < years <= 50:
        raise InputError(f"years: above 0 and at most 50, got {years:g}")
    if not 0.5 <= protection < 1:
        raise InputError(f"protection: a probability from 0.5 to below 1, got {protection:g}")
    hours = years * HOURS_PER_YEAR
    pool = _demands(chosen)
    each = [_demands([study]) for study in chosen]
    records = []
    cumulative: dict[str, FloatArray] = {}
    for kind, demand in pool.items():
        mean = sum(units * law.failure_rate_per_h for units, law, _ in demand.values()) * hours
        if mean > _MOST_FAILURES:
            raise InputError(f"type '{kind}': {mean:,.0f} failures in that time, too many to be covered by spares")
        plain = np.cumsum(_poisson(mean, _length(mean)))
        unsure = cumulative[kind] = _cumulative(demand, hours)
        alone = sum(_enough(_cumulative(demands[kind], hours), protection) for demands in each if kind in demands)
        number = _enough(unsure, protection)
        units = sum(units for units, _, _ in demand.values())
        short = max(0.0, float(1.0 - unsure[number]))
        records.append((kind, units, mean / years, _enough(plain, protection), number, 0, alone, short))
    together = _together(cumulative, protection)
    columns = ["type", "units", "demands_per_year", "spares", "spares_uncertain", "spares_together", "sites_alone",
               "p_short"]  # fmt: skip
    frame = pd.DataFrame(records, columns=columns).set_index("type")
    frame["spares_together"] = [together[str(kind)] for kind in frame.index]
    return frame.sort_values("demands_per_year", ascending=False, kind="stable")


Demand = dict[str, tuple[int, Law, Uncertain | None]]


def _demands(studies: Sequence[Study]) -> dict[str, Demand]:
    """By type and by entry of the registry: how many units, their law, and how sure its rate is."""
    result: dict[str, Demand] = {}
    for number, study in enumerate(studies):
        site, sure = study.site, rate_distributions(study)
        replaced = replaced_types(study)
        for name, law in study.laws.used():
            part = site.described[name]
            if part.external or not law.failure_rate_per_h or part.type not in replaced:
                continue
            single = law.single
            key = f"{single.rates_id} {single.failure_rate_per_h!r}" if single.rates_id else f"by hand {number} {name}"
            units = law.parts * site.count_of(name)
            demand = result.setdefault(part.type, {})
            before = demand[key][0] if key in demand else 0
            demand[key] = (before + units, single, sure.get(single.rates_id))
    return result


def replaced_types(study: Study) -> set[str]:
    """List the types that somebody brings a part for: those that do not work again within four hours in any case.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> {"server_software", "fs_database"} & replaced_types(study("L2R"))
    set()
    """
    slow = site_laws(study.site, "nbd", study.rates)
    types = set()
    for name, law in slow.used():
        part = study.site.described[name]
        if law.mttr_h > _RESTART_H or not law.rates_id:
            types.add(part.type)
    return types


def _length(mean: float) -> int:
    return int(mean + 12 * math.sqrt(mean) + 30)


def _poisson(mean: float, length: int) -> FloatArray:
    from scipy.special import gammaln

    k = np.arange(length)
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(k * math.log(mean) - mean - gammaln(k + 1))) if mean > 0 else (k == 0).astype(float)


def _cumulative(demand: Demand, hours: float) -> FloatArray:
    """Probability of at most 0, 1, 2, ... failures, over what the rates can be."""
    from scipy.special import ndtr

    total = np.ones(1)
    for units, law, unsure in demand.values():
        if unsure is None:
            mean = units * law.failure_rate_per_h * hours
            mixed = _poisson(mean, _length(mean))
        else:
            nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
            rates = unsure.quantile(np.clip(np.asarray(ndtr(nodes)), 1e-15, 1 - 1e-15)) * law.share
            weights = weights / weights.sum()
            length = _length(float(unsure.quantile(1 - 1e-6)) * law.share * units * hours)
            mixed = sum(
                (w * _poisson(units * float(rate) * hours, length) for w, rate in zip(weights, rates, strict=True)),
                np.zeros(length),
            )
        total = np.convolve(total, mixed)
    return np.cumsum(total)


def _enough(cumulative: FloatArray, protection: float) -> int:
    return int(np.searchsorted(cumulative, protection * (1 - 1e-12)))


def _together(cumulative: dict[str, FloatArray], protection: float) -> dict[str, int]:
    """Numbers with which no type is missing, by adding the spare that helps most."""
    number = dict.fromkeys(cumulative, 0)

    def gain(kind: str) -> float:
        values, k = cumulative[kind], number[kind]
        return math.log(max(min(1.0, values[min(k + 1, len(values) - 1)]), 1e-300) / max(values[k], 1e-300))

    def joint() -> float:
        return math.prod(min(1.0, float(cumulative[kind][k])) for kind, k in number.items())

    while number and joint() < protection:
        best = max(number, key=gain)
        if gain(best) <= 0:
            break
        number[best] += 1
    return number
