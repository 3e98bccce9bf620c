"""How sure the figures are, when failure rates are known within limits only.

The table of rates gives 90 % limits. Read as those of a lognormal distribution they make the downtime uncertain:
`uncertainty` samples it, `moments` gives mean and variance without sampling, `sensitivity` says which rate the
spread comes from, and `swing` moves one rate at a time to its limits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_names, as_seed, as_whole
from k2rel.distributions import Z95, Uncertain, from_limits
from k2rel.errors import InputError
from k2rel.exact.engine import derivatives, unavailability
from k2rel.exact.sampling import unavailability_of_samples
from k2rel.logic.function import compile_function
from k2rel.measures.availability import service_named
from k2rel.measures.exchange import functions_of
from k2rel.measures.solution import framed, solution_of
from k2rel.rates import Law, RaidModule, calendar_of, with_rate
from k2rel.services.diagrams import Service
from k2rel.studies import Provenance, Study, StudyLike, study_of
from k2rel.tables import ShownTable
from k2rel.uncertain import MOST_POINTS, mean_interval, points, sobol_indices_of_groups
from k2rel.units import MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "UncertaintyResult",
    "moments",
    "rate_distributions",
    "rates_that_matter",
    "sensitivity",
    "swing",
    "uncertainty",
]

FloatArray = NDArray[np.float64]

_LEVELS = (0.05, 0.5, 0.95)


@dataclass(frozen=True, repr=False)
class UncertaintyResult(ShownTable):
    """Unavailability of services under uncertain failure rates, by sampling."""

    provenance: Provenance
    samples: int
    seed: int
    points: str
    rates: dict[str, Uncertain]  # by row of the table [1/h]
    values: dict[str, FloatArray]  # unavailability by service (samples,)

    def table(self) -> pd.DataFrame:
        """Give the services as a table: downtime [min/year], with the 90 % interval of its mean.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> t = uncertainty(study("L2R"), ["media"], samples=64).table()
        >>> t.loc["media", ["q05", "q50", "q95"]].round(2).tolist()
        [1.06, 3.14, 9.88]
        """
        import pandas as pd

        rows = []
        for name, values in self.values.items():
            minutes = values * MINUTES_PER_YEAR
            rows.append((name, *mean_interval(minutes), *np.quantile(minutes, _LEVELS).tolist()))
        columns = ["service", "mean", "mean_low", "mean_high", "deviation", "q05", "q50", "q95"]
        return self.provenance.signed(pd.DataFrame(rows, columns=columns).set_index("service"))

    def to_json(self) -> dict[str, Any]:
        """Give the result as JSON knows it.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> uncertainty(study("L2R"), ["media"], samples=8).to_json()["samples"]
        8
        """
        rows = {str(name): row for name, row in self.table().to_dict("index").items()}
        heading = self.provenance.heading()
        return heading | {
            "samples": self.samples,
            "seed": self.seed,
            "points": self.points,
            "downtime_min_per_year": rows,
        }

    def _line(self) -> str:
        found = [f"{name} {row.q05:.3g} to {row.q95:.3g}" for name, row in self.table().iterrows()]
        return f"{self.provenance.site}: downtime within 90 % [min/year]: {', '.join(found)}; {self.samples:,} samples"


def rate_distributions(study: Study) -> dict[str, Uncertain]:
    """Read the 90 % limits of the rates in use as lognormal distributions, by row of the table of rates [1/h].

    The mean stays the rate of the table; the limits give the error factor, half of their ratio on a
    logarithmic scale.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> sorted(rate_distributions(study("L1")))[0]
    'eth_switch_hw_pred'
    """
    result: dict[str, Uncertain] = {}
    for name, law in study.laws.used():
        single = law.single
        low, high, share = single.low_per_h, single.high_per_h, single.share
        if single.rates_id and low and high and low < high and not study.site.described[name].external:
            mean = single.failure_rate_per_h / share
            result[single.rates_id] = from_limits("lognormal", low / share, high / share, mean)
    return result


def uncertainty(
    study: StudyLike,
    services: Sequence[str] | str | None = None,
    *,
    samples: int = 10_000,
    seed: int = 1,
    method: str = "lhs",
) -> UncertaintyResult:
    """Sample the unavailability of services.

    Parts whose rate comes from the same row of the table share its draw.

    Parameters
    ----------
    study : Study
    services : sequence of str or str, optional
        The services; by default the principal traffic.
    samples : int
        Number of samples.
    seed : int
        Seed; the same seed gives the same numbers.
    method : {"random", "lhs", "sobol"}
        Plain random points, a Latin hypercube, or Sobol' points.

    Returns
    -------
    UncertaintyResult
        The samples and their table.

    Raises
    ------
    InputError
        If there is no such service, no rate has limits, or an argument is out of range.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> uncertainty(study("L2R"), samples=100, seed=3).values["media"].shape
    (100,)
    """
    study = study_of(study)
    samples, seed = as_whole("samples", samples, 2, MOST_POINTS), as_seed(seed)
    wanted = [None] if services is None else as_names("services", services)
    if not wanted:
        raise InputError("services: name at least one")
    chosen = [service_named(study, name) for name in wanted]
    distributions = rate_distributions(study)
    if not distributions:
        raise InputError(f"{study.site.name}: no failure rate in use has limits, so nothing is uncertain")
    design = points(method, samples, len(distributions), seed)
    drawn = {row: rate.quantile(design[:, column]) for column, (row, rate) in enumerate(distributions.items())}
    values = unavailability_of_samples(study, chosen, drawn)
    return UncertaintyResult(solution_of(study, "exact").provenance, samples, seed, method, distributions, values)


def _likely(study: Study, name: str, distributions: dict[str, Uncertain]) -> tuple[float, float]:
    """Lowest and highest failure rate of a variable, but for very few [1/h]."""
    law, uncertain = study.law(name), distributions.get(study.rates_row(name))
    wide = 1.0 if uncertain is None else uncertain.parameters[1] ** 2
    return law.failure_rate_per_h / wide, law.failure_rate_per_h * wide


def _part_moments(
    study: Study, name: str, distributions: dict[str, Uncertain], times_h: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of one variable's unavailability, by quadrature over its rate; at times of the tests' cycle."""
    law, uncertain = study.law(name), distributions.get(study.rates_row(name))
    if uncertain is None or law.failure_rate_per_h == 0.0:
        if times_h is None or isinstance(law, RaidModule):
            return np.asarray(law.unavailability), np.asarray(0.0)
        return law.unavailability_in_cycle(times_h), np.asarray(0.0)
    # Gauss-Hermite in the logarithm of the rate
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    sigma = math.log(uncertain.parameters[1]) / Z95
    rates = uncertain.mean * np.exp(sigma * nodes - sigma * sigma / 2)
    weights = weights / weights.sum()
    if times_h is not None and isinstance(law, Law):
        q = law.single.tests.at(rates * law.single.share, times_h) ** law.parts
    else:
        q = np.asarray(law.unavailability_of(rates))
    mean = weights @ q
    return np.asarray(mean), np.asarray(weights @ (q - mean) ** 2)


