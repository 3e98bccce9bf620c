"""Mean and variance of an unavailability without sampling, every part's failure rate uncertain by itself."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from k2rel.distributions import Z95, Uncertain
from k2rel.errors import InputError
from k2rel.logic.function import compile_function
from k2rel.measures.availability import service_named
from k2rel.measures.exchange import functions_of
from k2rel.rates import Law, RaidModule, calendar_of
from k2rel.studies import Study, StudyLike, study_of

__all__ = ["moments", "rate_distributions"]

FloatArray = NDArray[np.float64]


def rate_distributions(study: Study) -> dict[str, Uncertain]:
    """What is known of the failure rates in use that have limits, by row of the table of rates [1/h].

    Examples
    --------
    >>> from k2rel.studies import study
    >>> sorted(rate_distributions(study("L1")))[0]
    'eth_switch_hw_pred'
    """
    used = {law.rates_id for name, law in study.laws.used() if not study.site.described[name].external}
    found = {item.name.removesuffix(".failure_rate"): item for item in study.laws.inputs.values()}
    return {row: found[row].distribution for row in sorted(used) if row in found and found[row].kind == "failure rate"}


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
        A traffic class, one client's, a role, full service, or the loss of all clients; by default the principal
        traffic.

    Returns
    -------
    tuple of float
        Mean and variance; where parts are tested on the same days a bound of the variance from above, very close.

    Raises
    ------
    InputError
        If there is no such service, or it is the loss of some clients but not all.
    ModelTooLargeError
        If there are too many clients to follow one by one.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> mean, variance = moments(study("L2R"), "control_client")
    >>> f"{mean:.2e}", f"{variance:.1e}"
    ('2.82e-07', '1.3e-13')
    """
    study = study_of(study)
    wanted = service_named(study, service).name
    written = functions_of(study).get(wanted)
    if written is None:
        raise InputError(f"the variance of '{wanted}' comes from sampling: see uncertainty")
    diagram = compile_function(study.policy.structure, written(), failures=True)
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
