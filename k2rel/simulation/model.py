"""From a study to the flat arrays of the simulation: parts, laws, gates of the policy, services."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel._version import __version__
from k2rel.distributions import Distribution, parse_distribution
from k2rel.errors import InputError, ModelTooLargeError, closest
from k2rel.logic.structure import Node
from k2rel.organisation import Organisation, RepairWork
from k2rel.policy.failover import principal_traffic
from k2rel.policy.flows import Choice
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover
from k2rel.policy.used import FORGIVEN
from k2rel.rates import Law, RaidModule
from k2rel.services.catalogue import SiteService, site_services
from k2rel.simulation.calendar import calendar
from k2rel.simulation.circumstances import Circumstances
from k2rel.simulation.kernel.draws import alias_table, packed
from k2rel.simulation.kernel.gates import CONSTANT, CONTROLLED, SHARED, flattened
from k2rel.simulation.kernel.records import Model
from k2rel.site.side_columns import MOST_OWN
from k2rel.studies import Study

__all__ = ["SiteModel"]

IntArray = NDArray[np.int64]

_MOST_SERVICES = 64


class SiteModel:
    """A site made ready for simulation."""

    def __init__(self, study: Study, organisation: Organisation, circumstances: Circumstances) -> None:
        self.study = study
        self.organisation = organisation
        self.circumstances = circumstances
        site = study.site
        modelled = organisation.roles == "modelled"
        self.policy = Policy(site, study.policy.primary, sticky=True) if modelled else study.policy
        circumstances.check(site)
        times = organisation.takeover_times
        by_calendar = {w.part for w in circumstances.windows} & set(self.policy.redundant_servers)
        if modelled and by_calendar and math.isinf(times.maintenance_every_h):
            times = type(times)(times.return_h, times.manual_takeover_h, 1e9, times.maintenance_h)
        self._exponential_maintenance = math.isfinite(organisation.maintenance_every_h)
        self.takeover = Takeover(self.policy, times) if modelled and (site.movable or site.suspensions) else None
        self.classes = tuple(n for n, t in site.traffic.items() if t.scope == "client")
        self.principal = principal_traffic(site)
        self.site_flows = tuple(n for n, t in site.traffic.items() if t.scope == "site")
        self.traffic = (*self.classes, *self.site_flows)
        self.own = tuple(site.client_parts)
        if len(self.own) > MOST_OWN:
            raise ModelTooLargeError(f"{site.name}: clients with {len(self.own)} parts each; at most {MOST_OWN}")
        self.laws: list[Distribution] = []
        self._law_index: dict[object, int] = {}

    @cached_property
    def roots(self) -> list[Node]:
        """Functions of the policy that decide services and loads."""
        policy, site = self.policy, self.study.site
        nodes = [node for choice in self.choices.values() for node in (*choice.deciding, *choice.sharing)]
        nodes += [policy.role_up(role) for role in site.roles]
        return list(dict.fromkeys(nodes))

    @cached_property
    def choices(self) -> Mapping[tuple[str, int], Choice]:
        """Routes of each traffic class and group."""
        groups = range(self.study.site.group_count)
        return {
            **{(name, g): self.policy.choice(name, g) for name in self.classes for g in groups},
            **{(name, 0): self.policy.choice(name, 0) for name in self.site_flows},
        }

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """Components that have a capacity."""
        return tuple(n for n, part in self.study.site.components.items() if part.capacity_mb_s is not None)

    @cached_property
    def conditions(self) -> list[Node]:
        """Functions of the failed parts that decide takeovers."""
        return self.takeover.conditions if self.takeover else []

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """Shared parts that are simulated; their places are the bits of a state."""
        site = self.study.site
        asked = self.policy.structure.variables([*self.roots, *self.conditions])
        physical = [*site.components, *site.raid_sets, *site.cause_events]
        known = set(physical) - site.drives
        names = [name for name in dict.fromkeys(asked) if name in known]
        if self.organisation.crews is not None or self.circumstances.shelves or self.circumstances.wrong_unit:
            names += [name for name in site.components if name in known and name not in names]
        return tuple(names)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Every simulated part: shared ones, then each client's own."""
        return (*self.shared, *self.study.site.own_parts)

    @cached_property
    def services(self) -> tuple[SiteService, ...]:
        """The services, those that shared parts alone decide first; a service is a bit of the state of loss."""
        site = self.study.site
        result = sorted(site_services(site), key=lambda service: not service.shared_only)
        if len(result) > _MOST_SERVICES:
            raise ModelTooLargeError(
                f"{site.name}: {len(result)} services with {site.group_count} groups of clients; the simulation counts "
                f"up to {_MOST_SERVICES}; use fewer groups"
            )
        return tuple(result)

    def service(self, name: str) -> int:
        """Find a service by its name."""
        names = [service.name for service in self.services]
        if name not in names:
            raise InputError(
                f"{self.study.site.name} has no service '{str(name)[:60]}'{closest(str(name), names)}; "
                f"there are {', '.join(names)}"
            )
        return names.index(name)

    def _law(self, law: Distribution) -> int:
        key = (law.family, law.parameters) if law.scipy is None else id(law)
        if key not in self._law_index:
            self._law_index[key] = len(self.laws)
            self.laws.append(law)
        return self._law_index[key]

    def _given(self, entries: Mapping[str, str | Distribution], name: str, kind: str, mean_h: float | None) -> (
        Distribution | None
    ):  # fmt: skip
        """The law that the circumstances give a part: its own, else that of its type."""
        entry = entries.get(name, entries.get(kind))
        if entry is None or isinstance(entry, Distribution):
            return entry
        return self._parsed(entry, mean_h)

    def _parsed(self, text: str, mean_h: float | None) -> Distribution:
        key = (text, mean_h)
        if key not in self._texts:
            self._texts[key] = parse_distribution(text, mean_h)
        return self._texts[key]

    @cached_property
    def _texts(self) -> dict[tuple[str, float | None], Distribution]:
        return {}

    def _whole(self, law: str | Distribution) -> Distribution:
        return law if isinstance(law, Distribution) else self._parsed(law, None)

    def _unit(self, name: str) -> Distribution:
        """Law of a time of the takeover, with mean 1."""
        given = self.circumstances.times.get(name, "exponential")
        if isinstance(given, str):
            return self._parsed(given, 1.0)
        if abs(given.mean_h - 1.0) > 1e-9:
            raise InputError(
                f"times.{name}: the mean is that of the site; give a distribution with mean 1, or its text"
            )
        return given

    def engine(self, *more: str) -> str:
        """Give the words of a provenance: how it was simulated, and with what."""
        given = self.circumstances.words()
        words = [f"{self.organisation.words()}, {self.policy.asked_first}", *([given] if given else []), *more]
        return f"simulation, {'; '.join(words)} (k2rel {__version__})"

    @property
    def takeovers(self) -> str:
        """How takeovers are read: instant and certain where roles are at the preferred side, else as modelled."""
        return (
            "ideal"
            if self.organisation.roles == "ideal" and (self.study.site.movable or self.study.site.suspensions)
            else "as modelled"
        )

    @cached_property
    def arrays(self) -> Model:
        """The flat arrays."""
        parts = self._part_arrays()
        gates = self._gate_arrays()
        rules = self._move_arrays()
        events = self._event_arrays()
        services = self._service_arrays()
        return Model(**parts, **gates, **rules, **events, **services, **packed(self.laws)._asdict())

    def _part_arrays(self) -> dict[str, Any]:
        site, given = self.study.site, self.circumstances
        work = RepairWork(self.study, self.organisation)
        count = len(self.parts)
        life, repair, rank, spares = (np.full(count, -1, dtype=np.int64) for _ in range(4))
        rate, age_kept, wrong = (np.zeros(count) for _ in range(3))
        bit, client, own_bit = (np.full(count, -1, dtype=np.int64) for _ in range(3))
        alike: dict[str, list[int]] = {}
        used: set[str] = set()
        shelf_of = {name: n for n, shelf in enumerate(given.shelves) for name in shelf.parts}
        for p, name in enumerate(self.parts):
            own = p >= len(self.shared)
            law = self.study.law(name)
            kind = site.client_parts[site.own_parts[name][0]].type if own else work.kind(name)
            if own:
                part, number = site.own_parts[name]
                client[p], own_bit[p] = number - 1, self.own.index(part)
            else:
                bit[p] = p
            up, down = _rate_and_repair(law)
            fails = up > 0
            if isinstance(law, Law) and not own:
                rank[p] = work.rank(name, law)
                down = work.hands_on_h(name, law)
            used |= {name, kind} if fails else set()
            named = self._given(given.lives, name, kind, 1.0 / up) if fails else None
            if fails and (named is None or named.family == "exponential"):
                rate[p] = up if named is None else 1.0 / named.mean_h
            elif named is not None:
                life[p] = self._law(named)
            shape = self._given(given.repairs, name, kind, down)
            if shape is None:
                shape = self._usual_repair(down, own or not isinstance(law, Law))
            repair[p] = self._law(shape)
            age_kept[p] = given.age_after_repair.get(name, given.age_after_repair.get(kind, 0.0))
            if isinstance(law, Law) and fails:
                spares[p] = shelf_of.get(name, shelf_of.get(kind, -1))
                if not own and given.wrong_unit > 0 and kind and name in site.components:
                    wrong[p] = given.wrong_unit
                    alike.setdefault(kind, []).append(p)
        idle = [f"{what}.{name}" for what in ("lives", "repairs") for name in getattr(given, what) if name not in used]
        if idle:
            why = f"no service of {site.name} depends on such a part that can fail (its rate is 0, or it is external)"
            raise InputError("; ".join(f"{name}: it would have no effect: {why}" for name in idle))
        starts: dict[str, int] = {}
        lists: list[int] = []
        for kind, members in alike.items():
            starts[kind] = len(lists)
            lists += members
        alike_at, alike_n = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        for kind, members in alike.items():
            for p in members:
                alike_at[p], alike_n[p] = starts[kind], len(members)
        pool = np.flatnonzero(rate > 0)
        probability, alias = alias_table(rate[pool])
        return {
            "life": life, "rate": rate, "repair": repair, "age_kept": age_kept, "bit": bit,
            "client": client, "own_bit": own_bit, "rank": rank, "spares": spares, "wrong": wrong, "alike_at": alike_at,
            "alike_n": alike_n, "alike": _ints(lists), "timed": np.flatnonzero(life >= 0),
            "pool_rate": float(rate.sum()), "pool_probability": probability, "pool_alias": alias, "pool_part": pool,
            **calendar(self.study, self.parts),
        }  # fmt: skip

    def _usual_repair(self, mean_h: float, alone: bool) -> Distribution:
        """Exponential, or of the variation that the organisation gives."""
        variation = self.organisation.repair_variation
        if mean_h <= 0:
            return Distribution.fixed(0.0)
        if alone or variation == 1.0:
            return Distribution.exponential(mean_h)
        return self._parsed(f"gamma(mean={mean_h!r} h, shape={1.0 / variation!r})", None)

    def _gate_arrays(self) -> dict[str, Any]:
        """The structure functions, arguments before gates."""
        bits = {name: n for n, name in enumerate(self.shared)}
        controls = self.takeover.variables(np.arange(self.takeover.controls)) if self.takeover else {}
        switches = {name: n for n, name in enumerate(controls)}

        def variable(name: str) -> tuple[int, int, int]:
            if name in bits:
                return SHARED, bits[name], 0
            return (CONTROLLED, switches[name], 0) if name in switches else (CONSTANT, 0, 1)  # that cannot fail

        gates = flattened(self.policy.structure, [*self.roots, *self.conditions], variable)
        values = np.zeros((self.takeover.controls if self.takeover else 1, max(len(switches), 1)), dtype=np.uint8)
        for name, column in switches.items():
            values[:, column] = controls[name]
        return {
            **dict(zip(gates._fields, gates.arrays, strict=False)),
            "conditions": _ints([gates.place[node] for node in self.conditions]),
            "deciding": _ints([gates.place[node] for node in self.roots]),
            "control_value": values,
        }

    def _move_arrays(self) -> dict[str, Any]:
        """Times of the takeover, crews, spares."""
        given = self.circumstances
        moves: list[str] = []
        planned: list[bool] = []
        if self.takeover is not None:
            moves = [event.name for event in self.takeover.events]
            self._check_times(moves)
            planned = [name == "maintenance" and not self._exponential_maintenance for name in moves]
        travel = -1
        if "travel" in given.times and not self.organisation.travel_h:
            raise InputError(
                "times.travel: there is no travel; give the technician travel time (travel) and the number of crews"
            )
        if self.organisation.travel_h:
            time = given.times.get("travel", "exponential")
            travel = self._law(self._parsed(time, self.organisation.travel_h) if isinstance(time, str) else time)
        return {
            "moves": len(moves), "move_law": _ints([self._law(self._unit(name)) for name in moves]),
            "moves_by_calendar": np.array(planned, dtype=np.uint8), "crews": self.organisation.crews or 0,
            "travel_law": travel, "reinsert_law": self._law(self._whole(given.back_after)),
            "stock": _ints([shelf.on_shelf for shelf in given.shelves]),
            "lead_law": _ints([self._law(self._whole(shelf.lead_time)) for shelf in given.shelves]),
        }  # fmt: skip

    def _check_times(self, moves: Sequence[str]) -> None:
        """What follows an operator's action by chance is drawn with its time: both ways at their rates."""
        if "manual_takeover_fails" in moves and self._unit("manual_takeover").family != "exponential":
            roles = self.study.site.movable.items()
            unsure = next(name for name, role in roles if role.operator_coverage < 1)
            raise InputError(
                f"times.manual_takeover: the operator can fail (operator_coverage of {unsure}), and then only an "
                "exponential time is modelled; leave the distribution out, or set operator_coverage to 1"
            )

    def _event_arrays(self) -> dict[str, Any]:
        """Planned windows and common events."""
        part, move, back, every, first, lasts = [], [], [], [], [], []
        index = {name: p for p, name in enumerate(self.parts)}
        for window in self.circumstances.windows:
            servers = self.takeover.servers if self.takeover else ()
            if window.part in servers:
                move.append(2 + len(servers) + servers.index(window.part))
                back.append(2 + servers.index(window.part))
            elif window.part not in index:
                raise InputError(f"windows: no service depends on '{window.part}', so work on it has no effect")
            else:
                move.append(-1)
                back.append(-1)
            part.append(index.get(window.part, -1))
            every.append(window.every_h)
            first.append(window.every_h if window.first_h is None else window.first_h)
            lasts.append(self._law(self._whole(window.lasts)))
        starts, hit, share, between, stays = [0], list[int](), list[float](), [], []
        site = self.study.site
        for event in self.circumstances.common_events:
            for name, p in event.hits:
                members = [name] if name in index else [
                    n for n in self.parts
                    if (site.components[n].type if n in site.components else
                        site.client_parts[site.own_parts[n][0]].type if n in site.own_parts else "") == name
                ]  # fmt: skip
                hit += [index[n] for n in members if n in index]
                share += [p for n in members if n in index]
            starts.append(len(hit))
            between.append(self._law(self._whole(event.every)))
            stays.append(self._law(self._whole(event.lasts)))
        return {
            "window_part": _ints(part), "window_move": _ints(move), "window_back": _ints(back),
            "window_every_h": np.array(every, dtype=np.float64),
            "window_first_h": np.array(first, dtype=np.float64), "window_law": _ints(lasts),
            "shock_between": _ints(between), "shock_lasts": _ints(stays), "shock_at": _ints(starts),
            "shock_part": _ints(hit), "shock_probability": np.array(share, dtype=np.float64),
        }  # fmt: skip

    def _service_arrays(self) -> dict[str, Any]:
        site = self.study.site
        places: dict[str, list[int]] = {}  # of services, by rule
        for n, service in enumerate(self.services):
            places.setdefault(service.rule, []).append(n)
        lost = places.get("lost clients", [])
        groups = site.group_count

        def marked(names: Sequence[str]) -> NDArray[np.uint8]:
            return np.array([name in names for name in self.traffic], dtype=np.uint8)

        one_of = np.full((max(len(self.classes), 1), groups), -1, dtype=np.int64)
        for n in places.get("one client", []):
            one_of[self.classes.index(self.services[n].of), self.services[n].group] = n
        capacity = np.array([site.components[e].capacity_mb_s or 0.0 for e in self.elements], dtype=np.float64)
        return {
            "group": _ints([client.group for client in site.clients()]), "group_size": _ints(site.group_sizes),
            "classes": len(self.classes), "foreground": marked(site.foreground), "asked": marked(site.full_service_of),
            "copies": marked([name for name in self.traffic if self.choices[name, 0].share == "all"]),
            "capacity": capacity, "limit": capacity * FORGIVEN,
            "all_of": _ints(places.get("every client", [])),
            "one_of": one_of, "first_of": _ints([group.clients[0] - 1 for group in site.groups]),
            "lost_k": _ints([self.services[n].cut_off for n in lost]), "lost_service": _ints(lost),
            "full_service": places.get("full service", [-1])[0], "services": len(self.services),
            "buffer_h": self.circumstances.buffer_h,
        }  # fmt: skip


def _ints(values: Sequence[int]) -> IntArray:
    return np.array(values, dtype=np.int64)


def _rate_and_repair(law: Law | RaidModule) -> tuple[float, float]:
    """Rate of failure while good, and mean time to repair once known; a RAID set as two states of its own chain."""
    if isinstance(law, Law):
        return law.failure_rate_per_h, law.mttr_h
    if law.frequency_per_h <= 0:
        return 0.0, 1.0
    return law.frequency_per_h / (1.0 - law.unavailability), law.mean_downtime_h
