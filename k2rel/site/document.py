"""What may stand in a site file, as pydantic models; `k2rel.site.schema` gives the same to an editor.

The field descriptions here are the reference of the format. A scalar written ``"=name"`` takes the value
of the assumption of that name, so that what was assumed stands in one place with its reason. Numbers that may have
limits (`k2rel.site.limits`) may stand as ``{value: ..., low: ..., high: ...}``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

from k2rel.site.coverage import DEFAULT
from k2rel.units import (
    HOURS_PER_YEAR,
    parse_bandwidth,
    parse_duration,
    parse_mttf,
    parse_rate,
    parse_share,
    parse_temperature,
)

__all__ = ["MOST_CLIENTS", "MOST_PATHS", "SiteDocument"]

MOST_CLIENTS = 10_000
MOST_MB_S = 1e12
MOST_PATHS = 32


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
    capacity = _positive(parse_bandwidth(value))
    if capacity > MOST_MB_S:
        raise ValueError(f"must be at most {MOST_MB_S:g} MB/s")
    return capacity


def _by_cause(value: object) -> object:
    """One number is the coverage whatever failed."""
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


def _within(most: float, unit: str) -> AfterValidator:
    """What is beyond every network is a slip of the pen, and would overflow sums."""

    def checked(value: float) -> float:
        if value > most:
            raise ValueError(f"must be at most {most:g}{unit}")
        return value

    return AfterValidator(checked)


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, got '{str(value).lower()}'")
    return value


Bandwidth = Annotated[
    float, BeforeValidator(parse_bandwidth), _within(MOST_MB_S, " MB/s"), _typed("a bandwidth", "25 MB/s", "50 Mb/s")
]
Capacity = Annotated[float | str, BeforeValidator(_capacity), _typed("a bandwidth", "125 MB/s", "40 % of clients")]
_Probability = Annotated[float, Field(gt=0, le=1)]
_PROBABILITY = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
_BY_CAUSE = {"type": "object", "additionalProperties": _PROBABILITY, "required": [DEFAULT]}
Coverage = Annotated[
    dict[str, _Probability], BeforeValidator(_by_cause), WithJsonSchema({"anyOf": [_PROBABILITY, _BY_CAUSE]})
]
NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,62}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
Text = Annotated[str, StringConstraints(max_length=2000)]
Title = Annotated[str, StringConstraints(max_length=160)]


def _mark(value: object) -> object:
    """A whole number is as good as its digits; a fraction would lose what is written (1.10 is 1.1 as a number)."""
    if isinstance(value, float):
        raise ValueError("write it in quotes, so that it stays as it is written")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Mark = Annotated[
    Title,
    BeforeValidator(_mark),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": 160}, {"type": "integer"}]}),
]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


# which form a person meant, so that one mistake gives one sentence
def _count_or_name(value: object) -> str:
    return "Count" if isinstance(value, dict | BaseModel) else "Name"


def _series_or_name(value: object) -> str:
    return "Series" if isinstance(value, list | tuple) else "Name"


def _no_series(value: object) -> object:
    if isinstance(value, list):
        raise ValueError("a series of parts cannot stand here; name one part, which may need the others")
    return value


_OnePart = Annotated[str, BeforeValidator(_no_series)]
_Series = Annotated[tuple[str, ...], Field(min_length=1, max_length=32)]
_Branch = Annotated[Annotated[str, Tag("Name")] | Annotated[_Series, Tag("Series")], Discriminator(_series_or_name)]


class KOutOfN(_Record):
    """At least k of some components."""

    at_least: Annotated[int, BeforeValidator(_number)] = Field(ge=1, description="how many must work")
    of: tuple[_OnePart, ...] = Field(min_length=1, max_length=200, description="the components to count")


class Branches(_Record):
    """At least k of some branches of a path; each is a part, or a list of parts that are crossed one after another."""

    at_least: Annotated[int, BeforeValidator(_number)] = Field(ge=1, description="how many must work")
    of: tuple[_Branch, ...] = Field(min_length=1, max_length=200, description="the branches to count")


_Need = Annotated[Annotated[_OnePart, Tag("Name")] | Annotated[KOutOfN, Tag("Count")], Discriminator(_count_or_name)]
_Stage = Annotated[Annotated[_OnePart, Tag("Name")] | Annotated[Branches, Tag("Count")], Discriminator(_count_or_name)]


class LawFields(_Record):
    """Failure and repair of a component or of a type; what is not given comes from the table of rates."""

    rates: str | None = Field(None, description="id of a row in the table of rates")
    mttf: MeanLife | None = Field(None, description="mean operating time to failure")
    failure_rate: Rate | None = Field(None, description="failure rate; 0 means that it never fails")
    unavailability: float | None = Field(None, ge=0, lt=1, description="instead of a rate: the steady value")
    mttr: PositiveDuration | None = Field(None, description="mean time to restoration, from failure to back in service")
    test_interval: Duration | None = Field(
        None, description="failures are hidden until a test; they are found half an interval late on average"
    )
    test_offset: Duration | None = Field(
        None, description="first test this long after the common day 0; without it all intervals begin on the same day"
    )
    tested: Literal["on the same days", "independently"] | None = Field(
        None, description="'independently': the days of its tests have nothing to do with those of other parts"
    )
    temperature: Celsius | None = Field(
        None, description="carries a rate of the registry over to this temperature, by Arrhenius"
    )
    duty: float | None = Field(None, ge=0, le=1, description="carries it over to working this share of the time")
    age: Duration | None = Field(None, description="carries it over to parts of this age")
    evidence: Title | None = Field(None, description="V read, A analogue, R recalled, P prior, or your own word")
    source: Text | None = Field(None, description="where the numbers come from")
    capacity: Capacity | None = Field(None, description="the most it carries")
    external: bool | None = Field(
        None, description="outside the system: can be failed by hand, its own failures are not counted"
    )


class ComponentEntry(LawFields):
    """One physical part."""

    type: Name
    side: Name | None = Field(None, description="the side it belongs to; none for shared parts")
    title: Title | None = None
    within: Name | None = Field(None, alias="in", description="the component that it sits in")
    needs: tuple[_Need, ...] = Field((), description="what must work for this to work")
    carries: bool | None = Field(
        None, description="format 2: it carries the load of what is crossed and needs it, as a UPS behind a PDU"
    )


class LinkEntry(ComponentEntry):
    """A cable between two components, itself a part that can fail."""

    between: tuple[str, str] = Field(description="its two ends")


class ClientPartEntry(ComponentEntry):
    """A part that every client has one of."""

    between: tuple[str, str] | None = Field(
        None, description="ends of a cable: a client part, a component, or @subscription"
    )


class RaidSetEntry(_Record):
    """Drives that keep data together."""

    level: Literal[1, 5, 6]
    drives: Annotated[int, Field(ge=2, le=64)]
    hot_spares: Annotated[int, Field(ge=0, le=8)] = 0
    drive_type: Name = "drive"
    within: Name | None = Field(None, alias="in", description="the chassis")
    rebuild: PositiveDuration = Field(description="time to rebuild one drive's content")
    restore: PositiveDuration = Field(
        description="time to bring the data back after more drives failed than the set bears"
    )
    title: Title | None = None


class UnitEntry(_Record):
    """Parts that fail over together: what is watched, and what shuts down when the role moves away."""

    server: Name = Field(description="the component that shuts down when its role was taken over")
    triggers: tuple[str, ...] = Field(min_length=1, description="loss of any of these makes the role move")
    heartbeat: Name | None = Field(None, description="without it the backup does not notice that the primary is gone")
    shuts_down: Literal["noticed", "lost"] = Field(
        "noticed",
        description="when a takeover shuts the server down: its own unit's loss was noticed, or the unit has lost a "
        "trigger, noticed or not",
    )


class HolderEntry(_Record):
    """One place that can hold a role."""

    side: Name
    on: Name | None = Field(None, description="the component that holds the role")
    units: tuple[Name, ...] = Field((), description="units whose triggers move the role away from here")
    needs: tuple[_Need, ...] = Field((), description="what the role needs to work here")
    name: Name | None = Field(None, description="format 2: what 'when' and answers call it, instead of its side")


class RoleEntry(_Record):
    """A function that one place at a time performs."""

    title: Title | None = None
    holders: tuple[HolderEntry, ...] = Field(
        description="where it can be, in the order in which they are asked; in format 1 by the order of the sides"
    )
    failback: Literal["manual", "automatic"] = Field("manual", description="how it returns after a repair")
    backup: Literal["healthy", "able"] = Field(
        "healthy",
        description="what a takeover asks of the backup: no trigger at all, or only what the role needs",
    )
    coverage: Coverage = Field(
        1.0,
        validate_default=True,
        description="probability that a takeover succeeds; by what failed: 'default', and entries for component types "
        "or parts, of which a part's own goes first",
    )
    switchover: Duration = Field(0.0, description="time that a takeover takes")
    unable_backup: Literal["takes over", "waits"] = Field(
        "takes over",
        description="what a backup does that has lost no trigger but lacks something that the role needs, as the "
        "storage that both sides use",
    )
    recovered_backup: Literal["waits", "takes over"] = Field(
        "waits",
        description="what a backup does that is ready again while the server that has the role works but is out of "
        "service",
    )
    restart: Literal["out of service", "in service"] = Field(
        "out of service",
        description="how a server comes back that was down with the role while nobody took it over",
    )
    operator_places: Literal["preferred", "former", "other"] = Field(
        "preferred",
        description="where an operator places the role after a takeover that failed, of holders that are equally good: "
        "the one that is asked first, the one that had it, or another than that",
    )
    operator_moves: Literal["failed takeovers", "any loss"] = Field(
        "failed takeovers",
        description="when an operator places the role by hand: after a takeover that failed, or also where its holder "
        "lacks what the role needs and no takeover began",
    )


class PathEntry(_Record):
    """One way through the site, from the client to the end, component by component."""

    side: Name = Field(description="the side it enters by")
    carried_by: Name | None = Field(None, description="the side whose load it is; by default the side it enters by")
    when: dict[Name, Name] = Field(
        {}, description="role: side, or name of the holder, that must have it for this path to be used"
    )
    group: Annotated[int, BeforeValidator(_number), Field(ge=1, le=MOST_PATHS)] | None = Field(
        None,
        description="format 2: the lowest group with a usable path is used; default: 1, and with 'share: first' a "
        "group of its own for each path as listed",
    )
    weight: Annotated[float, BeforeValidator(_number), Field(ge=0, le=1e9)] | None = Field(
        None, description="format 2: its part of the demand in its group, with 'share: weighted'; default: 1"
    )
    via: tuple[_Stage, ...] = Field(
        min_length=1,
        description="components in order; @name is what the client subscribes to; at_least/of shares the load over "
        "the branches that work",
    )


class PathFailoverEntry(_Record):
    """What a client loses when its own path changes."""

    time: Annotated[Duration, _within(HOURS_PER_YEAR, " h")] = Field(
        description="until its traffic runs again by another path"
    )
    coverage: _Probability = Field(1.0, description="probability that it gets there by itself")


class TrafficEntry(_Record):
    """A class of traffic; it gives the service of its name."""

    title: Title | None = None
    scope: Literal["client", "site"] = Field("client", description="one flow a client, or one for the whole site")
    demand: Bandwidth = Field(0.0, description="load of one flow")
    requires: tuple[Name, ...] = Field((), description="roles without which there is no such service")
    prefer: str = Field(
        "listed",
        pattern=r"^(listed|home|home only|role [A-Za-z][A-Za-z0-9_-]*|@[A-Za-z][A-Za-z0-9_-]*)$",
        description="which usable path is taken: the first listed; the preferred side's; only the "
        "preferred side's; the side that holds a role ('role NAME'); the side that the client subscribes to ('@NAME'); "
        "groups that have a path of that side go before those that have none",
    )
    detects: Literal["path", "port"] = Field(
        "path",
        description="what makes a client try its next path: loss of anything on the path, or only loss of its own port "
        "(its own parts and the component that they plug into), as a team of network ports does",
    )
    share: Literal["first", "equal", "weighted", "all"] = Field(
        "first",
        description="format 2: how a group of paths carries the demand: the first usable path takes it, the usable "
        "paths divide it equally or by weight, or each carries all of it",
    )
    priority: Literal["foreground", "background"] = Field(
        "foreground", description="format 2: background traffic gets what the foreground leaves of a capacity"
    )
    path_failover: PathFailoverEntry | None = Field(
        None, description="format 2: what a client loses when its own path changes; default: nothing"
    )
    paths: tuple[PathEntry, ...] = Field(min_length=1, max_length=MOST_PATHS)


class ClientsEntry(_Record):
    """The clients, all alike but for what they subscribe to."""

    count: Annotated[int, Field(ge=1, le=MOST_CLIENTS)]
    title: Title | None = None
    parts: dict[Name, ClientPartEntry] = Field(min_length=1, max_length=12, description="what each client has one of")
    subscriptions: dict[Name, tuple[str, ...]] = Field(
        {},
        description="dealt round: client 1 gets the first entry of each list, client 2 the second, and so on",
    )


class AssumptionEntry(_Record):
    """Something that no source states, chosen and said."""

    value: str | int | float | bool
    low: str | int | float | None = Field(None, description="its lower limit: 5 % quantile, or the least possible")
    high: str | int | float | None = Field(None, description="its upper limit: 95 % quantile, or the most possible")
    distribution: Literal["lognormal", "gamma", "beta", "uniform", "triangular"] | None = Field(
        None,
        description="what is known between the limits: beta for probabilities and lognormal for all else by default; "
        "limits of uniform and triangular are their ends",
    )
    evidence: Literal["INFERRED", "UNKNOWN", "CHOSEN"]
    reason: Text
    source: Text | None = None


class CommonCauseEntry(_Record):
    """Alike parts that one cause can take away together."""

    members: tuple[Name, ...] = Field(min_length=2, max_length=12, description="components of one type")
    model: Literal["beta-factor", "MGL", "alpha-factor", "phi-factor"] = Field(
        "beta-factor", description="how their failures are shared out to single parts, pairs, and more"
    )
    factors: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        description="factors by level: beta at the number of members; MGL from 2 on; alpha and phi from 1 on"
    )
    evidence: Text = ""
    reason: Text = ""
    source: Text = ""


class VariantEntry(_Record):
    """Another reading of what is not known; shown beside the default."""

    title: Title
    reason: Text
    changes: dict[str, Any] = Field(description="entries of this file that differ")


class SideEntry(_Record):
    """One of the two redundant sides."""

    title: Title | None = None


class SiteDocument(_Record):
    """A storage network with one or two sides, as a person describes it."""

    format: Literal[1, 2] = Field(description="2 is today's; of 1 the last paragraph of the reference tells")
    name: Name
    title: Title
    description: Text = ""
    revision: Mark = ""
    author: Title = ""
    date: Title = Field("", description="of this revision, as you write dates")
    sources: tuple[Text, ...] = ()
    rates: Title | None = Field(
        None, description="table of rates that was pinned for this site: a CSV file beside this one"
    )
    sides: dict[Name, SideEntry] = Field(min_length=1, max_length=2, description="the preferred side first")
    assumptions: dict[Name, AssumptionEntry] = {}
    types: dict[Name, LawFields] = {}
    components: dict[Name, ComponentEntry] = Field(min_length=1, max_length=1000)
    links: dict[Name, LinkEntry] = Field({}, max_length=1000)
    raid_sets: dict[Name, RaidSetEntry] = Field({}, max_length=100)
    units: dict[Name, UnitEntry] = {}
    roles: dict[Name, RoleEntry] = {}
    clients: ClientsEntry
    traffic: dict[Name, TrafficEntry] = Field(min_length=1)
    full_service: tuple[Name, ...] | None = Field(
        None,
        min_length=1,
        description="classes of which every flow must be up and not overloaded; default: all in the foreground that "
        "have a demand. In format 1 what is not named is in the background",
    )
    common_cause: dict[Name, CommonCauseEntry] = Field({}, max_length=100)
    variants: dict[Name, VariantEntry] = {}
