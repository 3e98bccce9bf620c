"""Failure rates under other conditions than those of the source: temperature, duty and age.

An entry of the registry says under which temperature and duty its rate was given, and which law the life has; only
what its source gives can be carried over to a site's conditions. Anything else is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from k2rel.distributions import Distribution
from k2rel.errors import InputError
from k2rel.units import HOURS_PER_YEAR, format_duration

__all__ = ["Conditions", "arrhenius_factor", "mean_hazard_per_h"]

BOLTZMANN_EV_PER_K = 8.617333262e-5
_ZERO_C = 273.15


@dataclass(frozen=True, slots=True)
class Conditions:
    """Where and how a part works; None where nothing is said.

    Parameters
    ----------
    temperature_c : float or None
        Temperature of the part or of the air around it, whichever the entry speaks of [°C].
    duty : float or None
        Share of the time in which it works, 0 to 1.
    age_h : float or None
        Age of the part [h]; the rate becomes the mean one of the year that follows.

    Examples
    --------
    >>> Conditions(temperature_c=55.0, duty=0.5).words()
    '55 °C, duty 0.5'
    """

    temperature_c: float | None = None
    duty: float | None = None
    age_h: float | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, entry.name) is not None for entry in fields(self))

    def words(self) -> str:
        """Say the conditions in words.

        Returns
        -------
        str
            For provenance; empty where nothing is said.

        Examples
        --------
        >>> Conditions(age_h=17_520).words()
        'age 2 years'
        """
        parts = []
        if self.temperature_c is not None:
            parts.append(f"{self.temperature_c:g} °C")
        if self.duty is not None:
            parts.append(f"duty {self.duty:g}")
        if self.age_h is not None:
            parts.append(f"age {format_duration(self.age_h)}")
        return ", ".join(parts)


def arrhenius_factor(activation_energy_ev: float, reference_c: float, temperature_c: float) -> float:
    r"""Give the ratio of failure rates at two temperatures.

    Notes
    -----
    Arrhenius' law as Telcordia SR-332 and JEDEC JESD91 use it,
    :math:`\exp\left(\frac{E_a}{k}\left(\frac1{T_0} - \frac1T\right)\right)` in kelvin,
    :math:`k = 8.617333262 \times 10^{-5}` eV/K (CODATA).

    Examples
    --------
    >>> round(arrhenius_factor(0.7, 55, 125), 1)
    77.6
    """
    for name, value in (("reference temperature", reference_c), ("temperature", temperature_c)):
        if not -55 <= value <= 200:
            raise InputError(f"{name}: from -55 to 200 °C, got {value:g}")
    if not 0 <= activation_energy_ev <= 3:
        raise InputError(f"activation energy: from 0 to 3 eV, got {activation_energy_ev:g}")
    inverse = 1.0 / (reference_c + _ZERO_C) - 1.0 / (temperature_c + _ZERO_C)
    return math.exp(activation_energy_ev / BOLTZMANN_EV_PER_K * inverse)


def mean_hazard_per_h(life: Distribution, age_h: float, over_h: float = HOURS_PER_YEAR) -> float:
    r"""Give the mean failure rate of a part that has an age, over a time to come [1/h].

    :math:`(H(a + t) - H(a)) / t` with the cumulative hazard :math:`H = -\ln S` (IEC 61649).

    Examples
    --------
    >>> from k2rel.distributions import parse_distribution
    >>> life = parse_distribution("weibull(shape=2, scale=10000 h)")
    >>> round(mean_hazard_per_h(life, 10_000, 1) * 1e4, 4)
    2.0001
    """
    if not 0 <= age_h < math.inf:
        raise InputError(f"age: a time of 0 or more, got {age_h:g} h")
    if life.family == "exponential":
        return 1.0 / life.mean_h
    if life.family == "weibull":
        shape, scale, location = life.parameters
        hazard = [(max(0.0, t - location) / scale) ** shape for t in (age_h, age_h + over_h)]
    elif life.tabulated:
        with np.errstate(all="ignore"):
            hazard = [-float(life.frozen().logsf(t)) for t in (age_h, age_h + over_h)]
    else:
        raise InputError(f"{life}: this distribution has no failure rate")
    value = float(hazard[1] - hazard[0]) / over_h
    if not math.isfinite(value):
        raise InputError(f"age {age_h:g} h: practically no part with the life {life} reaches that age")
    return value
