"""What a file or a setting says of failure and repair: each thing in several forms, the nearest of which counts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from k2rel.inputs import Uses, without

__all__ = ["LAW_KEYS", "RATE_KEYS", "GivenLaw"]

LAW_KEYS = {
    "rates": "rates",
    "mttf": "mttf_h",
    "failure_rate": "failure_rate_per_h",
    "unavailability": "unavailability",
    "mttr": "mttr_h",
    "test_interval": "test_interval_h",
    "test_offset": "test_offset_h",
    "tested": "tested",
    "temperature": "temperature_c",
    "duty": "duty",
    "age": "age_h",
}
"""Fields of `GivenLaw` by the key that a file or a setting has for them."""

RATE_KEYS = ("rates", "mttf", "failure_rate", "unavailability")
"""Keys that say the same in different forms, so that one of them takes the place of the others."""


@dataclass(frozen=True, slots=True)
class GivenLaw:
    """What a site file says about failure and repair [h, 1/h, °C]; None where it is silent."""

    rates: str | None = None
    mttf_h: float | None = None
    failure_rate_per_h: float | None = None
    unavailability: float | None = None
    mttr_h: float | None = None
    test_interval_h: float | None = None
    evidence: str | None = None
    source: str | None = None
    temperature_c: float | None = None
    duty: float | None = None
    age_h: float | None = None
    test_offset_h: float | None = None
    tested: str | None = None
    uses: tuple[Uses, ...] = field(default=(), repr=False)

    def over(self, other: GivenLaw) -> GivenLaw:
        """Put this above another: what is given here takes precedence, what is silent here comes from there.

        Examples
        --------
        >>> GivenLaw(mttf_h=100.0).over(GivenLaw(failure_rate_per_h=0.1, mttr_h=2.0))
        ... # doctest: +ELLIPSIS
        GivenLaw(rates=None, mttf_h=100.0, failure_rate_per_h=None, unavailability=None, mttr_h=2.0, ...)
        """
        says = {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None and name != "uses"}
        rates = [LAW_KEYS[key] for key in RATE_KEYS]
        if any(name in says for name in rates):
            other = replace(other, **dict.fromkeys((*rates, "evidence", "source")), uses=without(other.uses, *rates))
        return replace(other, **says, uses=(*self.uses, *without(other.uses, *says)))
