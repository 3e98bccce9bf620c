"""Answers about the top events of a model: probability, cut sets, importance, uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from k2rel._version import __version__
from k2rel.arguments import as_name, as_number, as_seed, as_whole
from k2rel.columns import counted
from k2rel.errors import InputError, ModelTooLargeError, Problem, closest
from k2rel.faulttrees.read import FaultTrees
from k2rel.logic.bounds import probability_bounds
from k2rel.logic.cutsets import minimal_cut_sets
from k2rel.logic.function import MOST_NODES, FunctionDiagram, compile_function
from k2rel.logic.structure import Node
from k2rel.logic.zdd import Listing, MinimalSets
from k2rel.memory import check_each
from k2rel.tables import Shown
from k2rel.uncertain import mean_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EventImportance", "TopAnswer", "TreeAnswer", "Uncertainty", "event_importance", "solve"]

FloatArray = NDArray[np.float64]

_QUICK_NODES = 2_000_000
_NODES_BEFORE_BOUNDS = 2_000_000
_NEARLY_ALL = 1e-6
_SAMPLE_BYTES, _DEVIATE_BYTES = 16.0, 24.0  # of a sample and each of its deviates, while most is held

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, slots=True)
class EventImportance:
    """Importance of one event for one top event (IEC 61078, annex; NUREG/CR-3385)."""

    event: str
    probability: float
    birnbaum: float  # derivative of the top probability P; below 0 where the event helps
    criticality: float  # birnbaum times probability / P
    dif: float  # diagnostic: probability of the event given the top event
    raw: float  # risk achievement worth: P(event certain) / P
    rrw: float  # risk reduction worth: P / P(event impossible)
    improvement: float  # P - P(event impossible)
    fussell_vesely: float | None  # share of the cut sets' summed probability in those that hold the event


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """A top probability whose inputs are uncertain, by sampling."""

    samples: int
    seed: int
    method: str
    mean: float
    deviation: float
    mean_low: float  # 90 % confidence interval of the mean, wider than need be unless the points are random
    mean_high: float
    quantiles: dict[float, float]


@dataclass(frozen=True, slots=True, repr=False)
class TopAnswer(Shown):
    """What is known about one top event."""

    top: str
    probability: float | None  # exact; None where it does not fit in memory, or the model gives no probabilities
    rare_event: float | None  # sum over the minimal cut sets; None also where these do not fit in memory
    mcub: float | None  # min-cut upper bound; None as `rare_event`
    nodes: int
    modules: int
    by_order: dict[int, int] | None = None  # number of minimal cut sets
    listing: Listing | None = None
    importance: tuple[EventImportance, ...] | None = None  # largest criticality first
    uncertainty: Uncertainty | None = None
    bounds: tuple[float, float] | None = None  # proven, instead of the probability
    order: int | None = None  # highest order of the sets that were counted and listed
    order_sum: float | None = None  # sum over the sets that were counted
    without: tuple[str, ...] = ()  # events without a probability

    def importance_table(self) -> pd.DataFrame:
        """Give the importance as a table.

        Examples
        --------
        >>> TopAnswer("t", 0.5, 0.5, 0.5, 3, 1, importance=()).importance_table().index.name
        'event'
        """
        import pandas as pd

        columns = [name for name in EventImportance.__slots__ if name != "event"]
        rows = [[getattr(item, name) for name in columns] for item in self.importance or ()]
        index = pd.Index([item.event for item in self.importance or ()], name="event")
        return pd.DataFrame(rows, columns=columns, index=index)

    def _line(self) -> str:
        found = self.bounds if self.probability is None else (self.probability,)
        return f"{self.top} {' to '.join(f'{p:.4g}' for p in found or ()) or 'without a probability'}"


@dataclass(frozen=True, slots=True, repr=False)
class TreeAnswer(Shown):
    """Answers about all top events of a model."""

    model: str
    method: str
    tops: tuple[TopAnswer, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the answers as JSON knows them; what is not finite is null.

        Examples
        --------
        >>> TreeAnswer("m", "exact", ()).to_json()
        {'model': 'm', 'method': 'exact', 'tops': []}
        """
        answer = {"model": self.model, "method": self.method, "tops": [_top_json(top) for top in self.tops]}
        return answer | ({"notes": list(self.notes)} if self.notes else {})

    def _line(self) -> str:
        return f"{self.model}: " + "; ".join(item._line() for item in self.tops)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _top_json(top: TopAnswer) -> dict[str, Any]:
    row: dict[str, Any] = {
        "top": top.top,
        "probability": top.probability,
        "rare_event": _finite(top.rare_event),
        "mcub": _finite(top.mcub),
    }
    if top.bounds is not None:
        row["bounds"] = list(top.bounds)
    if top.by_order is not None:
        by_order = {str(order): count for order, count in top.by_order.items()}
        row["cut_sets"] = {"count": sum(top.by_order.values()), "by_order": by_order, "sum": _finite(top.order_sum)}
        if top.listing is not None:
            sets = list(zip(top.listing.sets, top.listing.probabilities, strict=True))
            by_size = not all(math.isfinite(p) for _, p in sets)
            if top.order is not None and len(sets) < sum(top.by_order.values()):
                by_size = True  # the smallest were listed, which need not be the most probable
            elif not by_size:
                sets.sort(key=lambda one: -one[1])
            row["cut_sets"]["order_of_list"] = "size" if by_size else "probability"
            row["cut_sets"]["most_probable"] = [{"events": list(e), "probability": _finite(p)} for e, p in sets]
            row["cut_sets"]["left_out"] = top.listing.left_out
            row["cut_sets"]["left_out_probability"] = _finite(top.listing.left_out_probability)
    if top.without:
        row["without_probability"] = list(top.without)
    if top.importance is not None:
        names = EventImportance.__slots__
        row["importance"] = [
            {n: (v if isinstance(v := getattr(item, n), str) else _finite(v)) for n in names} for item in top.importance
        ]
    if top.uncertainty is not None:
        u = top.uncertainty
        row["uncertainty"] = {
            "samples": u.samples,
            "seed": u.seed,
            "method": u.method,
            "mean": u.mean,
            "deviation": u.deviation,
            "mean_90": [u.mean_low, u.mean_high],
            "quantiles": {f"{q:g}": value for q, value in u.quantiles.items()},
        }
    return row


