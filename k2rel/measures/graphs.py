"""A study as a GraphML file, which networkx, yEd and Gephi read."""

from __future__ import annotations

import json
from typing import Any

from k2rel.studies import StudyLike, study_of

__all__ = ["graphml_of"]


def graphml_of(study: StudyLike, *, clients: bool = True) -> str:
    """Write the parts of a site and what joins them as GraphML.

    Parameters
    ----------
    study : Study
    clients : bool
        Whether each client, with its own parts, is in it.

    Returns
    -------
    str
        The graph of `Study.graph`; lists stand as JSON, and nodes and edges have a `label`. `Site.from_graph` takes
        what networkx reads of it.

    Examples
    --------
    >>> import networkx as nx
    >>> nx.parse_graphml(graphml_of("L2R")).nodes["switch_A"]["unavailability"]
    2.573933746945353e-05
    """
    import networkx as nx

    graph = study_of(study).graph(clients=clients)
    graph.graph = _plain(graph.graph)
    for name, attributes in graph.nodes(data=True):
        attributes.update(_plain(attributes), label=attributes.get("title", name))
    for *_, attributes in graph.edges(data=True):
        attributes.update(_plain(attributes), label=attributes.get("name", attributes["relation"]))
    return "\n".join(nx.generate_graphml(graph, named_key_ids=True)) + "\n"


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes as GraphML knows them: text, numbers, truth values; what may be whole or not is never whole."""
    return {
        key: json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict)
        else float(value) if key in ("cost", "capacity")
        else value
        for key, value in attributes.items()
    }  # fmt: skip
