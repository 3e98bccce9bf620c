"""One entry of the registry: a failure rate with its limits, law, conditions, restore times and origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from k2rel.distributions import Distribution, Uncertain, from_limits, point_is
from k2rel.errors import InputError
from k2rel.rates.conditions import Conditions, arrhenius_factor, mean_hazard_per_h
from k2rel.rates.failure_law import Law
from k2rel.tables import Shown

__all__ = ["CONTRACTS", "Contract", "RateRow"]

Contract = Literal["onsite", "4h", "nbd"]
"""Repair contract: spare and technician on site, four hours, next business day."""
CONTRACTS: tuple[Contract, ...] = get_args(Contract)
"""All contracts, the fastest first."""


@dataclass(frozen=True, slots=True, repr=False)
class RateRow(Shown):
    """One entry: a failure rate with its limits, law, conditions, restore times and origin.

    Parameters
    ----------
    id : str
        Its name.
    component_types, also_for : tuple of str
        Component types whose default it is, and others that it could be used for.
    rate_per_h, low_per_h, high_per_h : float
        Failure rate and its 90 % limits [1/h]; None where there are no limits.
    life : Distribution
        Law of the life, its mean the reciprocal of the rate.
    mttr_h : mapping of str to float
        Time to restoration [h] by contract.
    mttr_factor : float or None
        Each of those times lies between itself over this and itself times this (5 and 95 %); None: no limits.
    temperature_c, activation_energy_ev, duty : float or None
        Conditions that the rate was given for, so far as the source says them.
    default_reason, component, failure_mode, conditions, evidence, confidence, source, year, url, notes : str
        What it is of, why it is a default, and where it comes from.
    """

    id: str
    rate_per_h: float
    life: Distribution | None = None
    low_per_h: float | None = None
    high_per_h: float | None = None
    mttr_h: Mapping[str, float] = field(default_factory=dict)
    component_types: tuple[str, ...] = ()
    also_for: tuple[str, ...] = ()
    temperature_c: float | None = None
    activation_energy_ev: float | None = None
    duty: float | None = None
    mttr_factor: float | None = None
    default_reason: str = ""
    component: str = ""
    failure_mode: str = ""
    conditions: str = ""
    evidence: str = ""
    confidence: str = ""
    source: str = ""
    year: str = ""
    url: str = ""
    notes: str = ""

    @property
    def known(self) -> Uncertain | None:
        """What the limits say of the rate: the lognormal distribution with these 5 and 95 % quantiles."""
        low, high = self.low_per_h, self.high_per_h
        return from_limits("lognormal", low, high) if low and high and low < high else None

    @property
    def point(self) -> str:
        """What the rate is to that distribution: its median, its mean or an estimate of its own; empty without one."""
        return "" if self.known is None else point_is(self.known, self.rate_per_h)

    @property
    def mean_per_h(self) -> float:
        """Mean of that distribution; the rate itself where there are no limits [1/h]."""
        return self.rate_per_h if self.known is None else self.known.mean

    @property
    def origin(self) -> str:
        """Source and address in one."""
        return "; ".join(part for part in (self.source, self.url) if part)

    def factor(self, conditions: Conditions) -> float:
        """Give the ratio of the rate under other conditions to that of the entry.

        Parameters
        ----------
        conditions : Conditions
            Conditions of use.

        Returns
        -------
        float
            Arrhenius factor times ratio of duties times ratio of the hazard at that age to the mean rate.

        Raises
        ------
        InputError
            If the entry does not say what a condition needs: a reference temperature with its activation energy, a
            reference duty, or a life that is not exponential.

        Examples
        --------
        >>> from k2rel.rates import read_rates
        >>> round(read_rates().row("sfp_pred").factor(Conditions(temperature_c=55.0)), 2)
        1.97
        """
        result = 1.0
        if conditions.temperature_c is not None:
            if self.temperature_c is None or self.activation_energy_ev is None:
                raise InputError(
                    f"entry '{self.id}' gives no temperature with an activation energy, so its rate cannot be carried "
                    f"over to {conditions.temperature_c:g} °C; use an entry that has one, or give the rate itself"
                )
            result *= arrhenius_factor(self.activation_energy_ev, self.temperature_c, conditions.temperature_c)
        if conditions.duty is not None:
            if not 0 <= conditions.duty <= 1:
                raise InputError(f"duty: a share from 0 to 1, got {conditions.duty:g}")
            if self.duty is None:
                raise InputError(
                    f"entry '{self.id}' gives no duty, so its rate cannot be converted to a duty of "
                    f"{conditions.duty:g}; use an entry that has one, or give the rate itself"
                )
            result *= conditions.duty / self.duty
        if conditions.age_h is not None:
            if self.life is None or self.life.family == "exponential":
                raise InputError(
                    f"entry '{self.id}' has a constant failure rate, which does not depend on age; use an entry with "
                    "another failure law"
                )
            result *= mean_hazard_per_h(self.life, conditions.age_h) / self.rate_per_h
        return result

    def law(self, contract: Contract, mttr_h: float | None = None, conditions: Conditions | None = None) -> Law:
        """Give the entry as a law under a repair contract.

        Parameters
        ----------
        contract : {"onsite", "4h", "nbd"}
            The repair contract.
        mttr_h : float, optional
            A time to restoration instead of the entry's [h].
        conditions : Conditions, optional
            Conditions of use, where they differ from those of the source.

        Returns
        -------
        Law
            Constant rates with the entry's origin.

        Raises
        ------
        InputError
            If the entry has no restore time for the contract, or does not know a condition (`factor`).

        Examples
        --------
        >>> from k2rel.rates import read_rates
        >>> read_rates().row("psu").law("nbd").mttr_h
        50.0
        """
        if mttr_h is None and contract not in self.mttr_h:
            raise InputError(f"row '{self.id}' of the table of rates has no restore time for the contract '{contract}'")
        share = self.factor(conditions) if conditions else 1.0
        words = f" (converted to {conditions.words()}: rate times {share:.4g})" if conditions else ""
        return Law(
            self.rate_per_h * share,
            self.mttr_h[contract] if mttr_h is None else mttr_h,
            low_per_h=None if self.low_per_h is None else self.low_per_h * share,
            high_per_h=None if self.high_per_h is None else self.high_per_h * share,
            rates_id=self.id,
            evidence=self.evidence,
            source=self.origin + words,
            share=share,
        )

    def _line(self) -> str:
        return f"{self.id}: {self.rate_per_h:.3g} /h, {self.evidence}"