def event_importance(diagram: FunctionDiagram, p: FloatArray, sets: MinimalSets | None) -> list[EventImportance]:
    """Compute every importance of every variable, from one pass up and one down.

    Examples
    --------
    >>> from k2rel.logic.structure import Structure
    >>> s = Structure()
    >>> d = compile_function(s, s.disjunction([s.variable("a"), s.variable("b")]))
    >>> event_importance(d, np.array([0.5, 0.5]), None)[0].birnbaum
    0.5
    """
    top, birnbaum = diagram.derivatives(p)
    total = float(top)
    gain = p * birnbaum
    without = total - gain
    # where nearly all of the probability goes through one event, the difference has lost its digits
    lost = np.flatnonzero(np.abs(without) < _NEARLY_ALL * total)
    if len(lost):
        changed = np.repeat(p[:, None], len(lost), axis=1)
        changed[lost, np.arange(len(lost))] = 0.0
        without[lost] = diagram.probability(changed)
    sure = total + (1.0 - p) * birnbaum
    shares: list[float | None] = [None] * len(p)
    if sets is not None and (sum_of_sets := sets.rare_event(p)) > 0:
        shares = list((p * sets.rare_event_slopes(p) / sum_of_sets).tolist())
    rows = []
    for i, event in enumerate(diagram.variables):
        ratio = 1.0 / total if total > 0 else math.nan
        rrw = total / float(without[i]) if without[i] > 0 else (math.inf if total > 0 else math.nan)
        rows.append(
            EventImportance(
                event,
                float(p[i]),
                float(birnbaum[i]),
                float(gain[i]) * ratio,
                float(p[i] * sure[i]) * ratio,
                float(sure[i]) * ratio,
                rrw,
                float(gain[i]),
                shares[i],
            )
        )
    return sorted(rows, key=lambda row: (-abs(row.improvement), row.event))


