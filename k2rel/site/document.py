"""What may stand in a site file, as pydantic models; `k2rel.site.schema` gives the same to an editor.

The field descriptions here are the reference of the format. A scalar written ``"=name"`` takes the value
of the assumption of that name, so that what was assumed stands in one place with its reason. Numbers that may have
limits (`k2rel.site.limits`) may stand as ``{value: ..., low: ..., high: ...}``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from k2rel.site.side_columns import MOST_OWN, MOST_SIDES
from k2rel.site.takeover_entries import RoleEntry, SuspensionEntry, UnitEntry
from k2rel.site.values import (
    Capacity,
    Celsius,
    Duration,
    Load,
    LoadUnit,
    Mark,
    MeanLife,
    Name,
    Needs,
    OneStage,
    PartName,
    PositiveDuration,
    Probability,
    Rate,
    Record,
    Text,
    Title,
    Wait,
    no_truth,
)
from k2rel.units import Amount

__all__ = ["MOST_CLIENTS", "MOST_PATHS", "SiteDocument"]

MOST_CLIENTS = 10_000
MOST_PARTS = 10_000
MOST_PATHS = 32
MOST_PATHS_OF_ALL_KINDS = 4096


_NAMED: dict[str, Any] = {"type": ["string", "integer"]}
_Dealt = Annotated[
    tuple[PartName, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str | int | float) else value),
    WithJsonSchema({"anyOf": [_NAMED, {"type": "array", "items": _NAMED}]}),
]


class LawFields(Record):
    """Failure and repair of a component or of a type; what is not given comes from the table of rates."""

    rates: str | None = Field(None, description="id of a row in the table of rates")
    mttf: MeanLife | None = Field(None, description="mean operating time to failure")
    failure_rate: Rate | None = Field(None, description="failure rate; 0 means that it never fails")
    unavailability: Annotated[float, Field(ge=0, lt=1), BeforeValidator(no_truth)] | None = Field(
        None, description="instead of a rate: the steady value"
    )
    mttr: PositiveDuration | None = Field(None, description="mean time to restoration, from failure to back in service")
    test_interval: Duration | None = Field(
        None, description="failures are hidden until a test; they are found half an interval late on average"
    )
    test_offset: Duration | None = Field(
        None, description="first test this long after the common day 0; without it all intervals begin on the same day"
    )
    tested: Literal["on the same days", "independently"] | None = Field(
        None, description="'independently': its test days do not depend on those of other parts"
    )
    temperature: Celsius | None = Field(
        None, description="converts a rate of the registry to this temperature (Arrhenius)"
    )
    duty: Annotated[float, Field(ge=0, le=1), BeforeValidator(no_truth)] | None = Field(
        None, description="converts it to this duty: the share of the time in operation"
    )
    age: Duration | None = Field(None, description="converts it to parts of this age")
    evidence: Title | None = Field(None, description="V read, A analogue, R recalled, P prior, or your own word")
    source: Text | None = Field(None, description="where the numbers come from")
    capacity: Capacity | None = Field(None, description="the largest load that it carries")
    external: bool | None = Field(
        None, description="outside the system: can be failed by the user, its own failures are not counted"
    )


class ComponentEntry(LawFields):
    """One physical part."""

    type: Name
    side: Name | None = Field(None, description="the side it belongs to; none for shared parts")
    title: Title | None = None
    within: Name | None = Field(None, alias="in", description="the component that it sits in")
    needs: Needs = Field((), description="what must work for this to work")
    carries: bool | None = Field(
        None, description="format 2: it carries the load of what is crossed and needs it, as a UPS behind a PDU"
    )


class LinkEntry(ComponentEntry):
    """A cable between two components, itself a part that can fail."""

    between: tuple[PartName, PartName] = Field(description="its two ends")


class ClientPartEntry(ComponentEntry):
    """A part that every client has one of."""

    between: tuple[PartName, PartName] | None = Field(
        None, description="ends of a cable: a client part, a component, or @subscription"
    )
    kinds: tuple[Name, ...] = Field((), description="format 2: kinds of clients that have it; default: all")


class RaidSetEntry(Record):
    """Drives that keep data together."""

    level: Annotated[Literal[1, 5, 6], BeforeValidator(no_truth)]
    drives: Annotated[int, Field(ge=2, le=64)]
    hot_spares: Annotated[int, Field(ge=0, le=8), BeforeValidator(no_truth)] = 0
    drive_type: Name = "drive"
    within: Name | None = Field(None, alias="in", description="the chassis")
    rebuild: PositiveDuration = Field(description="time to rebuild one drive's content")
    restore: PositiveDuration = Field(
        description="time to restore the data after more drives have failed than the set tolerates"
    )
    title: Title | None = None


class PathEntry(Record):
    """One way through the site, from the client to the end, component by component."""

    side: Name = Field(description="the side it enters by")
    carried_by: Name | None = Field(None, description="the side whose load it is; by default the side it enters by")
    when: dict[Name, Name] = Field(
        {}, description="role: side, or name of the holder, that must have it for this path to be used"
    )
    kinds: tuple[Name, ...] = Field(
        (), description="format 2: kinds of clients whose path it is; default: all that have the subscriptions it names"
    )
    group: Annotated[int, Field(ge=1, le=MOST_PATHS_OF_ALL_KINDS), BeforeValidator(no_truth)] | None = Field(
        None,
        description="format 2: the lowest group with a usable path is used; default: 1, and with 'share: first' a "
        "group of its own for each path as listed",
    )
    weight: Annotated[float, Field(ge=0, le=1e9), BeforeValidator(no_truth)] | None = Field(
        None, description="format 2: its part of the demand in its group, with 'share: weighted'; default: 1"
    )
    via: tuple[OneStage, ...] = Field(
        min_length=1,
        description="components in order; @name is what the client subscribes to; at_least/of shares the load over "
        "the branches that work",
    )


class PathFailoverEntry(Record):
    """What a client loses when its own path changes."""

    time: Wait = Field(description="until its traffic runs again by another path")
    coverage: Probability = Field(1.0, description="probability that this succeeds without an operator")


class TrafficEntry(Record):
    """A class of traffic; it gives the service of its name."""

    title: Title | None = None
    scope: Literal["client", "site"] = Field("client", description="one flow per client, or one for the whole site")
    demand: Load = Field(Amount(0.0, ""), description="load of one flow")
    unit: LoadUnit | None = Field(
        None, description="format 2: of its demand, and of the capacities that it meets; default: MB/s"
    )
    requires: tuple[Name, ...] = Field((), description="roles without which there is no such service")
    prefer: str = Field(
        "listed",
        pattern=r"^(listed|home|home only|role \S.*|@\S.*)$",
        description="which usable path is taken: the first listed; the preferred side's; only the "
        "preferred side's; the side that holds a role ('role NAME'); the side that the client subscribes to ('@NAME'); "
        "groups that have a path of that side go before those that have none",
    )
    detects: Literal["path", "port"] = Field(
        "path",
        description="what makes a client try its next path: failure of anything on the path, or only failure of its "
        "own port "
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
    paths: tuple[PathEntry, ...] = Field(min_length=1, max_length=MOST_PATHS_OF_ALL_KINDS)


class KindEntry(BaseModel):
    """Clients of one kind: how many, or their names, and what they subscribe to, by subscription."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, _Dealt] = Field(init=False)

    count: Annotated[int, Field(ge=1, le=MOST_CLIENTS), BeforeValidator(no_truth)] | None = None
    members: tuple[Name, ...] | None = Field(
        None, min_length=1, max_length=MOST_CLIENTS, description="names of the clients, instead of their count"
    )
    title: Title | None = None

    @property
    def subscriptions(self) -> dict[str, tuple[str, ...]]:
        """What its clients subscribe to; a list is dealt in turn."""
        return self.__pydantic_extra__

    @property
    def total(self) -> int:
        """How many there are."""
        return self.count or len(self.members or ())


