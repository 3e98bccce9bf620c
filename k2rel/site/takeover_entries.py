"""What a site file says of takeovers, as pydantic models: units, roles with their holders, suspensions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from k2rel.errors import closest, nearest
from k2rel.site.values import (
    Branches,
    Coverage,
    Detection,
    Duration,
    Name,
    Needs,
    OneBranch,
    OnePart,
    OneStage,
    PartName,
    PositiveDuration,
    Probability,
    Rate,
    Record,
    Share,
    Title,
    Wait,
)
from k2rel.units import HOURS_PER_YEAR, parse_duration

__all__: list[str] = []

MAJORITY = "majority"
_AFTER = "automatic after "


def failback_of(text: str) -> tuple[Literal["manual", "automatic"], float]:
    """How a role returns, and how long after its first holder is ready [h]."""
    if text.startswith(_AFTER):
        return "automatic", parse_duration(text.removeprefix(_AFTER))
    return ("automatic" if text == "automatic" else "manual"), 0.0


def _failback(value: object) -> object:
    if not (value in ("manual", "automatic") or (isinstance(value, str) and value.startswith(_AFTER))):
        raise ValueError("must be 'manual', 'automatic' or such as 'automatic after 10 min'")
    if failback_of(str(value))[1] > HOURS_PER_YEAR:
        raise ValueError(f"must be at most {HOURS_PER_YEAR:g} h after its first holder is ready")
    return value


Failback = Annotated[
    str,
    BeforeValidator(_failback),
    WithJsonSchema({"anyOf": [{"enum": ["manual", "automatic"]}, {"type": "string", "pattern": f"^{_AFTER}.+"}]}),
]


def _votes_needed(value: object) -> object:
    if value != MAJORITY and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"must be a whole number from 1 on, or '{MAJORITY}'")
    return value


class VotesEntry(Record):
    """Enough of some votes, each a part or a list of parts that are crossed one after another."""

    at_least: Annotated[
        int | Literal["majority"],
        BeforeValidator(_votes_needed),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": MAJORITY}]}),
    ] = Field(description="how many must work; 'majority' is more than half of those listed")
    of: tuple[OneBranch, ...] = Field(min_length=1, max_length=200, description="the votes to count")


def _form(*kinds: str, several: bool = False) -> Discriminator:
    """Which form of a need a person meant, by the key that tells it, so that one mistake gives one sentence."""

    def form(value: object) -> str:
        if several and isinstance(value, list | tuple):
            return "All"
        if not isinstance(value, dict | BaseModel):
            return "Name"
        keys = value if isinstance(value, dict) else type(value).model_fields
        return next((kind.capitalize() for kind in kinds if kind in keys), "Count")

    return Discriminator(form)


def _told(*kinds: str) -> BeforeValidator:
    """An entry without a key that tells its form is none, and one with two such keys is two."""
    forms = ", ".join(("NAME", "{at_least: 1, of: [...]}", *(f"{{{kind}: ...}}" for kind in kinds)))

    def told(value: object) -> object:
        if isinstance(value, dict):
            several = [kind for kind in kinds if kind in value]
            if len(several) > 1:
                raise ValueError(f"holds {len(several)} needs, {' and '.join(several)}; write each as an entry")
            if not {"at_least", "of", *several} & value.keys():
                near = "".join(closest(str(key), kinds) for key in value if nearest(str(key), kinds))
                raise ValueError(f"is not a need of a takeover{near}; each is one of {forms}")
        return value

    return BeforeValidator(told)


_Stages = Annotated[
    Annotated[OnePart, Tag("Name")]
    | Annotated[Branches, Tag("Count")]
    | Annotated[Annotated[tuple[OneStage, ...], Field(min_length=1, max_length=32)], Tag("All")],
    _form(several=True),
]
_Missing = Literal["wait", "anyway"]


class HeartbeatEntry(Record):
    """What tells the loss of a unit."""

    heartbeat: _Stages = Field(description="a part, at least so many of some, or a list of these, all of which")
    missing: _Missing = Field(
        "wait", description="without it: no takeover begins, or its failure is taken for a failure of the unit"
    )


class FenceEntry(Record):
    """What stops the former server before its role is taken over."""

    fence: _Stages = Field(description="a part, at least so many of some, or a list of these, all of which")
    missing: _Missing = Field("wait", description="without it: no takeover begins, or it begins without")
    coverage: Probability = Field(1.0, description="probability that it performs its function when it is up")
    time: Wait = Field(0.0, description="mean time that it takes, before the switchover")


class QuorumEntry(Record):
    """The votes without which a holder neither keeps a role nor takes it."""

    quorum: Annotated[Annotated[OnePart, Tag("Name")] | Annotated[VotesEntry, Tag("Count")], _form()]


_UnitNeed = Annotated[
    Annotated[
        Annotated[OnePart, Tag("Name")]
        | Annotated[Branches, Tag("Count")]
        | Annotated[HeartbeatEntry, Tag("Heartbeat")]
        | Annotated[FenceEntry, Tag("Fence")],
        _form("heartbeat", "fence"),
    ],
    _told("heartbeat", "fence"),
]
_HolderNeed = Annotated[
    Annotated[
        Annotated[OnePart, Tag("Name")] | Annotated[Branches, Tag("Count")] | Annotated[QuorumEntry, Tag("Quorum")],
        _form("quorum"),
    ],
    _told("quorum"),
]


class FailedTakeoverEntry(Record):
    """What follows a takeover that failed: a retry, an operator, a restoration."""

    retry_after: Wait = Field(0.0, description="mean time until it is tried once more")
    retry_coverage: Share = Field(0.0, description="probability that this succeeds; 0: it is not tried")
    operator_coverage: Share = Field(1.0, description="probability that an operator places the role successfully")
    restoration: Wait = Field(0.0, description="mean time until it is placed where that failed too")


class ReadinessEntry(Record):
    """A takeover that becomes unready without anyone's noticing, and drills, which find that."""

    drift: Rate = Field(0.0, description="rate of this; the next takeover then fails")
    drill: PositiveDuration | None = Field(None, description="mean interval of drills; default: none is held")
    takes: Wait = Field(0.0, description="mean interruption by a drill")