def _uncertainty(
    trees: FaultTrees, diagram: FunctionDiagram, rows: list[int], samples: int, seed: int, method: str
) -> Uncertainty:
    parts = [diagram.probability(matrix[rows]) for matrix in trees.sampled(samples, seed=seed, method=method)]
    values = np.concatenate(parts)
    mean, low, high, deviation = mean_interval(values)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    quantiles = dict(zip(levels, np.quantile(values, levels).tolist(), strict=True))
    return Uncertainty(samples, seed, method, mean, deviation, low, high, quantiles)


def solve(
    trees: FaultTrees,
    *,
    top: str | None = None,
    cut_sets: int | None = None,
    order: int | None = None,
    importance: bool = False,
    samples: int = 0,
    seed: int = 1,
    points: str = "lhs",
    most_nodes: int | None = None,
    bounds: float | None = None,
) -> TreeAnswer:
    """Solve the top events of a model.

    Parameters
    ----------
    trees : FaultTrees
        The model.
    top : str, optional
        Solve this one only.
    cut_sets : int, optional
        Count the minimal cut sets, and list so many, most probable first.
    order : int, optional
        Count, sum and list cut sets up to this order only; what is left out is stated with the sum of its
        probabilities where all sets fit in memory.
    importance : bool
        Compute the importance of every event.
    samples : int
        Number of samples for the uncertainty; 0 for none.
    seed : int
        Their seed.
    points : {"random", "lhs", "sobol"}
        How they are chosen.
    most_nodes : int, optional
        Bound on the nodes in work; by default 16 million, or 2 million where bounds are asked for, so that the
        exact value is not sought for long.
    bounds : float, optional
        Where a diagram does not fit, answer with proven bounds instead of an error, after about so many seconds.

    Returns
    -------
    TreeAnswer
        The answers.

    Raises
    ------
    InputError
        If there is no such top event, samples are asked of a model without deviates, an argument is out of range, or
        more than cut sets is asked of a model without probabilities.
    ModelTooLargeError
        If a diagram does not fit in the bound.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from k2rel.faulttrees.read import read_fault_trees
    >>> file = Path(tempfile.mkdtemp()) / "m.xml"
    >>> _ = file.write_text(
    ...     "<opsa-mef><define-fault-tree name='t'><define-gate name='g'><and><basic-event name='a'/>"
    ...     "<basic-event name='b'/></and></define-gate><define-basic-event name='a'><float value='0.1'/>"
    ...     "</define-basic-event><define-basic-event name='b'><float value='0.25'/></define-basic-event>"
    ...     "</define-fault-tree></opsa-mef>"
    ... )
    >>> solve(read_fault_trees(file)).tops[0].probability
    0.025
    """
    if top is not None and as_name("top", top) not in trees.tops:
        raise InputError(f"'{top}' is not a top event of {trees.name}{closest(top, trees.tops)}")
    most_nodes = most_nodes if most_nodes is not None else MOST_NODES if bounds is None else _NODES_BEFORE_BOUNDS
    most_nodes = as_whole("most_nodes", most_nodes, 100)
    if bounds is not None and not 0 < as_number("bounds", bounds) < 1e6:
        raise InputError(f"bounds: a time above 0 seconds, got {bounds:g}")
    order = None if order is None else as_whole("order", order)
    cut_sets = None if cut_sets is None else as_whole("cut_sets", cut_sets)
    samples, seed = as_whole("samples", samples), as_seed(seed)
    if samples and not trees.deviates:
        raise InputError(f"{trees.name}: no probability is uncertain; there is nothing to sample")
    check_each(samples, _SAMPLE_BYTES + _DEVIATE_BYTES * trees.deviates, f"samples of {trees.name}")
    asked = _Questions(cut_sets, order, importance, samples, seed, points, most_nodes, bounds)
    rows = {event: row for row, event in enumerate(trees.events)}
    answers = tuple(_answer(trees, name, node, rows, asked) for name, node in trees.tops.items() if top in (None, name))
    method = f"exact, decision diagram (k2rel {__version__})"
    return TreeAnswer(trees.name, method, answers, trees.notes)


