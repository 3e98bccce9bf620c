"""How many clients have a traffic class: the full exact distribution, for any number of groups of clients.

Groups depend on each other only through the parts that they share. Those parts are decided first; what is
left then concerns one group each, so groups are solved apart and their counts added up. The cost grows with
the number of groups, where following them together would multiply their conditions.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from k2rel.exact.by_group import lost_clients
from k2rel.exact.engine import cycle_inputs, steady_own
from k2rel.logic.bdd import reduced_together
from k2rel.logic.diagram import Diagram, joint_diagram
from k2rel.logic.structure import Node
from k2rel.services.by_group import many_groups
from k2rel.services.clients import LOST, Situation, own_states
from k2rel.services.counts import binomial_power
from k2rel.studies import Study

__all__ = ["served_distribution"]

FloatArray = NDArray[np.float64]


def served_distribution(study: Study, traffic: str) -> FloatArray:
    """Give the distribution of the number of clients that have a traffic class."""
    policy, site = study.policy, study.site
    if many_groups(policy):
        return np.real(lost_clients(study, (traffic,)).probability[::-1])
    groups = range(site.group_count)
    blocks = [policy.choice(traffic, group).deciding for group in groups]
    seen = Counter(name for block in blocks for name in policy.structure.variables(block))
    order = policy.structure.variables([node for block in blocks for node in block])
    common = [name for name in order if seen[name] > 1]
    together = reduced_together(
        policy.structure,
        [node for block in blocks for node in block],
        [*common, *(name for name in order if seen[name] == 1)],
    )
    # the shared parts decide what is left of every group's functions
    starts = np.cumsum([0, *(len(block) for block in blocks)])
    outer = joint_diagram(together, tuple(together.roots), below=len(common))
    total = np.zeros(site.client_count + 1)
    inner: dict[tuple[Node, ...], Diagram] = {}
    for share, moment in study.at_moments:
        p_own = steady_own(moment).probability
        weight, values, *_ = cycle_inputs(moment, tuple(together.variables))
        for part, q in zip((share * weight).tolist(), values.T, strict=True):
            memo: dict[tuple[int, tuple[Node, ...]], FloatArray] = {}
            for probability, outcome in zip(
                outer.mode_probabilities(q[: len(common)]).tolist(), outer.outcomes, strict=True
            ):
                assert isinstance(outcome, tuple)
                if probability == 0.0:
                    continue
                counts = np.ones(1)
                for group in groups:
                    rest = outcome[starts[group] : starts[group + 1]]
                    if (group, rest) not in memo:
                        if rest not in inner:
                            inner[rest] = joint_diagram(together, rest)
                        found = inner[rest].mode_probabilities(q)
                        memo[group, rest] = _of_group(study, traffic, group, inner[rest].outcomes, found, p_own)
                    counts = np.convolve(counts, memo[group, rest])
                total += part * probability * counts
    return total


def _of_group(
    study: Study,
    traffic: str,
    group: int,
    outcomes: tuple[object, ...],
    probability: FloatArray,
    p_own: FloatArray,
) -> FloatArray:
    """Distribution of the served clients of one group, over the conditions of its own shared parts."""
    choice = study.policy.choice(traffic, group)
    size = study.site.group_sizes[group]
    states = own_states(study.policy)
    by_situation: dict[Situation, float] = {}
    for outcome, weight in zip(outcomes, probability.tolist(), strict=True):
        assert isinstance(outcome, tuple)
        truth = {node: value == 1 for node, value in zip(choice.deciding, outcome, strict=True)}
        situation = states.situation(traffic, group, truth)
        by_situation[situation] = by_situation.get(situation, 0.0) + weight
    result = np.zeros(size + 1)
    for situation, weight in by_situation.items():
        lost = states.outcomes(traffic, group, situation) == LOST
        # counted from the rarer side, so that its probability keeps its digits
        gone, there = float(p_own[lost].sum()), float(p_own[~lost].sum())
        result += weight * (binomial_power(size, gone)[::-1] if gone < there else binomial_power(size, there))
    return result
