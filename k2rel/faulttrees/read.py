"""Fault trees in the Open-PSA model exchange format, read into one structure function each.

Formulae, house events, parameters, distributions, common-cause groups, components with public and private names, and
includes are read as the standard (Open-PSA Model Exchange Format 2.0d) has them; event trees, sequences and
alignments are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_number
from k2rel.bundled import input_file
from k2rel.commoncause import combinations_of, part_total
from k2rel.errors import InputError, Problem, closest
from k2rel.faulttrees.expression import Evaluation
from k2rel.faulttrees.gates import REFERENCES, gates_in_order, references
from k2rel.faulttrees.groups import distribution_of, members_of, shares_of, whole_number
from k2rel.faulttrees.source import Element, read_xml
from k2rel.logic.rounding import at_most_one
from k2rel.logic.structure import FALSE, TRUE, Node, Structure
from k2rel.tables import Shown
from k2rel.uncertain import points
from k2rel.units import HOURS_PER_YEAR

__all__ = ["FaultTrees", "read_fault_trees"]

FloatArray = NDArray[np.float64]

_MOST_INCLUDES = 200
_FORMULAE = {"and", "or", "not", "xor", "atleast", "cardinality", "nand", "nor", "imply", "iff"}
_ARGUMENTS = {"not": (1, 1), "imply": (2, 2), "xor": (2, None), "iff": (2, None)}
_DEFINITIONS = {"define-gate", "define-basic-event", "define-house-event", "define-parameter"}


@dataclass(frozen=True)
class _Definition:
    """A definition and where it stands."""

    element: Element
    container: tuple[str, ...]

    @cached_property
    def path(self) -> str:
        return ".".join((*self.container, self.element.named()))


class FaultTrees(Shown):
    """The fault trees of a model.

    Parameters
    ----------
    name : str
        Name of the model.
    file : str
        Where it was read from.
    model : _Model
        Its definitions.
    mission_time_h : float
        The mission time [h].

    Attributes
    ----------
    structure : Structure
        Where its functions stand; a variable is true when its event happens.
    tops : dict of str to int
        Top events: gates that stand in no other gate.
    events : tuple of str
        Basic events, common-cause combinations included.
    probability : array of float
        Probabilities of the events at the means of their distributions; not a number where the model gives none.
    deviates : int
        How many distributions the uncertain values of the model are drawn from.
    unknown : dict of str to Problem
        Events without a probability, and where that is missing; cut sets need none.
    notes : tuple of str
        What whoever reads the figures should know.
    """

    def __init__(self, name: str, file: str, model: _Model, mission_time_h: float) -> None:
        self.name = name
        self.file = file
        self.mission_time_h = mission_time_h
        self.structure = model.structure
        self.tops = model.tops
        self._model = model
        evaluation = Evaluation(model.resolve_parameter, mission_time_h)
        found = model.probabilities(evaluation)
        model.agree(Evaluation(model.resolve_parameter, mission_time_h))
        self.unknown = dict(model.unknown)
        self.notes = tuple(model.notes)
        self.events = tuple(found)
        self.probability: FloatArray = np.array([float(found[event]) for event in self.events])
        self.deviates = evaluation.deviates

    def sampled(self, count: int, *, seed: int, method: str = "lhs", chunk: int = 20_000) -> Iterator[FloatArray]:
        """Draw probabilities of all events from the distributions of the model's deviates.

        Events that share a parameter share its draws.

        Parameters
        ----------
        count : int
            Number of samples.
        seed : int
            Seed.
        method : {"random", "lhs", "sobol"}
            Kind of points.
        chunk : int
            Most samples in one matrix.

        Yields
        ------
        array of float, shape (events, samples)
            Probabilities; draws above 1 are cut to 1.

        Raises
        ------
        InputError
            If an argument is out of range.

        Examples
        --------
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "m.xml"
        >>> _ = file.write_text(
        ...     "<opsa-mef><define-fault-tree name='t'><define-gate name='g'><or><basic-event name='a'/>"
        ...     "<basic-event name='b'/></or></define-gate><define-basic-event name='a'><uniform-deviate>"
        ...     "<float value='0'/><float value='0.2'/></uniform-deviate></define-basic-event>"
        ...     "<define-basic-event name='b'><float value='0.1'/></define-basic-event></define-fault-tree></opsa-mef>"
        ... )
        >>> next(read_fault_trees(file).sampled(5, seed=1)).shape
        (2, 5)
        """
        design = points(method, count, self.deviates, seed)
        for start in range(0, count, chunk):
            part = design[start : start + chunk]
            columns = {place: part[:, place] for place in range(self.deviates)}
            found = self._model.probabilities(Evaluation(self._model.resolve_parameter, self.mission_time_h, columns))
            yield np.array([np.broadcast_to(np.clip(found[event], 0.0, 1.0), len(part)) for event in self.events])

    def _line(self) -> str:
        return f"{self.name}: {len(self.tops)} top events"


class _Model:
    """Definitions by name, then functions and probabilities from them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        paths = [input_file(path) for path in paths]
        self.folder = paths[0].resolve().parent
        self.includes = 0
        self.definitions: dict[str, dict[str, _Definition]] = {"event": {}, "parameter": {}}
        self.public: dict[str, dict[str, _Definition]] = {"event": {}, "parameter": {}}
        self.resolved: dict[tuple[str, str, tuple[str, ...]], _Definition] = {}
        self.groups: dict[str, _Definition] = {}
        self.structure = Structure()
        self.tops: dict[str, Node] = {}
        self.name = ""
        for path in paths:
            root = read_xml(path)
            if root.tag != "opsa-mef":
                raise root.error("an Open-PSA model starts with <opsa-mef>")
            self.name = self.name or root.attributes.get("name", "").strip()
            self.folder = path.resolve().parent
            self.collect(root, (), "public", [path.resolve()])
        self.members: dict[str, list[Node]] = {}
        self.combined: list[tuple[_Definition, list[str]]] = []
        self.unknown: dict[str, Problem] = {}
        self.notes: list[str] = []
        events = [d.element for d in self.definitions["event"].values() if d.element.tag == "define-basic-event"]
        # of a model without any probability the format does not ask that basic events are defined
        self.logic_only = not self.groups and not any(list(element.parts()) for element in events)
        self.build()

    def collect(self, element: Element, container: tuple[str, ...], role: str, files: list[Path]) -> None:
        """Gather the definitions of a container."""
        for part in element.parts():
            own = part.attributes.get("role", role)
            if own not in {"public", "private"}:
                raise part.error(f"role must be public or private, got '{own}'")
            if part.tag in {"include", "xi:include"}:
                path = self.included(part, files)
                inner = read_xml(path, path.relative_to(self.folder).as_posix())
                self.collect(inner, container, role, [*files, path])
            elif part.tag == "model-data":
                self.collect(part, container, own, files)
            elif part.tag in {"define-fault-tree", "define-component"}:
                if part.tag == "define-fault-tree":
                    self.name = self.name or part.named()
                self.collect(part, (*container, part.named()), own, files)
            elif part.tag in _DEFINITIONS:
                self.define(_Definition(part, container), own)
            elif part.tag == "define-CCF-group":
                if part.named() in self.groups:
                    raise part.error(f"common-cause group '{part.named()}' is defined twice")
                self.groups[part.named()] = _Definition(part, container)
            elif part.tag != "define-substitution":
                raise part.error("is not supported; k2rel solves fault trees only")
            else:
                raise part.error("substitutions are not supported, since they approximate")

    def included(self, element: Element, files: list[Path]) -> Path:
        """Find an included file; it must lie in the model's own folder."""
        text = element.attributes.get("file") or element.attributes.get("href") or ""
        self.includes += 1
        if not text or "://" in text or Path(text).is_absolute():
            raise element.error(f"has to name a file in the model's folder, got '{text[:80]}'")
        path = (files[-1].parent / text).resolve()
        if not path.is_relative_to(self.folder):
            raise element.error(f"has to name a file in the model's folder, got '{text[:80]}'")
        if path in files:
            raise element.error(f"'{text}' includes itself")
        if self.includes > _MOST_INCLUDES:
            raise element.error(f"more than {_MOST_INCLUDES} files are included")
        return path

    def define(self, definition: _Definition, role: str) -> None:
        kind = "parameter" if definition.element.tag == "define-parameter" else "event"
        name, path = definition.element.named(), definition.path
        if "." in name:
            raise definition.element.error(f"'{name}': a name cannot contain a dot, which separates containers")
        for known, key in ((self.definitions[kind], path), (self.public[kind], name)):
            if key in known and (known is self.definitions[kind] or role == "public"):
                raise definition.element.error(f"'{key}' is defined twice, first in line {known[key].element.line}")
        self.definitions[kind][path] = definition
        if role == "public":
            self.public[kind][name] = definition

    def resolve(self, kind: str, element: Element, container: tuple[str, ...]) -> _Definition:
        """Find what a name means here: nearest container first, then public names."""
        name = element.named()
        key = kind, name, container
        found = self.resolved.get(key) or self.found(kind, name, container)
        if found is not None:  # what is defined later is only what nobody has found
            self.resolved[key] = found
            return found
        if kind == "event" and self.logic_only and "basic-event" in (element.tag, element.attributes.get("type")):
            return self.implied(element, ())
        known = [*self.public[kind], *self.definitions[kind]]
        raise element.error(f"'{name}' is not defined anywhere{closest(name, known)}")

    def found(self, kind: str, name: str, container: tuple[str, ...]) -> _Definition | None:
        for depth in range(len(container), -1, -1):
            path = ".".join((*container[:depth], name))
            if path in self.definitions[kind]:
                return self.definitions[kind][path]
        return self.public[kind].get(name)

    def implied(self, reference: Element, container: tuple[str, ...]) -> _Definition:
        """Define a basic event by the reference to it, where the format asks for no more."""
        element = Element("define-basic-event", {"name": reference.named()}, reference.line, reference.file)
        definition = _Definition(element, container)
        self.define(definition, "public")
        return definition

    def resolve_parameter(self, element: Element) -> tuple[str, Element]:
        definition = self.resolve("parameter", element, ())
        return definition.path, definition.element

    # ---- functions

    def build(self) -> None:
        """Make the structure functions, gates after what they use."""
        gates = {p: d for p, d in self.definitions["event"].items() if d.element.tag == "define-gate"}
        self.common_cause()
        used: set[str] = set()
        uses: dict[str, list[_Definition]] = {}
        for path, gate in gates.items():
            formulae = list(gate.element.parts())
            if len(formulae) != 1:
                raise gate.element.error(f"gate '{gate.element.named()}' needs one formula, got {len(formulae)}")
            found = [self.resolve("event", r, gate.container) for r in references(formulae[0])]
            uses[path] = [d for d in found if d.element.tag == "define-gate"]
            used.update(d.path for d in uses[path])
        if not gates:
            raise InputError(Problem("holds no gate", self.name or "the model"))
        tops = [path for path in gates if path not in used]
        known: dict[str, Node] = {}
        inner = {path: [used.path for used in found] for path, found in uses.items()}
        for path in gates_in_order({path: gate.element for path, gate in gates.items()}, inner):
            gate = gates[path]
            known[path] = self.formula(next(gate.element.parts()), gate.container, known)
        short = {path: gates[path].element.named() for path in tops}
        twice = len(set(short.values())) < len(short)
        self.tops = {(path if twice else short[path]): known[path] for path in tops}

    def formula(self, element: Element, container: tuple[str, ...], known: dict[str, Node]) -> Node:
        """Build one formula."""
        s = self.structure
        if element.tag == "constant":
            return TRUE if element.truth() else FALSE
        if element.tag in REFERENCES:
            return self.reference(element, container, known)
        if element.tag not in _FORMULAE:
            raise element.error(f"is not a known formula; known: {', '.join(sorted(_FORMULAE | REFERENCES))}")
        parts = [self.formula(part, container, known) for part in element.parts()]
        fewest, most = _ARGUMENTS.get(element.tag, (1, None))
        if len(parts) < fewest or (most is not None and len(parts) > most):
            raise element.error(f"takes {fewest if most else f'at least {fewest}'} argument(s), got {len(parts)}")
        bounds = {"atleast": {"min"}, "cardinality": {"min", "max"}}.get(element.tag, set())
        for key in ("min", "max"):
            if (key in element.attributes) != (key in bounds):
                wrong = "needs the attribute" if key in bounds else "has no attribute"
                raise element.error(f"{wrong} {key}" + ("; at most so many is cardinality" if key == "max" else ""))
        if bounds:
            return self.counted(element, parts)
        if element.tag == "imply":
            return s.disjunction([s.negation(parts[0]), parts[1]])
        build = {
            "and": s.conjunction,
            "nand": s.conjunction,
            "or": s.disjunction,
            "nor": s.disjunction,
            "xor": s.exclusive_or,
            "iff": s.exclusive_or,
            "not": s.disjunction,
        }[element.tag]
        result = build(parts)
        # the format calls xor and iff associative: of n arguments xor asks for an odd number of true ones, and iff,
        # n - 1 times the negation of an exclusive or, for an even number of false ones
        negated = len(parts) % 2 == 0 if element.tag == "iff" else element.tag in {"nand", "nor", "not"}
        return s.negation(result) if negated else result

    def counted(self, element: Element, parts: list[Node]) -> Node:
        """At least min, and at most max, of the parts."""
        least = whole_number(element, "min", element.attributes["min"], 0, len(parts))
        result = self.structure.at_least(least, parts)
        if element.tag == "cardinality":
            most = whole_number(element, "max", element.attributes["max"], 0, len(parts))
            if most < least:
                raise element.error(f"max must not be below min, got {least} to {most}")
            above = self.structure.at_least(most + 1, parts)
            result = self.structure.conjunction([result, self.structure.negation(above)])
        return result

    def reference(self, element: Element, container: tuple[str, ...], known: dict[str, Node]) -> Node:
        definition = self.resolve("event", element, container)
        kind = definition.element.tag.removeprefix("define-")
        asked = element.attributes.get("type", "") if element.tag == "event" else element.tag
        if asked and asked != kind:
            raise element.error(f"'{element.named()}' is defined as a {kind}, not as a {asked}")
        path = definition.path
        if kind == "gate":
            return known[path]
        if kind == "house-event":
            inner = list(definition.element.parts())
            if len(inner) > 1 or (inner and inner[0].tag != "constant"):
                raise definition.element.error("a house event needs one constant")
            return self.formula(inner[0], (), {}) if inner else FALSE
        if path in self.members:
            return self.structure.disjunction(self.members[path])
        return self.structure.variable(self.shown(path))

    def shown(self, path: str) -> str:
        """Name of an event in answers: short where that is enough."""
        name = path.rsplit(".", 1)[-1]
        public = self.public["event"].get(name)
        return name if public is not None and public.path == path else path

    # ---- probabilities

    def common_cause(self) -> None:
        """Replace the members of common-cause groups by combinations of them."""
        for group in self.groups.values():
            paths = [self.member(reference, group) for reference in members_of(group.element)]
            if len(set(paths)) != len(paths):
                raise group.element.error("names a member twice")
            self.combined.append((group, paths))
            shares = self.shares(group, Evaluation(self.resolve_parameter, 0.0))
            whole = float(part_total(len(paths), shares))
            if abs(whole - 1.0) > 1e-5:
                self.notes.append(
                    f"common-cause group '{group.element.named()}': phi factors apply to each combination as "
                    f"given, so that a member has in all {whole:.6g} times the probability of the group's distribution"
                )
            for path in paths:
                if path in self.members:
                    raise group.element.error(f"'{path}' is in two common-cause groups")
                self.members[path] = [
                    self.structure.variable(self.combination(names))
                    for names in combinations_of(paths, shares)
                    if path in names
                ]

    def member(self, reference: Element, group: _Definition) -> str:
        found = self.found("event", reference.named(), group.container)
        if found is None:  # members need no definition of their own: the group gives their distribution
            found = self.implied(reference, group.container)
        if found.element.tag != "define-basic-event":
            kind = found.element.tag.removeprefix("define-")
            raise reference.error(f"'{reference.named()}' is a {kind}; members of a group are basic events")
        return found.path

    def combination(self, paths: tuple[str, ...]) -> str:
        return "[" + " ".join(self.shown(path) for path in paths) + "]"

    def shares(self, group: _Definition, evaluation: Evaluation) -> dict[int, FloatArray]:
        return shares_of(group.element, len(members_of(group.element)), evaluation.value)

    def probabilities(self, evaluation: Evaluation) -> dict[str, FloatArray]:
        """Probability of every event that the functions can name, in the order of the file."""
        result: dict[str, FloatArray] = {}
        nothing = np.asarray(np.nan)
        for path, definition in self.definitions["event"].items():
            element = definition.element
            if element.tag != "define-basic-event" or path in self.members:
                continue
            expressions = list(element.parts())
            if len(expressions) > 1:
                raise element.error(f"'{element.named()}' needs one expression")
            name = self.shown(path)
            if not expressions:
                self.unknown[name] = element.problem(f"'{element.named()}' has no probability")
            result[name] = self.checked(evaluation.value(expressions[0]), element) if expressions else nothing
        for group, paths in self.combined:
            own = distribution_of(group.element)
            total = nothing if own is None else self.checked(evaluation.value(own), group.element)
            shares = self.shares(group, evaluation)
            for names in combinations_of(paths, shares):
                name = self.combination(names)
                if own is None:
                    self.unknown[name] = group.element.problem("needs one distribution with one expression")
                result[name] = total * shares[len(names)]
        return result

    def agree(self, evaluation: Evaluation) -> None:
        """A member that has a probability of its own has that of its group."""
        for group, paths in self.combined:
            common = distribution_of(group.element)
            total = np.asarray(np.nan) if common is None else evaluation.value(common)
            for path in paths:
                element = self.definitions["event"][path].element
                for own in element.parts():
                    if not math.isclose(float(evaluation.value(own)), float(total), rel_tol=1e-9):
                        raise element.error(
                            f"'{element.named()}' has a probability of its own, which differs from that of its "
                            "common-cause "
                            f"group '{group.element.named()}' in line {group.element.line}; leave it out"
                        )

    def checked(self, value: FloatArray, element: Element) -> FloatArray:
        """A probability at the means lies between 0 and 1; draws are cut later."""
        value = at_most_one(value)
        if value.ndim == 0 and not 0 <= value <= 1:
            raise element.error(f"'{element.named()}': a probability must lie between 0 and 1, got {float(value):.6g}")
        return value