@dataclass(frozen=True, slots=True)
class _Questions:
    """What is asked about each top event."""

    cut_sets: int | None
    order: int | None
    importance: bool
    samples: int
    seed: int
    points: str
    most_nodes: int
    bounds: float | None

    @property
    def sets(self) -> bool:
        """Whether cut sets are asked for."""
        return self.cut_sets is not None or self.order is not None

    def up_to_order(self, by_order: dict[int, _Number]) -> dict[int, _Number]:
        return {k: value for k, value in by_order.items() if self.order is None or k <= self.order}


def _answer(trees: FaultTrees, top: str, node: Node, rows: dict[str, int], asked: _Questions) -> TopAnswer:
    """Answer about one top event; `rows` says where its events stand in the probabilities."""
    try:
        diagram = compile_function(trees.structure, node, most_nodes=asked.most_nodes)
    except ModelTooLargeError:
        if asked.bounds is None:
            raise
        return _bounded(trees, top, node, asked.bounds)
    own = [rows[event] for event in diagram.variables]
    without = tuple(event for event in diagram.variables if event in trees.unknown)
    if without and (not asked.sets or asked.importance or asked.samples):
        raise InputError(_without(trees, top, without))
    p = trees.probability[own] if not without else np.full(len(own), 0.5)  # then the shortest set comes first
    sets, whole = _cut_sets(diagram, asked)
    counted = sets if asked.sets else None
    sums = None if counted is None or without else asked.up_to_order(counted.rare_event_by_order(p))
    listing = sets.listed(p, order=asked.order, most=asked.cut_sets) if sets and asked.cut_sets else None
    summed = sets if whole and not without else None
    return TopAnswer(
        top,
        None if without else float(diagram.probability(p)),
        None if summed is None else summed.rare_event(p),
        None if summed is None else summed.upper_bound(p),
        diagram.nodes,
        diagram.modules,
        None if counted is None else asked.up_to_order(counted.count_by_order),
        _unvalued(listing) if listing and without else listing,
        tuple(event_importance(diagram, p, sets if whole else None)) if asked.importance else None,
        _uncertainty(trees, diagram, own, asked.samples, asked.seed, asked.points) if asked.samples else None,
        order=asked.order,
        order_sum=None if sums is None else math.fsum(sums.values()),
        without=without,
    )


def _bounded(trees: FaultTrees, top: str, node: Node, seconds: float) -> TopAnswer:
    """Bound the probability of a top event whose diagram does not fit."""
    without = tuple(event for event in trees.structure.variables([node]) if event in trees.unknown)
    if without:
        raise InputError(_without(trees, top, without)) from None
    given = dict(zip(trees.events, trees.probability.tolist(), strict=True))
    found = probability_bounds(trees.structure, node, given, seconds=seconds)
    return TopAnswer(top, None, None, None, 0, 0, bounds=(found.low, found.high))


def _cut_sets(diagram: FunctionDiagram, asked: _Questions) -> tuple[MinimalSets | None, bool]:
    """All cut sets where they fit, for sums and bounds, else those up to an order; and whether these are all."""
    try:
        if asked.cut_sets is not None or diagram.nodes <= _QUICK_NODES:
            return minimal_cut_sets(diagram), True
    except ModelTooLargeError:
        if asked.cut_sets is not None and asked.order is None:
            raise
    return (None if asked.order is None else minimal_cut_sets(diagram, order=asked.order)), False


def _without(trees: FaultTrees, top: str, without: tuple[str, ...]) -> list[Problem]:
    """Say where probabilities are missing, and what can be asked without them."""
    others = len(without) - 1
    more = f", as {counted(others, 'other event')} of '{top}'" if others else ""
    first = trees.unknown[without[0]]
    return [replace(first, message=f"{first.message}{more}; without it only cut sets can be listed (--cut-sets)")]


def _unvalued(listing: Listing) -> Listing:
    """A list of sets whose probabilities nobody knows."""
    return replace(listing, probabilities=(math.nan,) * len(listing.sets), left_out_probability=math.nan)