def moments(study: StudyLike, service: str | None = None) -> tuple[float, float]:
    """Give mean and variance of a service's unavailability without sampling, every part uncertain by itself.

    Parts of one type are taken as independent here; where they share one unknown rate, as `uncertainty` has
    it, the variance is larger.

    Parameters
    ----------
    study : Study
    service : str, optional
        A traffic class, one client's, a role, or the loss of all clients; by default the principal traffic.

    Returns
    -------
    tuple of float
        Mean and variance; where parts are tested on the same days a bound of the variance from above, very close.

    Raises
    ------
    InputError
        If there is no such service, or it is no function of parts alone (full service).
    ModelTooLargeError
        If the clients, followed one by one, do not fit in the bounds of `compile_function`.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> mean, variance = moments(study("L2R"), "control_client")
    >>> f"{mean:.2e}", f"{variance:.1e}"
    ('1.84e-08', '1.3e-16')
    """
    study = study_of(study)
    wanted = service_named(study, service).name
    functions = functions_of(study)
    if wanted not in functions:
        raise InputError(f"'{wanted}' is no function of parts alone; its variance comes from sampling")
    diagram = compile_function(study.policy.structure, functions[wanted], failures=True)
    distributions = rate_distributions(study)
    tested = {
        name: law for name in diagram.variables if isinstance(law := study.law(name), Law) and law.tested_together
    }
    if sum(law.parts for law in tested.values()) < 2:
        weight, times = np.ones(1), dict[str, FloatArray]()
    else:
        weight, times = calendar_of(tested, {name: _likely(study, name, distributions) for name in tested})
    pairs = [_part_moments(study, name, distributions, times.get(name)) for name in diagram.variables]
    mean = deviation = 0.0
    for k, share in enumerate(weight.tolist()):
        here, variance = diagram.moments(
            *([float(np.broadcast_to(pair[i], len(weight))[k]) for pair in pairs] for i in (0, 1))
        )
        mean, deviation = mean + share * here, deviation + share * math.sqrt(max(variance, 0.0))
    known = all(float(np.max(pair[1])) == 0.0 for pair in pairs)  # then what is left of the variance is rounding
    return mean, 0.0 if known else deviation**2