def read_fault_trees(path: str | Path, *more: str | Path, mission_time_h: float = HOURS_PER_YEAR) -> FaultTrees:
    """Read an Open-PSA file.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    *more : str or pathlib.Path
        Further files of the same model.
    mission_time_h : float
        What ``system-mission-time`` stands for [h]; a year by default.

    Returns
    -------
    FaultTrees
        Its fault trees.

    Raises
    ------
    InputError
        If the file is malformed or hostile, an event undefined, a gate within itself, a probability not
        between 0 and 1, or anything else in it cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "m.xml"
    >>> _ = file.write_text(
    ...     "<opsa-mef><define-fault-tree name='t'><define-gate name='g'><and><basic-event name='a'/>"
    ...     "<basic-event name='b'/></and></define-gate><define-basic-event name='a'><float value='0.1'/>"
    ...     "</define-basic-event><define-basic-event name='b'><float value='0.2'/></define-basic-event>"
    ...     "</define-fault-tree></opsa-mef>"
    ... )
    >>> trees = read_fault_trees(file)
    >>> trees.name, trees.events, list(trees.tops)
    ('t', ('a', 'b'), ['g'])
    """
    if not 0 < as_number("mission_time_h", mission_time_h) < 1e12:
        raise InputError(f"mission time: must be above 0 hours, got {mission_time_h:g}")
    file = Path(path)
    model = _Model([file, *(Path(other) for other in more)])
    return FaultTrees(model.name or file.stem, str(path), model, mission_time_h)
