"""How values stand in a site file: quantities with their unit, names, and what needs and paths name."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

from k2rel.site.coverage import DEFAULT
from k2rel.site.names import LONGEST, SCHEMA_PATTERN, wrong_with_name, wrong_with_text
from k2rel.units import (
    HOURS_PER_YEAR,
    MB_S,
    Amount,
    parse_amount,
    parse_duration,
    parse_mttf,
    parse_rate,
    parse_share,
    parse_temperature,
    wrong_unit,
)

__all__: list[str] = []

MOST_MB_S = 1e12


def _typed(description: str, *examples: str, least: float = 0) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": least}, {"type": "string"}],
            "description": description,
            "examples": examples,
        }
    )


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be above 0")
    return value


def _capacity(value: object) -> object:
    share = parse_share(value)
    if share is not None:
        return str(value)
    capacity = _amount(value)
    _positive(capacity.value)
    return capacity


def _amount(value: object) -> Amount:
    """A load, or what is left as it was read."""
    read = value if isinstance(value, Amount) else parse_amount(value)
    if read.value > MOST_MB_S:
        raise ValueError(f"must be at most {MOST_MB_S:g} {read.unit or MB_S}")
    return read


def _unit(value: object) -> object:
    if isinstance(value, str) and (problem := wrong_unit(value)):
        raise ValueError(problem)
    return value


def _by_cause(value: object) -> object:
    """One value is that whatever failed."""
    if not isinstance(value, dict):
        return {DEFAULT: value}
    if DEFAULT not in value:
        raise ValueError(f"needs an entry '{DEFAULT}', for what no other entry names")
    return value


Duration = Annotated[float, BeforeValidator(parse_duration), _typed("a time", "4 h", "30 s", "1.2e6 h")]
PositiveDuration = Annotated[
    float,
    BeforeValidator(parse_duration),
    AfterValidator(_positive),
    _typed("a time above 0", "4 h", "1.2e6 h"),
]
MeanLife = Annotated[
    float,
    BeforeValidator(parse_mttf),
    AfterValidator(_positive),
    _typed("a time above 0", "4 h", "1.2e6 h"),
]
Celsius = Annotated[float, BeforeValidator(parse_temperature), _typed("a temperature", "55 °C", "40", least=-273.15)]
Rate = Annotated[float, BeforeValidator(parse_rate), _typed("a rate", "500 FIT", "2e-6 /h", "1 per year")]


def within(most: float, unit: str) -> AfterValidator:
    """What is beyond every network is a slip of the pen, and would overflow sums."""

    def checked(value: float) -> float:
        if value > most:
            raise ValueError(f"must be at most {most:g}{unit}")
        return value

    return AfterValidator(checked)


Wait = Annotated[Duration, within(HOURS_PER_YEAR, " h")]
"""What somebody waits for; what takes longer than a year does not end."""


def no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, got '{str(value).lower()}'")
    return value


Load = Annotated[Amount, PlainValidator(_amount), _typed("a bandwidth, or a number in 'unit'", "25 MB/s", "50 Mb/s")]
Capacity = Annotated[
    Amount | str, PlainValidator(_capacity), _typed("a bandwidth, or a load", "125 MB/s", "10 kW", "40 % of clients")
]
LoadUnit = Annotated[str, BeforeValidator(_unit), Field(max_length=16)]
Probability = Annotated[float, Field(gt=0, le=1), BeforeValidator(no_truth)]
PROBABILITY: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(no_truth)]
_TIME = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}


def _one_or_by_cause(schema: dict[str, Any]) -> WithJsonSchema:
    by_cause = {"type": "object", "additionalProperties": schema, "required": [DEFAULT]}
    return WithJsonSchema({"anyOf": [schema, by_cause]})


Coverage = Annotated[dict[str, Probability], BeforeValidator(_by_cause), _one_or_by_cause(PROBABILITY)]
Detection = Annotated[dict[str, Wait], BeforeValidator(_by_cause), _one_or_by_cause(_TIME)]


def _printable(value: str, *, lines: bool = False) -> str:
    if (wrong := wrong_with_text(value, lines=lines)) is not None:
        raise ValueError(wrong)
    return value


Text = Annotated[str, StringConstraints(max_length=2000), AfterValidator(partial(_printable, lines=True))]
Title = Annotated[str, StringConstraints(max_length=160), AfterValidator(_printable)]


def _mark(value: object) -> object:
    """A whole number is as good as its digits; a fraction would lose what is written (1.10 is 1.1 as a number)."""
    if isinstance(value, float | bool):
        raise ValueError("write it in quotes, so that it stays as it is written")
    return str(value) if isinstance(value, int) else value


def _name(value: str) -> str:
    wrong = wrong_with_name(value)
    if wrong is None:
        return value
    if value.startswith("@"):
        wrong = "must be a role, as it is called; '@name' may stand in 'via', 'prefer' and parts of clients alone"
    raise ValueError(wrong)


Name = Annotated[
    str,
    BeforeValidator(_mark),
    AfterValidator(_name),
    WithJsonSchema({"type": ["string", "integer"], "pattern": SCHEMA_PATTERN, "maxLength": LONGEST}),
]
PartName = Annotated[str, BeforeValidator(_mark), WithJsonSchema({"type": ["string", "integer"]})]
"""A part as something else names it, which may be ``@subscription``."""


Mark = Annotated[
    Title,
    BeforeValidator(_mark),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": 160}, {"type": "integer"}]}),
]


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


# which form a person meant, so that one mistake gives one sentence
def _count_or_name(value: object) -> str:
    return "Count" if isinstance(value, dict | BaseModel) else "Name"


def _series_or_name(value: object) -> str:
    return "Series" if isinstance(value, list | tuple) else "Name"


def _no_series(value: object) -> object:
    if isinstance(value, list):
        raise ValueError("a series of parts cannot be used here; name one part, which may need the others")
    return value


OnePart = Annotated[PartName, BeforeValidator(_no_series)]


def _no_count(value: object) -> object:
    if isinstance(value, dict):
        raise ValueError(
            "a count of parts cannot be used in a series; name a part, of a type that never fails, that needs it"
        )
    return value


_Series = Annotated[tuple[Annotated[PartName, BeforeValidator(_no_count)], ...], Field(min_length=1, max_length=32)]
OneBranch = Annotated[
    Annotated[PartName, Tag("Name")] | Annotated[_Series, Tag("Series")], Discriminator(_series_or_name)
]


def _counted(value: object) -> object:
    if value == "majority":
        raise ValueError("'majority' applies to votes, under 'quorum' only; write how many")
    return no_truth(value)


class KOutOfN(Record):
    """At least k of some components."""

    at_least: Annotated[int, BeforeValidator(_counted)] = Field(ge=1, description="how many must work")
    of: tuple[OnePart, ...] = Field(min_length=1, max_length=200, description="the components to count")


class Branches(Record):
    """At least k of some branches of a path; each is a part, or a list of parts that are crossed one after another."""

    at_least: Annotated[int, BeforeValidator(_counted)] = Field(ge=1, description="how many must work")
    of: tuple[OneBranch, ...] = Field(min_length=1, max_length=200, description="the branches to count")


OneNeed = Annotated[Annotated[OnePart, Tag("Name")] | Annotated[KOutOfN, Tag("Count")], Discriminator(_count_or_name)]


def _each_once(value: tuple[str | KOutOfN, ...]) -> tuple[str | KOutOfN, ...]:
    names = [one for one in value if isinstance(one, str)]
    if len(set(names)) < len(names):
        raise ValueError(f"names '{next(one for one in names if names.count(one) > 1)}' twice; name it once")
    return value


Needs = Annotated[tuple[OneNeed, ...], Field(max_length=1000), AfterValidator(_each_once)]
OneStage = Annotated[Annotated[OnePart, Tag("Name")] | Annotated[Branches, Tag("Count")], Discriminator(_count_or_name)]
