"""What the rules say of states that histories meet: evaluated once, kept as tables for the kernels.

A *pair* is what decides takeovers (the truth of the policy's predicates) with a control state. A *mode* is the truth
of everything that decides services and loads. Both are few, whatever the number of states.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.structure import BoolArray, Node
from k2rel.memory import bound_in_words, bounded
from k2rel.policy.flows import Pattern
from k2rel.simulation.kernel.layout import filled
from k2rel.simulation.kernel.records import Tables, Work
from k2rel.simulation.kernel.records_abi import laid_out
from k2rel.simulation.kernel.rules import fill
from k2rel.simulation.kernel.serving import fill_modes
from k2rel.simulation.model import SiteModel
from k2rel.simulation.places import place_sizes

__all__ = ["Outcomes"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
WordArray = NDArray[np.uint64]

_MOST = 500_000
_ROW_BYTES, _MOVE_BYTES, _FLOW_BYTES = 1_200.0, 40.0, 24.0
"""Of a pair with its moves, and of a mode with what flows do in it: as they are kept, and as tables while these are put
together anew; 900 to 1,200 measured."""


class Outcomes:
    """The tables of a site, extended by whoever meets a state that they do not know."""

    def __init__(self, site: SiteModel, room: Work) -> None:
        self.site = site
        self._room = room
        self.lock = threading.Lock()
        self._pairs: dict[bytes, int] = {}
        self._pair_keys: list[WordArray] = []
        self._pair_rows: list[tuple[int, int, float, int, FloatArray, IntArray]] = []
        self._modes: dict[bytes, int] = {}
        self._mode_keys: list[WordArray] = []
        self._mode_rows: list[_Mode] = []
        self._flows = _Flows(site)
        self._role_up = [(1 << n, site.policy.role_up(s.of)) for n, s in enumerate(site.services) if s.rule == "role"]
        self._flow_up = [(1 << n, site.site_flows.index(s.of)) for n, s in enumerate(site.services) if s.rule == "flow"]
        quiet = np.ones(1, dtype=np.uint8)
        if site.takeover is not None:
            quiet = np.zeros(site.takeover.controls, dtype=np.uint8)
            quiet[site.takeover.quiet] = 1
        self._quiet = quiet
        self._split = site.takeover.sides_active if site.takeover is not None else np.zeros(1, dtype=np.int64)
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
                self._add_pair(keys[n], (0, 0, 1.0, 0, np.zeros(0), np.zeros(0, dtype=np.int64)))
            return
        different, which = np.unique(conditions[rows], axis=0, return_inverse=True)
        table = takeover.of_pairs(different, which.reshape(-1), control[rows])
        for k, n in enumerate(rows):
            good, bad, begins = int(table.settled[k]), int(table.failed[k]), int(table.begins[k])
            row = (good, bad, float(table.coverage[k]), begins, table.rate_per_h[:, k], table.leads_to[:, k])
            self._add_pair(keys[n], row)

    def _add_pair(self, key: WordArray, row: tuple[int, int, float, int, FloatArray, IntArray]) -> None:
        if key.tobytes() not in self._pairs:
            self._pairs[key.tobytes()] = len(self._pair_rows)
            self._pair_keys.append(key)
            self._pair_rows.append(row)
            self._check(len(self._pair_rows), _MOVE_BYTES * self.site.arrays.moves)

    def _check(self, count: int, more: float) -> None:
        """Refuse more rows of pairs, or of modes, than fit: half of the memory is for the ones, half for the others."""
        each = 2.0 * (_ROW_BYTES + more)
        if count > bounded(_MOST, each):
            conditions = bound_in_words(_MOST, each, "different conditions of the rules")
            raise ModelTooLargeError(f"{self.site.study.site.name}: histories have more than {conditions}")

    def _learn_modes(self, truth: BoolArray) -> None:
        keys = _words(truth)
        for key, row in zip(keys, truth, strict=True):
            if key.tobytes() not in self._modes:
                self._modes[key.tobytes()] = len(self._mode_rows)
                self._mode_keys.append(key)
                self._mode_rows.append(self._mode(row))
                self._check(len(self._mode_rows), _FLOW_BYTES * len(self._mode_rows[-1].situations))

    def _mode(self, values: BoolArray) -> _Mode:
        site, flows = self.site, self._flows
        truth = dict(zip(site.roots, values.tolist(), strict=True))
        groups = range(site.study.site.group_count)
        taken = [int(flows.taken[flows.situation(name, 0, truth)][0]) for name in site.site_flows]
        bits = sum(bit for bit, node in self._role_up if not truth[node])
        bits += sum(bit for bit, n in self._flow_up if taken[n] < 0)
        return _Mode(bits, [flows.situation(name, g, truth) for name in site.classes for g in groups], taken)

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
            "pair_key": pair_key, "pair_id": pair_id, "quiet": self._quiet, "split": self._split,
            "mode_key": mode_key, "mode_id": mode_id,
            **{name: [row[n] for row in pairs] for n, name in enumerate(columns)},
            "site_bits": [mode.site_bits for mode in modes],
            "situation": [mode.situations for mode in modes], "site_taken": [mode.site_taken for mode in modes],
            **self._flows.arrays(),
        }  # fmt: skip
        sizes = {
            "pairs": len(pairs), "moves": site.arrays.moves, "modes": len(modes), "traffic": len(site.traffic),
            "flows": len(site.classes) * site.study.site.group_count, "site_flows": len(site.site_flows),
            "situations": len(self._flows.taken), "own": 2 ** len(site.own), "patterns": len(values["pattern_load"]),
            "elements": len(site.elements), **place_sizes(len(site.study.site.sides)),
        }  # fmt: skip
        tables = filled(Tables, values, **sizes)
        fill_modes(laid_out(site.arrays), laid_out(tables), laid_out(self._room))
        return tables


class _Mode(NamedTuple):
    """What a mode means: services of shared parts alone that are down, situations, patterns of site-wide flows."""

    site_bits: int
    situations: list[int]
    site_taken: list[int]


class _Flows:
    """Patterns that flows have, and situations: the pattern of a client by its failed own parts; as they are met."""

    def __init__(self, site: SiteModel) -> None:
        self.site = site
        codes = np.arange(2 ** len(site.own))
        self._works = {name: (codes >> n) & 1 == 0 for n, name in enumerate(site.own)}
        self._states = len(codes)
        self.taken: list[NDArray[np.int32]] = []
        self._met: dict[tuple[str, int, tuple[bool, ...]], int] = {}
        self._rows: dict[bytes, int] = {}
        self._patterns: dict[tuple[str, int, Pattern], int] = {}
        self._load: list[FloatArray] = []
        self._share: list[FloatArray] = []
        self._routes: list[list[tuple[float, list[int]]]] = []
        self._elements = {element: n for n, element in enumerate(site.elements)}

    def situation(self, name: str, group: int, truth: Mapping[Node, bool]) -> int:
        """Find the row of `taken` for a class and a group in a mode."""
        choice = self.site.choices[name, group]
        key = (name, group, tuple(truth[node] for node in (*choice.deciding, *choice.sharing)))
        if key not in self._met:
            client = name in self.site.classes
            found = choice.patterns(truth, self._works, self._states if client else 1, choice.counted)
            row = np.empty(self._states, dtype=np.int32)
            row[:] = [self._pattern(name, group, pattern) for pattern in found]
            if row.tobytes() not in self._rows:
                self._rows[row.tobytes()] = len(self.taken)
                self.taken.append(row)
            self._met[key] = self._rows[row.tobytes()]
        return self._met[key]

    def _pattern(self, name: str, group: int, pattern: Pattern) -> int:
        if pattern.lost:
            return -1
        key = (name, group, pattern)
        if key not in self._patterns:
            self._patterns[key] = len(self._load)
            physical, choice = self.site.study.site, self.site.choices[name, group]
            load, routes = np.zeros(len(self._elements)), []
            share = np.zeros(max(len(physical.sides), 2))
            for route, part in pattern.uses:
                falls = choice.falls_on(pattern, route, part * physical.traffic[name].demand_mb_s)
                crossed = [self._elements[element] for element in falls if element in self._elements]
                load[crossed] += [falls[element] for element in falls if element in self._elements]
                share[physical.sides.index(choice.routes[route].carried_by)] += part
                routes.append((part, crossed))
            self._load.append(load)
            self._share.append(share)
            self._routes.append(routes)
        return self._patterns[key]

    def arrays(self) -> dict[str, Any]:
        """What is known, for the tables."""
        routes = [route for pattern in self._routes for route in pattern]
        return {
            "taken": self.taken, "pattern_load": self._load, "pattern_share": self._share,
            "route_at": np.cumsum([0, *map(len, self._routes)]), "route_share": [share for share, _ in routes],
            "crossed_at": np.cumsum([0, *(len(crossed) for _, crossed in routes)]),
            "crossed": [element for _, crossed in routes for element in crossed],
        }  # fmt: skip


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