def rates_that_matter(study: Study, service: Service) -> dict[str, Uncertain]:
    """List the uncertain rates that a service's unavailability depends on.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> s = study("L1")
    >>> sorted(rates_that_matter(s, service_named(s, "control")))[:2]
    ['eth_switch_hw_pred', 'isl_cable']
    """
    slopes = derivatives(study, service)
    rows = {study.client_laws[part].rates_id for part, slope in slopes.client.items() if slope != 0}
    rows |= {study.rates_row(name) for name, slope in slopes.shared.items() if slope != 0}
    distributions = {row: found for row, found in rate_distributions(study).items() if row in rows}
    if not distributions:
        raise InputError(f"{study.site.name}: no failure rate that '{service.name}' depends on has limits")
    return distributions


def sensitivity(study: StudyLike, service: str | None = None, *, samples: int = 1024, seed: int = 1) -> pd.DataFrame:
    """Say which uncertain rate the spread of a service's unavailability comes from: Sobol' indices.

    Parameters
    ----------
    study : Study
    service : str, optional
        The service; by default the principal traffic.
    samples : int
        Base sample, a power of 2; the model is evaluated (rates + 2) times as often.
    seed : int
        Seed.

    Returns
    -------
    pandas.DataFrame
        Index ``rates_id``, largest total first; ``first_order`` and ``total`` with their 90 % bootstrap limits
        ``first_low``, ``first_high``, ``total_low``, ``total_high``.

    Raises
    ------
    InputError
        If there is no such service, no rate has limits, or `samples` is no power of 2.

    Notes
    -----
    Sobol' indices, every rate a group of its own (`k2rel.uncertain.sobol_indices_of_groups`).

    Examples
    --------
    >>> from k2rel.studies import study
    >>> sensitivity(study("L1"), "control", samples=64)["total"].round(2).to_dict()
    {'server_hw': 0.49, 'os_windows': 0.27, 'eth_switch_hw_pred': 0.19, 'isl_cable': 0.01, 'psu': 0.0}
    """
    import pandas as pd

    study = study_of(study)
    found = service_named(study, service)
    distributions = rates_that_matter(study, found)

    def model(rates: Mapping[str, FloatArray]) -> FloatArray:
        return unavailability_of_samples(study, [found], rates)[found.name]

    indices, _ = sobol_indices_of_groups(model, distributions, {row: [row] for row in distributions}, samples, seed)
    frame = pd.DataFrame(
        {
            "first_order": [index.first for index in indices.values()],
            "first_low": [index.first_low for index in indices.values()],
            "first_high": [index.first_high for index in indices.values()],
            "total": [index.total for index in indices.values()],
            "total_low": [index.total_low for index in indices.values()],
            "total_high": [index.total_high for index in indices.values()],
        },
        index=pd.Index(list(indices), name="rates_id"),
    )
    return framed(frame.sort_values("total", ascending=False, kind="stable"), solution_of(study, "exact"))


def swing(study: StudyLike, service: str | None = None) -> pd.DataFrame:
    """Compute the downtime of a service with each failure rate at its 90 % limits, one after another.

    Parts whose rate comes from the same row of the table move together; all others stay at their value.

    Parameters
    ----------
    study : Study
    service : str, optional
        The service; by default the principal traffic.

    Returns
    -------
    pandas.DataFrame
        Index ``rates_id``, widest swing first; ``types``, ``evidence``, ``low_per_h``, ``high_per_h`` [1/h], and
        ``downtime_low``, ``downtime_high`` [min/year] at the limits. Rows without limits, and rates given by
        hand, are not listed.

    Raises
    ------
    InputError
        If there is no such service.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> swing(study("L2R")).index[0]
    'raid_midplane'
    """
    import pandas as pd

    study = study_of(study)
    found = service_named(study, service)
    rows: dict[str, Law] = {}
    types: dict[str, dict[str, None]] = {}
    for name, law in study.laws.used():
        part = study.site.described[name]
        if (
            law.rates_id
            and law.low_per_h is not None
            and law.high_per_h is not None
            and not part.external
            and law.share
        ):
            rows.setdefault(law.rates_id, law)
            types.setdefault(law.rates_id, {})[part.type] = None
    records = []
    for row, law in rows.items():
        limits = [rate / law.share for rate in (law.low_per_h, law.high_per_h) if rate is not None]
        minutes = [
            unavailability(replace(study, laws=with_rate(study.site, study.laws, row, rate)), found) * MINUTES_PER_YEAR
            for rate in limits
        ]
        records.append((row, " ".join(types[row]), law.evidence, *limits, *minutes))
    columns = ["rates_id", "types", "evidence", "low_per_h", "high_per_h", "downtime_low", "downtime_high"]
    frame = pd.DataFrame(records, columns=columns).set_index("rates_id")
    order = (frame["downtime_high"] - frame["downtime_low"]).abs().sort_values(ascending=False, kind="stable").index
    return framed(frame.loc[order], solution_of(study, "exact"))
