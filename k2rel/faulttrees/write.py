"""Structure functions with probabilities, written as fault trees in the Open-PSA model exchange format."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from k2rel.logic.graph import Graph, Literal, signed_graph
from k2rel.logic.structure import Node, Structure
from k2rel.textio import identifiers

__all__ = ["open_psa"]


def open_psa(
    name: str,
    structure: Structure,
    tops: Mapping[str, Node],
    probabilities: Mapping[str, float],
    *,
    note: str = "",
) -> str:
    """Write the failures of functions as one model; names that the format does not take are labels of those it does.

    Examples
    --------
    >>> s = Structure()
    >>> both = s.conjunction([s.variable("a"), s.variable("b")])
    >>> print(open_psa("pair", s, {"lost": both}, {"a": 0.1, "b": 0.25}))
    <?xml version="1.0" encoding="utf-8"?>
    <opsa-mef name="pair">
      <define-fault-tree name="lost">
        <define-gate name="lost">
          <or>
            <basic-event name="a"/>
            <basic-event name="b"/>
          </or>
        </define-gate>
      </define-fault-tree>
      <model-data>
        <define-basic-event name="a">
          <float value="0.1"/>
        </define-basic-event>
        <define-basic-event name="b">
          <float value="0.25"/>
        </define-basic-event>
      </model-data>
    </opsa-mef>
    <BLANKLINE>
    """
    events = structure.variables(tops.values())
    called = identifiers([name, *tops, *events])
    known = set(called.values())
    lines = ['<?xml version="1.0" encoding="utf-8"?>']
    if note:
        lines.append(f"<!-- {escape(note).replace('--', '- -')} -->")
    lines += [f"<opsa-mef name={quoteattr(called[name])}>", *_label(called, name, 2)]
    for top, node in tops.items():
        lines += [
            f"  <define-fault-tree name={quoteattr(called[top])}>",
            *_label(called, top, 4),
            *_tree(structure, top, node, called, known),
            "  </define-fault-tree>",
        ]
    lines.append("  <model-data>")
    for event in events:
        value = repr(float(probabilities[event]))
        lines += [
            f"    <define-basic-event name={quoteattr(called[event])}>",
            *_label(called, event, 6),
            f'      <float value="{value}"/>',
            "    </define-basic-event>",
        ]
    return "\n".join([*lines, "  </model-data>", "</opsa-mef>", ""])


def _label(called: Mapping[str, str], name: str, indent: int) -> list[str]:
    """The name as it is, where another one had to be given."""
    return [] if called[name] == name else [f"{' ' * indent}<label>{escape(name)}</label>"]


def _tree(structure: Structure, top: str, node: Node, called: Mapping[str, str], known: set[str]) -> list[str]:
    """One fault tree: negations pushed down to the events where that is possible."""
    graph, root = signed_graph(structure, node, failures=True)
    names: dict[Literal, str] = {root: called[top]}
    waiting, lines = [root], []

    def said(literal: Literal) -> list[str]:
        kind = graph.kind[literal >> 1]
        if literal < 2:
            return [f'<constant value="{"true" if literal == 0 else "false"}"/>']
        if kind == "variable":
            event = f"<basic-event name={quoteattr(called[graph.name[literal >> 1]])}/>"
            return ["<not>", f"  {event}", "</not>"] if literal & 1 else [event]
        if literal not in names:
            gate = f"gate_{called[top]}_{len(names)}"
            while gate in known:
                gate += "_"
            known.add(gate)
            names[literal] = gate
            waiting.append(literal)
        return [f"<gate name={quoteattr(names[literal])}/>"]

    while waiting:
        literal = waiting.pop(0)
        lines.append(f"<define-gate name={quoteattr(names[literal])}>")
        if literal < 2 or graph.kind[literal >> 1] == "variable":
            formula = ["<or>", *(f"  {line}" for line in said(literal)), "</or>"]
        else:
            tag, attributes, arguments = _formula(graph, literal)
            formula = [f"<{tag}{attributes}>", *(f"  {line}" for a in arguments for line in said(a)), f"</{tag}>"]
            if graph.kind[literal >> 1] == "xor" and literal & 1:
                formula = ["<not>", *(f"  {line}" for line in formula), "</not>"]
        lines += [*(f"  {line}" for line in formula), "</define-gate>"]
    return [f"    {line}" for line in lines]


def _formula(graph: Graph, literal: Literal) -> tuple[str, str, list[Literal]]:
    """Tag, attributes and arguments of a gate, or of its negation by De Morgan's rules."""
    node, negated = literal >> 1, literal & 1
    arguments = [a ^ negated for a in graph.arguments[node]]
    if graph.kind[node] == "and":
        return ("or" if negated else "and"), "", arguments
    if graph.kind[node] == "xor":
        return "xor", "", list(graph.arguments[node])
    k = graph.k[node]
    return "atleast", f' min="{len(arguments) - k + 1 if negated else k}"', arguments
