"""Designs at the same draws of the inputs that they share, so that their difference is not drowned in common doubt."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_seed, as_whole
from k2rel.errors import InputError, closest
from k2rel.measures.availability import service_named
from k2rel.measures.draws import Drawn
from k2rel.measures.inputs import inputs_of
from k2rel.measures.solution import StudyLike, solution_of
from k2rel.measures.uncertainty import sample_bytes
from k2rel.memory import check_each
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.tables import Shown
from k2rel.uncertain import MOST_POINTS
from k2rel.units import MINUTES_PER_YEAR

__all__ = ["PairedDraws", "paired_draws"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class PairedDraws(Shown):
    """Downtime of the principal traffic of several designs, all at the same draws.

    Examples
    --------
    >>> drawn = PairedDraws({"A": np.array([1.0, 5.0]), "B": np.array([2.0, 5.0])}, 2, 1)
    >>> drawn.p_better("A", "B")
    0.75
    """

    minutes: Mapping[str, FloatArray]  # by design [min/year] (samples,)
    samples: int
    seed: int

    def p_better(self, one: str, other: str) -> float:
        """Share of the draws at which one design is down less than another, ties by halves; nan without draws."""
        if one not in self.minutes or other not in self.minutes:
            return math.nan
        a, b = self.minutes[one], self.minutes[other]
        return float(((a < b) + 0.5 * (a == b)).mean())

    def _line(self) -> str:
        return f"{', '.join(self.minutes)} at the same {self.samples:,} draws (seed {self.seed})"


def paired_draws(
    studies: Mapping[str, StudyLike],
    services: Mapping[str, str] | None = None,
    *,
    samples: int = 400,
    seed: int = 1,
    organisation: Organisation | None = None,
    method: str = "auto",
) -> PairedDraws:
    """Draw the inputs of several designs together: an input of one name has one draw in all of them.

    Parameters
    ----------
    studies : mapping of str to Study, str, Path or Answer
        The designs by name; those that a simulation answers for are left out.
    services : mapping of str to str, optional
        A service for each design; by default its principal traffic.
    samples, seed
        Number of draws, and their seed; draws of an input depend on its name and the seed alone.
    organisation, method
        As for `availability`.

    Returns
    -------
    PairedDraws
        Downtime of each design at every draw.

    Examples
    --------
    >>> drawn = paired_draws({"one": "L2", "other": "L2R"}, samples=50)
    >>> drawn.p_better("other", "one") > 0.9
    True
    """
    samples, seed = as_whole("samples", samples, 2, MOST_POINTS), as_seed(seed)
    for name in services or {}:
        if name not in studies:
            raise InputError(f"services: there is no design '{str(name)[:60]}'{closest(str(name), studies)}")
    columns: dict[str, FloatArray] = {}
    minutes: dict[str, FloatArray] = {}
    for design, study in studies.items():
        solution = solution_of(study, method, organisation)
        if solution.method == "simulation":
            continue
        asked = (services or {}).get(design, principal_traffic(solution.study.site))
        drawn = Drawn(solution)
        service = {one.name: one for one in drawn.services}[service_named(solution.study, asked).name]
        inputs = inputs_of(solution)
        kept = len(columns.keys() | inputs.keys()) + len(minutes)
        check_each(samples, sample_bytes(len(inputs), 1) + 8.0 * kept, "samples of all designs together")
        for name in inputs:
            columns.setdefault(name, _column(name, samples, seed))
        factors = {name: item.factors(columns[name]) for name, item in inputs.items()}
        found = drawn.figures([service], factors, samples).unavailability[service.name]
        minutes[design] = np.broadcast_to(found, (samples,)) * MINUTES_PER_YEAR
    return PairedDraws(minutes, samples, seed)


def _column(name: str, samples: int, seed: int) -> FloatArray:
    """One column of a Latin hypercube, of the input's own: other inputs that a design has or has not change nothing."""
    digest = hashlib.sha256(name.encode()).digest()
    own = np.random.Generator(np.random.Philox(key=[seed & (2**64 - 1), int.from_bytes(digest[:8], "little")]))
    drawn = (own.permutation(samples) + own.random(samples)) / samples
    return np.asarray(np.clip(drawn, 1e-16, 1 - 1e-16))
