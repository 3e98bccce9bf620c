"""The service "full service" as a function of all parts, each client's own among them.

The operating mode of the shared parts is followed to its end; there clients are asked one after another what they do,
with what those before them do as counts. Loads only grow on the way, so most counts are decided early.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from k2rel.errors import ModelTooLargeError
from k2rel.logic.structure import FALSE, TRUE, Node
from k2rel.policy.rules import Policy
from k2rel.services.catalogue import SiteService, structure_function
from k2rel.services.clients import own_states
from k2rel.services.full_service import Judge
from k2rel.services.loading import Kind, Loading
from k2rel.services.modes import Mode
from k2rel.services.sums import coded

__all__ = ["full_service_function", "function_of"]

_MOST_STEPS = 400_000


def function_of(policy: Policy, service: SiteService) -> Node:
    """Write any service as a structure function of all parts, each client's own among them."""
    if service.rule == "full service":
        return full_service_function(Loading(policy, foreground=True))
    return structure_function(policy, service)


def full_service_function(loading: Loading) -> Node:
    """Write "every flow that full service asks for is up and whole" as a structure function of all parts.

    Examples
    --------
    >>> from k2rel.policy.rules import Policy
    >>> from k2rel.site import read_site
    >>> policy = Policy(read_site("L2R"))
    >>> node = full_service_function(Loading(policy, foreground=True))
    >>> policy.structure.value(node, {"media_link_A1": False}), policy.structure.value(node, {"raid_chassis": False})
    (True, False)
    """
    writer = _Writer(loading)
    diagram = loading.table.diagram
    nodes = [writer.mode(mode) for mode in loading.table.modes]
    for at in range(diagram.modes, diagram.nodes):
        tested = diagram.variables[diagram.level[at]]
        nodes.append(writer.chosen(tested, nodes[diagram.up[at]], nodes[diagram.down[at]]))
    return nodes[diagram.root]


class _Writer:
    """A decision diagram as a structure function: shared parts are tested first, then client by client its own."""

    def __init__(self, loading: Loading) -> None:
        self.loading = loading
        self.site = loading.policy.site
        self.structure = loading.policy.structure
        self.states = own_states(loading.policy)
        self.clients = list(self.site.clients())
        own = [
            self.site.client_part_id(client.number, part)
            for client in self.clients
            for part in reversed(self.states.names)
        ]
        self.level = {name: n for n, name in enumerate((*loading.table.diagram.variables, *own))}
        self.steps = 0
        self._known: dict[object, Node] = {}
        self._split: dict[Node, tuple[int, Node, Node]] = {end: (len(self.level), end, end) for end in (FALSE, TRUE)}
        self._implied: set[tuple[Node, Node]] = set()

    def mode(self, mode: Mode) -> Node:
        """Full service in one mode; modes in which clients do the same share it."""
        danger = self.loading.danger(mode)
        if danger.fixed.lost:
            return FALSE
        groups = []
        for group in range(self.site.group_count):
            kinds, which = self.loading.kinds(mode, group)
            groups.append(tuple(kinds[place] for place in which.tolist()))
        key = (tuple(groups), danger.base, danger.capacity, danger.fixed)
        if key not in self._known:
            distinct = list(dict.fromkeys(kind for kinds in groups for kind in kinds if not kind.lost))
            self._known[key] = self._asked(groups, distinct, Judge(distinct, danger))
        return self._known[key]

    def _asked(self, groups: Sequence[Sequence[Kind]], distinct: Sequence[Kind], judge: Judge) -> Node:
        """Ask the clients one after another: first add up what they do, then, from the last, say what follows."""
        code = coded(judge.rows, np.full(len(distinct), len(self.clients)))
        codes = [{kind: int(code.rows[distinct.index(kind)]) for kind in kinds if not kind.lost} for kinds in groups]
        most = [judge.rows[[distinct.index(kind) for kind in found]].max(axis=0, initial=0.0) for found in codes]
        rest = sum((most[client.group] for client in self.clients), np.zeros(judge.rows.shape[1]))
        layers: list[dict[int, Node]] = []  # by the sum so far; what is not decided yet is below 0
        here = {0: -1}
        there = [TRUE]  # every client from one on has what it asks for
        for client in reversed(self.clients):
            by_state = [FALSE if kind.lost else there[-1] for kind in groups[client.group]]
            there.append(self._own(client.number, by_state))
        for at, left in enumerate(reversed(there)):
            group = self.clients[at].group if at < len(self.clients) else None
            self._step(len(here))
            sums = code.sums(np.array(list(here), dtype=np.int64))
            sure = ~judge.over(sums + rest).any(axis=1) | (group is None)
            decided = np.where(judge.down(sums), FALSE, np.where(sure, left, -1))
            here = dict(zip(here, decided.tolist(), strict=True))
            layers.append(here)
            if group is not None:
                steps = set(codes[group].values())
                self._step(len(steps) * int((decided < 0).sum()))
                here = {total + step: -1 for total, node in here.items() if node < 0 for step in steps}
                rest = rest - most[group]
        after = layers[-1]
        for client, layer in zip(reversed(self.clients), reversed(layers[:-1]), strict=True):
            own = codes[client.group]
            for total, node in layer.items():
                if node < 0:
                    ends = [FALSE if kind.lost else after[total + own[kind]] for kind in groups[client.group]]
                    layer[total] = self._own(client.number, ends)
            after = layer
        return after[0]

    def _own(self, number: int, by_state: Sequence[Node]) -> Node:
        """Choose by the state of a client's own parts; the first part is the lowest bit of a state."""
        nodes = list(by_state)
        for part in self.states.names:
            name = self.site.client_part_id(number, part)
            nodes = [self.chosen(name, works, failed) for works, failed in zip(nodes[1::2], nodes[::2], strict=True)]
        return nodes[0]

    def chosen(self, tested: str, works: Node, failed: Node) -> Node:
        """Choose by one part, without a negation where its failure never helps."""
        self._step()
        if works == failed:
            return works
        s, variable = self.structure, self.structure.variable(tested)
        if self._implies(failed, works):
            node = s.disjunction([s.conjunction([variable, works]), failed])
        else:
            node = s.if_then_else(variable, works, failed)
        self._split[node] = (self.level[tested], works, failed)
        return node

    def _implies(self, one: Node, other: Node) -> bool:
        """Whether a function is true wherever another one is: no path leads to true in it and to false there."""
        seen = {(one, other)}
        stack = [(one, other)]
        while stack:
            a, b = stack.pop()
            if a in (FALSE, b) or b == TRUE or (a, b) in self._implied:
                continue
            if a == TRUE or b == FALSE:  # reduced: neither is true, nor false, everywhere
                return False
            self._step()
            (at, *of_a), (before, *of_b) = self._split[a], self._split[b]
            first = min(at, before)
            for pair in zip(of_a if at == first else (a, a), of_b if before == first else (b, b), strict=True):
                if pair not in seen:
                    seen.add(pair)
                    stack.append(pair)
        self._implied |= seen
        return True

    def _step(self, more: int = 1) -> None:
        self.steps += more
        if self.steps > _MOST_STEPS:
            raise ModelTooLargeError(
                f"full service of {self.site.name}, with {self.site.client_count} clients, as a function of all parts "
                f"takes more than {_MOST_STEPS:,} steps; use fewer clients"
            )