class SplitBrainEntry(Record):
    """What it means that two holders have the role at once."""

    serves: Literal["neither", "former", "new"] = Field("neither", description="whose clients are served meanwhile")
    mend: Wait = Field(0.0, description="mean time from its end until the role is performed again")
    restore_probability: Share = Field(0.0, description="probability that data must be restored after that")
    restore: Wait = Field(0.0, description="mean time of that")


class UnitEntry(Record):
    """Parts that fail over together: what is watched, and what shuts down when the role moves away."""

    server: Name = Field(description="the component that shuts down when its role was taken over")
    triggers: tuple[PartName, ...] = Field(min_length=1, description="a failure of any of these makes the role move")
    heartbeat: Name | None = Field(
        None, description="without it the backup does not detect that the primary has failed"
    )
    takeover_needs: tuple[_UnitNeed, ...] = Field(
        (), max_length=32, description="format 2: what a takeover from this unit needs; 'heartbeat' is short for one"
    )
    takes_down: tuple[Name, ...] = Field(
        (), max_length=200, description="format 2: further servers that shut down when a takeover shuts down this one"
    )
    shuts_down: Literal["noticed", "lost"] = Field(
        "noticed",
        description="when a takeover shuts the server down: the failure of its own unit was detected, or a trigger of "
        "the unit has failed, detected or not",
    )


class HolderEntry(Record):
    """One place that can hold a role."""

    side: Name
    on: Name | None = Field(None, description="the component that holds the role")
    units: tuple[Name, ...] = Field((), description="units whose triggers move the role away from here")
    needs: Needs = Field((), description="what the role needs to work here")
    name: Name | None = Field(None, description="format 2: what 'when' and answers call it, instead of its side")
    takeover_needs: tuple[_HolderNeed, ...] = Field(
        (),
        max_length=32,
        description="format 2: what must work for the role to be taken over here; its quorum also to be kept here",
    )


class RoleEntry(Record):
    """A function that one place at a time performs."""

    title: Title | None = None
    holders: tuple[HolderEntry, ...] = Field(
        description="where it can be, in the order in which they are tried; in format 1 by the order of the sides"
    )
    failback: Failback = Field(
        "manual",
        validate_default=True,
        description="how it returns after a repair; 'automatic after 10 min' so long after its first holder is ready",
    )
    backup: Literal["healthy", "able"] = Field(
        "healthy",
        description="what a takeover requires of the backup: no trigger at all, or only what the role needs",
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
        description="behaviour of a backup whose triggers are up but which lacks something that the role needs, such "
        "as storage that both sides use",
    )
    recovered_backup: Literal["waits", "takes over"] = Field(
        "waits",
        description="behaviour of a backup that becomes ready while the server that has the role works but is out of "
        "service",
    )
    restart: Literal["out of service", "in service"] = Field(
        "out of service",
        description="state of a server that returns after it was down with the role and no other holder took over",
    )
    operator_places: Literal["preferred", "former", "other"] = Field(
        "preferred",
        description="where an operator places the role after a takeover that failed, of holders that are equally able: "
        "the one that is tried first, the one that had it, or another than that",
    )
    operator_moves: Literal["failed takeovers", "any loss"] = Field(
        "failed takeovers",
        description="when an operator places the role: after a takeover that failed, or also where its holder "
        "lacks what the role needs and no takeover began",
    )
    detection: Detection = Field(
        0.0,
        validate_default=True,
        description="format 2: mean time from a failure until its takeover begins; by what failed as 'coverage'",
    )
    giveback: Wait | None = Field(
        None, description="format 2: mean interruption when it returns to its first holder; default: switchover"
    )
    spurious: Rate = Field(0.0, description="format 2: rate of spurious takeovers")
    failed_takeover: FailedTakeoverEntry | None = Field(
        None, description="format 2: what follows a takeover that failed; default: an operator, who succeeds"
    )
    readiness: ReadinessEntry | None = Field(
        None, description="format 2: how its takeover becomes unready without being detected; default: never"
    )
    partition: Literal["keeps", "moves"] = Field(
        "keeps",
        description="format 2: side that keeps or gets the role if both are up without contact and one can stop the "
        "other: the one that has the role, or the other",
    )
    split_brain: SplitBrainEntry | None = Field(
        None, description="format 2: what follows if two holders are active; default: down until contact is restored"
    )


class SuspensionEntry(Record):
    """A part that goes out of use, though it works, until what was lost is back."""

    lost: tuple[Name, ...] = Field(min_length=1, max_length=200, description="all of these are down")
    works: tuple[Name, ...] = Field((), max_length=200, description="while all of these are up")
    auto_recovery: PositiveDuration | None = Field(
        None, description="mean time after which it is in use again where one of 'works' is gone; default: never"
    )
