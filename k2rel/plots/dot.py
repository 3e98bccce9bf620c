"""A site in the language of Graphviz: sides as clusters in their colours, cables solid, seats dotted, needs dashed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from k2rel.plots.style import MUTED, side_colour
from k2rel.studies import StudyLike, study_of

__all__ = ["dot_of"]

_SHAPES = {"client": "ellipse", "raid_set": "cylinder", "link": "plain"}
_DRAWN = {"link": "solid", "in": "dotted", "needs": "dashed"}


def dot_of(study: StudyLike, *, clients: bool = True) -> str:
    """Write the parts of a site and what joins them for Graphviz.

    Parameters
    ----------
    study : Study
    clients : bool
        Whether each client, with its own parts, is in it.

    Returns
    -------
    str
        A graph in the DOT language.

    Examples
    --------
    >>> dot_of("L2R").splitlines()[0]
    'graph "L2R" {'
    """
    site = study_of(study).site
    graph = site.graph(clients=clients)
    lines = [
        f"graph {_quoted(site.name)} {{",
        f"  graph [{_said(label=site.title, labelloc='t', fontname='sans-serif', newrank='true')}];",
        f"  node [{_said(shape='box', style='filled,rounded', fillcolor='white', fontname='sans-serif')}];",
        f"  edge [{_said(fontname='sans-serif', fontsize='10')}];",
    ]
    for number, side in enumerate((*site.sides, None)):
        nodes = [
            f"{_quoted(name)} [{_said(**_node(attributes, side_colour(site.sides, side)))}];"
            for name, attributes in graph.nodes(data=True)
            if attributes.get("side") == side
        ]
        lines += (
            nodes_of_side(nodes, number, side, side_colour(site.sides, side))
            if side is not None
            else [f"  {node}" for node in nodes]
        )
    for a, b, attributes in graph.edges(data=True):
        relation = attributes["relation"]
        said = {"style": _DRAWN[relation], "color": MUTED}
        if relation == "link":
            said["color"] = side_colour(site.sides, attributes.get("side"))
            if "name" in attributes:
                said |= {"label": attributes["name"], "tooltip": attributes["type"]}
        else:
            ahead = attributes["part"] == a
            said |= {"dir": "forward" if ahead else "back", "tooltip": relation}
        lines.append(f"  {_quoted(a)} -- {_quoted(b)} [{_said(**said)}];")
    return "\n".join([*lines, "}"]) + "\n"


def nodes_of_side(nodes: Iterable[str], number: int, side: str, colour: str) -> list[str]:
    """The nodes of a side in a frame of its colour."""
    called = f"side {side}"
    head = [f"  subgraph cluster_{number} {{", f"    graph [{_said(label=called, color=colour, fontcolor=colour)}];"]
    return [*head, *(f"    {node}" for node in nodes), "  }"]


def _node(attributes: Mapping[str, object], colour: str) -> dict[str, str]:
    said = {"label": str(attributes["title"]), "color": colour, "tooltip": str(attributes["type"])}
    if (shape := _SHAPES.get(str(attributes["role"]))) is not None:
        said["shape"] = shape
    return said


def _said(**attributes: str) -> str:
    return ", ".join(f"{key}={_quoted(value)}" for key, value in attributes.items())


def _quoted(text: str) -> str:
    r"""A text as it stands: of its signs only quotes, and in labels backslashes, mean something else."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
