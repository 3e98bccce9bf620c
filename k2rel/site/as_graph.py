"""A site to and from a networkx graph: what `Site` has of it.

Who finds the paths stands above the site, for it looks at failure data; both are called by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import networkx as nx

__all__: list[str] = []

RELATIONS = ("link", "in", "needs")
"""What an edge says: a cable, itself a part; that a part sits in another; that a part needs another."""


class AsGraph:
    """What a site has of graphs."""

    @classmethod
    def from_graph(
        cls,
        graph: nx.Graph[Any],
        clients: Any = "client",
        targets: Any = "target",
        *,
        sides: Any = None,
        name: str | None = None,
        title: str | None = None,
        client_title: str = "client",
        types: Mapping[str, Mapping[str, Any]] | None = None,
        node_type: str | None = None,
        link_type: str | None = None,
        traffic: str = "traffic",
        demand: Any = None,
        share: Any = "equal",
        paths: int = 8,
        stages: bool = True,
        negligible: float = 1e-4,
        rates: str | Path | None = None,
        data: str | None = None,
    ) -> Self:
        """Make a site of a networkx graph, whose paths are found.

        Parameters
        ----------
        graph : networkx.Graph or networkx.MultiGraph
            Nodes with `type`, and `side`, `title`, `capacity` and failure data under the keys of a site file; edges
            with the same, a `name` and a `cost` (default 1). Attributes that are not looked at are named in
            `found.notes`.
        clients, targets
            Nodes, or the value of their attribute `role` or `type`. Any of the targets will do; a mapping gives each
            traffic class targets of its own.
        sides
            A side for each node, the nodes of each side, or the attribute that has it; by default `side`.
        name, title, client_title : str, optional
            As in a site file.
        types : mapping, optional
            Failure data by type, as the section `types` of a site file.
        node_type, link_type : str, optional
            Type of the nodes, and of the edges, that have none.
        traffic : str
            The traffic class, where targets are no mapping.
        demand : float or str, optional
            Load of one client, or a mapping by traffic class.
        share : {"equal", "first", "all"}
            How a client uses paths that are equally good, or a mapping by traffic class.
        paths : int
            The most paths of a client, 1 to 32.
        stages : bool
            Whether ways of a client's link to a target are one path; else each is a path that the client chooses.
        negligible : float
            Of a client with more than `paths` ways, longer ones are left out that change its unavailability by less
            than this share.
        rates : str or pathlib.Path, optional
            The table of rates that will be given to `k2rel.study`, whose types are known then too.
        data : str, optional
            Version of the bundled rates; by default the current one.

        Returns
        -------
        Site
            With what was found in `found`.

        Raises
        ------
        InputError
            If something in the graph cannot be used; says which node or edge.

        Examples
        --------
        >>> import networkx as nx
        >>> from k2rel.site import Site
        >>> graph = nx.Graph([("host", "switch_1"), ("host", "switch_2"), ("switch_1", "disk"), ("switch_2", "disk")])
        >>> types = {"box": {"mttf": "1e5 h", "mttr": "4 h"}, "cable": {"mttf": "1e6 h", "mttr": "4 h"}}
        >>> site = Site.from_graph(graph, ["host"], ["disk"], types=types, node_type="box", link_type="cable")
        >>> [path.via[:3] for path in site.paths_of("traffic")]
        [('client', 'link_1', 'switch_1'), ('client', 'link_2', 'switch_2')]
        """
        made: Self = import_module("k2rel.drawn").from_graph(
            graph, clients, targets, sides=sides, name=name, title=title, client_title=client_title, types=types,
            node_type=node_type, link_type=link_type, traffic=traffic, demand=demand, share=share, paths=paths,
            stages=stages, negligible=negligible, rates=rates, data=data,
        )  # fmt: skip
        return made

    def graph(self, *, clients: bool = True, relations: Iterable[str] | str = RELATIONS) -> nx.MultiGraph[str]:
        """Give the site as a networkx graph.

        Parameters
        ----------
        clients : bool
            Whether each client, with its own parts, is in it.
        relations : iterable of str
            Which edges: ``"link"`` (cables, which are parts), ``"in"`` (a part sits in another) and ``"needs"``. For
            paths of traffic take ``("link", "in")``.

        Returns
        -------
        networkx.MultiGraph
            A node for each shared part, RAID set and client, an edge for each link, with the keys of a site file
            (hours, per hour) as attributes; an edge has its `relation` and, as weight, its `cost`.

        Examples
        --------
        >>> import networkx as nx
        >>> from k2rel.site import read_site
        >>> graph = read_site("L2R").graph(relations=("link", "in"))
        >>> nx.shortest_path(graph, "client_1", "media_raid")
        ['client_1', 'switch_A', 'server_A', 'fc_hba_A', 'raid_controller_A', 'raid_chassis', 'media_raid']
        """
        drawn: nx.MultiGraph[str] = import_module("k2rel.site.graph").graph_of(
            self, clients=clients, relations=relations
        )
        return drawn