class ClientsEntry(Record):
    """The clients, alike but for what they subscribe to: dealt round, or by kinds."""

    count: Annotated[int, Field(ge=1, le=MOST_CLIENTS), BeforeValidator(no_truth)] | None = Field(
        None, description="how many; not with 'kinds'"
    )
    title: Title | None = None
    parts: dict[Name, ClientPartEntry] = Field(
        min_length=1, max_length=MOST_OWN, description="what each client has one of"
    )
    subscriptions: dict[Name, tuple[PartName, ...]] = Field(
        {},
        description="assigned in turn: client 1 gets the first entry of each list, client 2 the second, and so on",
    )
    kinds: dict[Name, KindEntry] = Field(
        {},
        max_length=MOST_CLIENTS,
        description="format 2, instead of count and subscriptions: clients kind by kind; a path or a client's part "
        "that names a subscription which a kind has not is not there for it",
    )

    @property
    def total(self) -> int:
        """How many there are."""
        return (self.count or 0) + sum(kind.total for kind in self.kinds.values())

    @property
    def lists(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """What is dealt under the name of each subscription, by kind; without kinds by that of none."""
        result = {name: {"": entries} for name, entries in self.subscriptions.items()}
        for key, kind in self.kinds.items():
            for name, entries in kind.subscriptions.items():
                result.setdefault(name, {})[key] = entries
        return result


_Limit = Annotated[str | int | float, BeforeValidator(no_truth)]


class AssumptionEntry(Record):
    """Something that no source states, chosen and said."""

    value: str | int | float | bool
    low: _Limit | None = Field(None, description="its lower limit: 5 % quantile, or the least possible")
    high: _Limit | None = Field(None, description="its upper limit: 95 % quantile, or the most possible")
    distribution: Literal["lognormal", "gamma", "beta", "uniform", "triangular"] | None = Field(
        None,
        description="what is known between the limits: beta for probabilities and lognormal for all else by default; "
        "limits of uniform and triangular are their ends",
    )
    evidence: Literal["INFERRED", "UNKNOWN", "CHOSEN"]
    reason: Text
    source: Text | None = None


class CommonCauseEntry(Record):
    """Alike parts that one cause can take away together."""

    members: tuple[Name, ...] = Field(min_length=2, max_length=12, description="components of one type")
    model: Literal["beta-factor", "MGL", "alpha-factor", "phi-factor"] = Field(
        "beta-factor", description="how their failures are divided among single parts, pairs, and more"
    )
    factors: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        description="factors by level: beta at the number of members; MGL from 2 on; alpha and phi from 1 on"
    )
    evidence: Text = ""
    reason: Text = ""
    source: Text = ""


