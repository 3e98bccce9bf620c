"""How sure the figures are: all inputs that are known within limits drawn together, by the engine that answers.

Failure rates and repair times of the registry, coverages, switchovers, operator times, test intervals, rebuild times,
demands and capacities. What uses one entry of the registry has one draw of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_names, as_number, as_seed, as_whole
from k2rel.columns import counted, percentage
from k2rel.errors import InputError, closest
from k2rel.inputs import Input
from k2rel.measures.availability import service_named
from k2rel.measures.capacity import carried
from k2rel.measures.draws import Drawn
from k2rel.measures.inputs import about, inputs_of
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.memory import check_each
from k2rel.organisation import Organisation
from k2rel.services.diagrams import Service
from k2rel.studies import Provenance
from k2rel.tables import ShownTable
from k2rel.uncertain import MOST_POINTS, mean_interval
from k2rel.uncertain import points as chosen_points
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR, three_digits

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UncertaintyResult", "drawn_factors", "sample_bytes", "uncertainty"]

FloatArray = NDArray[np.float64]

_LEVELS = (0.05, 0.5, 0.95)


@dataclass(frozen=True, repr=False)
class UncertaintyResult(ShownTable):
    """What services do at many draws of all inputs that are known within limits."""

    provenance: Provenance
    samples: int
    seed: int
    points: str
    inputs: dict[str, Input]
    factors: dict[str, FloatArray]  # draws of each input as shares of its point (samples,)
    at_point: dict[str, float]  # unavailability by service with every input at its point
    unavailability: dict[str, FloatArray]  # by service (samples,)
    frequencies: dict[str, FloatArray] = field(default_factory=dict)  # failures by service [1/h]
    often: dict[str, float] = field(default_factory=dict)  # failures with every input at its point [1/h]
    overload: FloatArray | None = None  # probability that traffic which counts overloads something
    carries: NDArray[np.bool_] | None = None  # whether the site carries its clients with nothing failed
    carries_after: NDArray[np.bool_] | None = None  # and after every single failure
    about: dict[str, str] = field(default_factory=dict)  # inputs in words

    def table(self) -> pd.DataFrame:
        """Give the services as a table: downtime [min/year] with inputs as given and over the draws, failures a year.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> t = uncertainty(study("L2R"), ["media"], samples=64).table()
        >>> bool(t["low_min_per_year"].iloc[0] < t["downtime_min_per_year"].iloc[0] < t["high_min_per_year"].iloc[0])
        True
        """
        import pandas as pd

        rows = []
        for name, values in self.unavailability.items():
            minutes = values * MINUTES_PER_YEAR
            row = [name, self.at_point[name] * MINUTES_PER_YEAR, *mean_interval(minutes)]
            row += np.quantile(minutes, _LEVELS).tolist()
            if name in self.frequencies:
                often = self.frequencies[name] * HOURS_PER_YEAR
                ends = np.quantile(often, [0.05, 0.95]).tolist()
                row += [self.often[name] * HOURS_PER_YEAR, float(often.mean()), *ends]
            rows.append(row)
        columns = ["service", "downtime_min_per_year", "mean_min_per_year", "mean_low_min_per_year",
                   "mean_high_min_per_year", "standard_deviation_min_per_year", "low_min_per_year",
                   "median_min_per_year", "high_min_per_year"]  # fmt: skip
        more = ["failures_per_year", "mean_failures_per_year", "low_failures_per_year", "high_failures_per_year"]
        width = len(rows[0]) if rows else len(columns)
        frame = pd.DataFrame(rows, columns=[*columns, *more][:width]).set_index("service")
        frame.attrs |= {"samples": self.samples, "seed": self.seed}
        return self.provenance.signed(frame)

    def inputs_table(self) -> pd.DataFrame:
        """Give the inputs as a table: what each is, point, limits, mean, and where it comes from.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> uncertainty("L1", samples=8).inputs_table().loc["psu.failure_rate", "kind"]
        'failure rate'
        """
        import pandas as pd

        from k2rel.distributions import point_is

        rows = [
            (item.name, self.about.get(item.name, item.name), item.kind, item.point, item.low, item.high,
             item.distribution.mean, item.unit, item.distribution.family, point_is(item.distribution, item.point),
             item.evidence, item.source)
            for item in self.inputs.values()
        ]  # fmt: skip
        columns = ["input", "about", "kind", "value", "low", "high", "mean", "unit", "distribution", "point",
                   "evidence", "source"]  # fmt: skip
        return self.provenance.signed(pd.DataFrame(rows, columns=columns).set_index("input"))

    def probability(self, service: str, at_most_min_per_year: float, *, carrying: bool = False) -> float:
        """Share of the draws with at most some downtime a year; of those that carry the clients, where that is asked.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> uncertainty("L1", ["media"], samples=64).probability("media", 1e6)
        1.0
        """
        if service not in self.unavailability:
            raise InputError(f"there are no draws of '{str(service)[:60]}'{closest(str(service), self.unavailability)}")
        allowed = as_number("at_most_min_per_year", at_most_min_per_year)
        if not allowed >= 0.0:
            raise InputError(f"at_most_min_per_year: a downtime of 0 or more, got {allowed:g}")
        good = self.unavailability[service] * MINUTES_PER_YEAR <= at_most_min_per_year
        if carrying and self.carries is not None:
            good = good & self.carries
        return float(good.mean())

    def load_words(self) -> str:
        """Say how sure it is that the site carries its clients, and what overload does.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> uncertainty(study("L2R"), ["media"], samples=16).load_words()[:48]
        'The site carries its 4 clients with a probabilit'
        """
        clients = counted(self.provenance.clients, "client")
        carried = f"The site carries its {clients} with a probability of {percentage(self.p_carries)}"
        if self.carries_after is not None:
            carried += f", and with {percentage(float(self.carries_after.mean()))} also after every single failure"
        if self.overload is None:
            return f"{carried}."
        low, high = np.quantile(self.overload, [0.05, 0.95]).tolist()
        between = f", {low:.3g} to {high:.3g} (90 %)" if high > low else ""
        return f"{carried}. P(any overload) = {self.overload.mean():.3g} on average{between}."

    @property
    def p_carries(self) -> float:
        """Probability that the site carries its clients with nothing failed."""
        return 1.0 if self.carries is None else float(self.carries.mean())

    def to_json(self) -> dict[str, Any]:
        """Give the result as JSON knows it.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> uncertainty(study("L2R"), ["media"], samples=8).to_json()["samples"]
        8
        """
        rows = {str(name): row for name, row in self.table().to_dict("index").items()}
        inputs = {str(name): row for name, row in self.inputs_table().to_dict("index").items()}
        over = None
        if self.overload is not None:
            low, middle, high = np.quantile(self.overload, _LEVELS).tolist()
            over = {"mean": float(self.overload.mean()), "q05": low, "q50": middle, "q95": high}
        after = None if self.carries_after is None else float(self.carries_after.mean())
        return self.provenance.heading() | {
            "samples": self.samples,
            "seed": self.seed,
            "points": self.points,
            "inputs": inputs,
            "downtime_min_per_year": rows,
            "p_any_overload": over,
            "p_carries_clients": self.p_carries,
            "p_carries_clients_after_each_failure": after,
        }

    def _line(self) -> str:
        found = [
            f"{name} {three_digits(row.low_min_per_year)} to {three_digits(row.high_min_per_year)}"
            for name, row in self.table().head(4).iterrows()
        ]
        return f"{self.provenance.site}: downtime within 90 % [min/year]: {', '.join(found)}; {self.samples:,} samples"


def uncertainty(
    study: StudyLike,
    services: Sequence[str] | str | None = None,
    *,
    samples: int = 2000,
    seed: int = 1,
    points: str = "lhs",
    organisation: Organisation | None = None,
    method: str = "auto",
    correlations: Mapping[tuple[str, str], float] | None = None,
    frequency: bool = True,
) -> UncertaintyResult:
    """Draw all inputs that are known within limits, and answer at every draw.

    Parameters
    ----------
    study, organisation, method
        As for `availability`; the engine that answers there answers here.
    services : sequence of str or str, optional
        The services; by default the principal traffic.
    samples : int
        Number of samples.
    seed : int
        Seed; the same seed gives the same numbers.
    points : {"lhs", "random", "sobol"}
        A Latin hypercube, plain random points, or Sobol' points.
    correlations : mapping of (str, str) to float, optional
        Correlation of the normal scores of two inputs, above -1 and below 1; by default inputs are independent.
    frequency : bool
        Whether failures a year, overload and what the site carries are followed beside the downtime.

    Returns
    -------
    UncertaintyResult
        The samples and their tables.

    Raises
    ------
    InputError
        If there is no such service, nothing has limits, an argument is out of range, or a simulation answers.
    ModelTooLargeError
        If so many samples take more memory than may be used.

    Examples
    --------
    >>> uncertainty("L2R", samples=100, seed=3).unavailability["media"].shape
    (100,)
    """
    solution = solution_of(study, method, organisation)
    samples, seed = as_whole("samples", samples, 2, MOST_POINTS), as_seed(seed)
    chosen = _services(solution, services)
    inputs = inputs_of(solution)
    if not inputs:
        raise InputError(
            f"{solution.study.site.name}: no input of its figures has limits; give some as "
            "'value (low to high)', or as low and high in the site file"
        )
    each = sample_bytes(len(inputs), len(chosen)) + (8.0 * len(inputs) if correlations else 0.0)
    check_each(samples, each, f"samples of {len(inputs)} inputs")
    factors = drawn_factors(inputs, samples, seed, points, correlations)
    drawn = Drawn(solution)
    found = drawn.figures(chosen, factors, samples, all_of_it=frequency)
    engine = solution.engine
    at_point = {service.name: engine.unavailability(service) for service in chosen}
    often = {name: engine.failure_frequency(s) for s in chosen if (name := s.name) in found.frequency_per_h}
    carries = carried(solution.study, factors, samples)
    after = carried(solution.study, factors, samples, after_failures=True) if frequency else None
    return UncertaintyResult(
        solution.provenance, samples, seed, points, inputs, factors, at_point, found.unavailability,
        found.frequency_per_h, often, found.overload, carries, after,
        {name: about(solution.study, item) for name, item in inputs.items()},
    )  # fmt: skip


def sample_bytes(inputs: int, services: int) -> float:
    """Memory of one sample while most is held: points while they are drawn, what is kept of inputs and services."""
    return 8.0 * (3.5 * inputs + 4 * services + 4)


def _services(solution: Solution, services: Sequence[str] | str | None) -> list[Service]:
    """The services that are meant, of the engine that answers."""
    wanted = [None] if services is None else as_names("services", services)
    if not wanted:
        raise InputError("services: name at least one")
    named = {service.name: service for service in Drawn(solution).services}
    return [named[service_named(solution.study, name).name] for name in wanted]


def drawn_factors(
    inputs: Mapping[str, Input],
    samples: int,
    seed: int,
    points: str = "lhs",
    correlations: Mapping[tuple[str, str], float] | None = None,
) -> dict[str, FloatArray]:
    """Draw inputs, each as a share of its point."""
    design = chosen_points(points, samples, len(inputs), seed)
    if correlations:
        design = _correlated(design, list(inputs), correlations)
    return {name: item.factors(design[:, column]) for column, (name, item) in enumerate(inputs.items())}


def _correlated(design: FloatArray, names: list[str], correlations: Mapping[tuple[str, str], float]) -> FloatArray:
    """Points whose normal scores have some correlations (a Gaussian copula)."""
    from scipy.special import ndtr, ndtri

    if not isinstance(correlations, Mapping):
        raise InputError(f"correlations: a mapping such as {{('a', 'b'): 0.5}} is needed, got {str(correlations)[:40]}")
    matrix = np.eye(len(names))
    for pair, value in correlations.items():
        if not isinstance(pair, tuple) or len(pair) != 2 or pair[0] == pair[1]:
            raise InputError(f"correlations: of two different inputs each, as ('a', 'b'), got {str(pair)[:60]}")
        for name in pair:
            if name not in names:
                raise InputError(f"correlations: there is no input '{str(name)[:60]}'{closest(str(name), names)}")
        value = as_number("correlation", value)
        if not -1.0 < value < 1.0:
            raise InputError(f"correlation of {pair[0]} and {pair[1]}: a number above -1 and below 1, got {value:g}")
        one, other = names.index(pair[0]), names.index(pair[1])
        if matrix[one, other] not in (0.0, value):
            raise InputError(f"correlations: {pair[0]} and {pair[1]} have two; give one")
        matrix[one, other] = matrix[other, one] = value
    try:
        root = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise InputError(
            "correlations: they contradict each other: no inputs can have all of them at once; make some smaller"
        ) from None
    return np.asarray(np.clip(ndtr(ndtri(design) @ root.T), 1e-16, 1 - 1e-16))
