"""A site with its failure data as a networkx graph: what `Study` has of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from k2rel.rates.site_laws import SiteLaws
from k2rel.site.as_graph import RELATIONS
from k2rel.site.graph import graph_of
from k2rel.site.model import Component, RaidSet, Site

if TYPE_CHECKING:
    import networkx as nx

__all__: list[str] = []


class WithGraph:
    """What a study has of graphs."""

    site: Site
    laws: SiteLaws

    def graph(self, *, clients: bool = True, relations: Iterable[str] | str = RELATIONS) -> nx.MultiGraph[str]:
        """Give the site as a networkx graph, as `Site.graph`, with the failure data in use.

        Parameters
        ----------
        clients, relations
            As for `Site.graph`.

        Returns
        -------
        networkx.MultiGraph
            Each part has its `failure_rate_per_h`, `mttr_h` and `unavailability`, where `Site.graph` has what the site
            says; a RAID set has those of its data.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> graph = study("L2R").graph(clients=False)
        >>> graph.nodes["switch_A"]["failure_rate_per_h"], graph.nodes["switch_A"]["mttr_h"]
        (4.29e-06, 6.0)
        """
        return graph_of(self.site, clients=clients, relations=relations, told=self._told)

    def _told(self, name: str, part: Component | RaidSet) -> dict[str, Any]:
        """Failure data of a part as attributes of a graph."""
        if isinstance(part, RaidSet):
            module = self.laws.raid[name]
            rate, down = module.frequency_per_h / (1.0 - module.unavailability), module.mean_downtime_h
            return {"failure_rate_per_h": rate, "mttr_h": down, "unavailability": module.unavailability}
        law = self.laws.client[name] if name in self.site.client_parts else self.laws.shared[name]
        said = {"failure_rate_per_h": law.failure_rate_per_h, "mttr_h": law.mttr_h}
        said |= {"test_interval": law.test_interval_h} if law.test_interval_h else {}
        return {**said, "unavailability": law.unavailability}