class VariantEntry(Record):
    """Another reading of what is not known; shown beside the default."""

    title: Title
    reason: Text
    changes: dict[str, Any] = Field(description="entries of this file that differ")


class SideEntry(Record):
    """One of the redundant sides."""

    title: Title | None = None


class SiteDocument(Record):
    """A storage network with its redundant sides, as a person describes it."""

    format: Annotated[Literal[1, 2], BeforeValidator(no_truth)] = Field(
        description="2 is the current one; the last paragraph of the reference describes 1"
    )
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
    sides: dict[Name, SideEntry] = Field(min_length=1, max_length=MOST_SIDES, description="the preferred side first")
    assumptions: dict[Name, AssumptionEntry] = Field({})
    types: dict[Name, LawFields] = Field({})
    components: dict[Name, ComponentEntry] = Field(min_length=1, max_length=MOST_PARTS)
    links: dict[Name, LinkEntry] = Field({}, max_length=MOST_PARTS)
    raid_sets: dict[Name, RaidSetEntry] = Field({}, max_length=100)
    units: dict[Name, UnitEntry] = Field({})
    roles: dict[Name, RoleEntry] = Field({})
    suspends: dict[Name, SuspensionEntry] = Field(
        {},
        max_length=100,
        description="format 2: parts that are taken out of use, although they are up, when others have failed",
    )
    clients: ClientsEntry
    traffic: dict[Name, TrafficEntry] = Field(min_length=1)
    full_service: tuple[Name, ...] | None = Field(
        None,
        min_length=1,
        description="classes of which every flow must be up and not overloaded; default: all in the foreground that "
        "have a demand. In format 1 what is not named is in the background",
    )
    common_cause: dict[Name, CommonCauseEntry] = Field({}, max_length=100)
    variants: dict[Name, VariantEntry] = Field({})
