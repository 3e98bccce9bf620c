"""What the rules say of states that histories meet: evaluated once, kept as tables for the kernels.

A *pair* is what decides takeovers (the truth of the policy's predicates) with a control state. A *mode* is the truth
of everything that decides services and loads. Both are few, whatever the number of states.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.structure import BoolArray
from k2rel.policy.rules import Choice
from k2rel.services.catalogue import SiteService
from k2rel.simulation.kernel.layout import filled
from k2rel.simulation.kernel.records import Tables
from k2rel.simulation.kernel.rules import fill
from k2rel.simulation.model import SiteModel
from k2rel.site.model import AtLeast

__all__ = ["Outcomes"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
WordArray = NDArray[np.uint64]

_MOST = 500_000


class Outcomes:
    """The tables of a site, extended by whoever meets a state that they do not know."""

    def __init__(self, site: SiteModel) -> None:
        self.site = site
        self.lock = threading.Lock()
        self._pairs: dict[bytes, int] = {}
        self._pair_keys: list[WordArray] = []
        self._pair_rows: list[tuple[int, int, float, bool, FloatArray, IntArray]] = []
        self._modes: dict[bytes, int] = {}
        self._mode_keys: list[WordArray] = []
        self._mode_rows: list[_Mode] = []
        self._alive: dict[bytes, int] = {}
        self._shares: list[FloatArray] = []
        self._taken: dict[tuple[int, bytes], NDArray[np.int16]] = {}
        self._place = {node: n for n, node in enumerate(site.roots)}
        quiet = np.ones(1, dtype=np.uint8)
        if site.takeover is not None:
            quiet = np.zeros(site.takeover.controls, dtype=np.uint8)
            quiet[site.takeover.quiet] = 1
        self._quiet = quiet
        self.tables = self._build()

    def learn(self, wanted: WordArray) -> None:
        """Evaluate the policy in states: rows of the bits of the parts that are down, then the control state."""
        with self.lock:
            site = self.site
            wanted = np.unique(wanted, axis=0)
            control = wanted[:, -1].astype(np.int64)
            down = _bits(wanted[:, :-1], len(site.shared))
            states = {name: ~down[:, n] for n, name in enumerate(site.shared)}
            asked = site.policy.structure.variables([*site.roots, *site.conditions])
            if site.takeover is not None:
                states |= site.takeover.variables(control)
            for name in asked:
                states.setdefault(name, np.ones(len(wanted), dtype=np.bool_))
            everything = site.policy.structure.values([*site.conditions, *site.roots], states)
            shape = (len(wanted),)
            table = np.array([np.broadcast_to(row, shape) for row in everything], dtype=np.bool_)
            table = table.reshape(len(everything), len(wanted)).T
            count = len(site.conditions)
            self._learn_pairs(table[:, :count], control)
            self._learn_modes(table[:, count:])
            self.tables = self._build()

    def _learn_pairs(self, conditions: BoolArray, control: IntArray) -> None:
        keys = np.column_stack([_words(conditions), control.astype(np.uint64)])
        rows = [n for n, key in enumerate(keys) if key.tobytes() not in self._pairs]
        if not rows:
            return
        takeover = self.site.takeover
        if takeover is None:
            for n in rows:
                self._add_pair(keys[n], (0, 0, 1.0, False, np.zeros(0), np.zeros(0, dtype=np.int64)))
            return
        different, which = np.unique(conditions[rows], axis=0, return_inverse=True)
        table = takeover.table(different)
        roles = len(takeover.roles)
        places = np.array([takeover.on_its_way(role) for role in takeover.roles], dtype=np.int64)
        for n, kind in zip(rows, which.reshape(-1).tolist(), strict=True):
            c = int(control[n])
            good, bad = int(table.settled[kind, c]), int(table.failed[kind, c])
            before = takeover.digits[c, :roles]
            leaves = bool(
                np.any((before < places) & ((takeover.digits[good, :roles] != before) | (takeover.digits[bad, :roles]
                != before)))
            )  # fmt: skip
            row = (
                good, bad, float(table.coverage[kind, c]), leaves, table.rate_per_h[:, kind, c],
                table.leads_to[:, kind, c],
            )  # fmt: skip
            self._add_pair(keys[n], row)

    def _add_pair(self, key: WordArray, row: tuple[int, int, float, bool, FloatArray, IntArray]) -> None:
        if key.tobytes() not in self._pairs:
            self._pairs[key.tobytes()] = len(self._pair_rows)
            self._pair_keys.append(key)
            self._pair_rows.append(row)
            self._check(len(self._pair_rows))

    def _check(self, count: int) -> None:
        if count > _MOST:
            raise ModelTooLargeError(
                f"{self.site.study.site.name}: histories meet more than {_MOST:,} different conditions of the rules"
            )

    def _learn_modes(self, truth: BoolArray) -> None:
        keys = _words(truth)
        for key, row in zip(keys, truth, strict=True):
            if key.tobytes() not in self._modes:
                self._modes[key.tobytes()] = len(self._mode_rows)
                self._mode_keys.append(key)
                self._mode_rows.append(_Mode(self, row))
                self._check(len(self._mode_rows))

    def holds(self, truth: BoolArray, node: int) -> bool:
        """Whether a function of the policy holds in a mode."""
        return bool(truth[self._place[node]])

    def taken(self, name: str, group: int, truth: BoolArray) -> NDArray[np.int16]:
        """Route of a client of a group by its failed own parts; -1 where it is cut off."""
        site = self.site
        choice = site.choices[name, group]
        usable = np.array([self.holds(truth, route.usable) for route in choice.routes], dtype=np.bool_)
        number = next((n for n, (when, _) in enumerate(choice.orders) if self.holds(truth, when)), -1)
        kind = (site.classes.index(name) if name in site.classes else -1) * 1000 + group
        key = (kind, usable.tobytes() + bytes([number + 1]))
        if key not in self._taken:
            failed = np.arange(2 ** len(site.own))
            result = np.full(len(failed), -1, dtype=np.int16)
            free = np.ones(len(failed), dtype=np.bool_)
            for r in choice.orders[number][1] if number >= 0 else ():
                if usable[r]:
                    need = sum(1 << site.own.index(part) for part in choice.routes[r].own)
                    here = free & (failed & need == 0)
                    result[here] = -1 if choice.routes[r].dead_end else r
                    free &= ~here
            self._taken[key] = result
        return self._taken[key]

    def share(self, truth: BoolArray) -> int:
        """Load that a flow on each route puts on each element, given which members of stages serve."""
        site = self.site
        serves = {name: self.holds(truth, site.policy.in_service(name)) for name in site.sharing}
        key = bytes(serves.values())
        if key not in self._alive:
            self._alive[key] = len(self._shares)
            rows = []
            for name in (*site.classes, *site.site_flows):
                groups = range(site.study.site.group_count) if name in site.classes else (0,)
                rows += [row for g in groups for row in self._loads(name, site.choices[name, g], serves)]
            self._shares.append(np.array(rows).reshape(len(rows), len(site.elements)))
        return self._alive[key]

    def _loads(self, name: str, choice: Choice, serves: dict[str, bool]) -> list[FloatArray]:
        demand = self.site.study.site.traffic[name].demand_mb_s
        elements = {element: n for n, element in enumerate(self.site.elements)}
        rows = []
        for route in choice.routes:
            row = np.zeros(len(elements))
            for stage in route.stages:
                members = [m for m in stage.of if serves.get(m, True)] if isinstance(stage, AtLeast) else [stage]
                for member in members:
                    if member in elements:
                        row[elements[member]] += demand / len(members)
            rows.append(row)
        return rows

    def add_loads(self, mode_time: FloatArray, element: FloatArray) -> None:
        """Add the loads of modes, by the hours in each, in an order that does not depend on who met a mode first."""
        with self.lock:
            met = np.flatnonzero(mode_time)
            order = sorted(met.tolist(), key=lambda mode: self._mode_keys[mode].tobytes())
            load = self.tables.base_load
        over = load > self.site.arrays.limit
        for mode in order:
            element[:, 0] += mode_time[mode] * load[mode]
            element[:, 1] += mode_time[mode] * over[mode]

    def _build(self) -> Tables:
        """Put the tables together anew; those in use by a running kernel stay as they are."""
        site = self.site
        modes, pairs = self._mode_rows, self._pair_rows
        pair_key, pair_id = _hashed(self._pair_keys, (len(site.conditions) + 63) // 64 + 1)
        mode_key, mode_id = _hashed(self._mode_keys, max(1, (len(site.roots) + 63) // 64))
        columns = ("settled", "failed", "coverage", "begins", "move_rate", "leads")
        values: dict[str, Any] = {
            "pair_key": pair_key, "pair_id": pair_id, "quiet": self._quiet, "mode_key": mode_key, "mode_id": mode_id,
            **{name: [row[n] for row in pairs] for n, name in enumerate(columns)},
            "base_a": [mode.sides[0] for mode in modes], "base_b": [mode.sides[1] for mode in modes],
            "share": self._shares,
        }  # fmt: skip
        for name in Tables._fields:  # what remains are figures of the modes
            if name not in values:
                values[name] = [getattr(mode, name.removeprefix("base_")) for mode in modes]
        return filled(
            Tables, values,
            pairs=len(pairs), moves=site.arrays.moves, modes=len(modes), classes=len(site.classes),
            flows=len(site.classes) * site.study.site.group_count, own=2 ** len(site.own),
            kinds=len(self._shares), routes=sum(len(choice.routes) for choice in site.choices.values()),
            elements=len(site.elements),
        )  # fmt: skip


class _Mode:
    """What a mode means while every client's own parts are good."""

    def __init__(self, outcomes: Outcomes, truth: BoolArray) -> None:
        site = outcomes.site
        physical, arrays = site.study.site, site.arrays
        groups = physical.group_count
        sizes = np.array(physical.group_sizes)
        self.alive = outcomes.share(truth)
        share = outcomes._shares[self.alive]
        table = [outcomes.taken(name, g, truth) for name in site.classes for g in range(groups)]
        self.taken = np.array(table, dtype=np.int16).reshape(len(site.classes) * groups, -1)
        healthy = self.taken[:, 0].reshape(len(site.classes), groups)
        self.cut = ((healthy < 0) * sizes).sum(axis=1)
        self.load, self.counted, self.client_load = (np.zeros(len(site.elements)) for _ in range(3))
        self.sides = [0, 0]
        for c in range(len(site.classes)):
            for g in range(groups):
                route = int(healthy[c, g])
                if route < 0:
                    continue
                flow = c * groups + g
                load = sizes[g] * share[arrays.flow_at[flow] + route]
                self.load += load
                if arrays.counts[c]:
                    self.client_load += load
                if c == 0 and 0 <= arrays.side_of[flow, route] < 2:
                    self.sides[arrays.side_of[flow, route]] += int(sizes[g])
        self.counted += self.client_load
        site_route: dict[str, int] = {}
        place = sum(len(site.choices[name, g].routes) for name in site.classes for g in range(groups))
        for name in site.site_flows:
            route = site_route[name] = int(outcomes.taken(name, 0, truth)[0])
            if route >= 0:
                self.load += share[place + route]
                if name in physical.foreground:
                    self.counted += share[place + route]
            place += len(site.choices[name, 0].routes)
        capacity = arrays.capacity
        over = (self.client_load > 1e-9) & (self.counted > arrays.limit)
        self.over = bool(over.any())

        def down(service: SiteService) -> bool:
            """Whether a service is down; `kernel.rules` follows the same rules where a client's own part has failed."""
            if service.rule == "role":
                return not outcomes.holds(truth, site.policy.role_up(service.of))
            if service.rule == "flow":
                return site_route[service.of] < 0
            c = site.classes.index(service.of)
            if service.rule == "every client":
                return bool(self.cut[c] > 0)
            if service.rule == "one client":
                return bool(healthy[c, service.group] < 0)
            if service.rule == "lost clients":
                return bool(self.cut[c] >= service.cut_off)
            if service.rule == "full service":
                return bool(self.cut[c] > 0) or self.over
            raise ValueError(f"{service.name}: the simulation does not know the rule '{service.rule}'")

        bits = [int(down(service)) << n for n, service in enumerate(site.services)]
        self.bits = sum(bits)
        self.site_bits = sum(bit for bit, service in zip(bits, site.services, strict=True) if service.shared_only)
        self.delivered = 0.0
        for g in range(groups):
            if len(site.classes) and healthy[0, g] >= 0:
                used = np.zeros(len(capacity), dtype=np.bool_)
                for c in range(len(site.classes)):
                    if healthy[c, g] >= 0 and arrays.counts[c]:
                        used |= share[arrays.flow_at[c * groups + g] + int(healthy[c, g])] > 0
                used &= self.counted > capacity
                part = float((capacity[used] / self.counted[used]).min()) if used.any() else 1.0
                self.delivered += int(sizes[g]) * part


def _bits(words: WordArray, count: int) -> BoolArray:
    places = np.arange(count)
    return np.asarray((words[:, places >> 6] >> (places & 63).astype(np.uint64)) & np.uint64(1), dtype=np.bool_)


def _words(table: BoolArray) -> WordArray:
    """Rows of truth values as words of 64 bits."""
    rows, count = table.shape
    result = np.zeros((rows, (count + 63) // 64), dtype=np.uint64)
    for n in range(count):
        result[:, n >> 6] |= table[:, n].astype(np.uint64) << np.uint64(n & 63)
    return result


def _hashed(keys: Sequence[WordArray], words: int) -> tuple[WordArray, IntArray]:
    """A table with open addressing, at most half full."""
    slots = 16
    while slots < 2 * len(keys) + 2:
        slots *= 2
    table = np.zeros((slots, words), dtype=np.uint64)
    ids = np.full(slots, -1, dtype=np.int64)
    if keys:
        fill(table, ids, np.array(keys, dtype=np.uint64).reshape(len(keys), words))
    return table, ids
