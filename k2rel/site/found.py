"""What was found in a graph: for each kind of clients the paths that are kept, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from k2rel.columns import counted, probability_text
from k2rel.tables import Shown, card, for_people

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Found", "FoundPaths"]


@dataclass(frozen=True, slots=True)
class FoundPaths:
    """What was found for the clients of one kind and one traffic class.

    Parameters
    ----------
    traffic, kind : str
        The traffic class and the kind of clients.
    members : tuple of str
        The clients, as the graph calls them.
    paths : int
        Paths in the site; one may stand for many ways.
    ways : int
        Simple ways that these stand for.
    dropped : int
        Ways that are left out.
    all_counted : bool
        Whether `dropped` is all of them; else there are more.
    bound : float or None
        The probability that none of the kept ways works while one left out does is at most this; None where that is too
        large to be computed.
    down : float or None
        Probability that none of the kept ways works.
    exact_division : bool
        Whether dividing the load by branch, as stages do, is dividing it hop by hop, as routers do, whatever fails.
    """

    traffic: str
    kind: str
    members: tuple[str, ...]
    paths: int
    ways: int
    dropped: int
    all_counted: bool
    bound: float | None
    down: float | None
    exact_division: bool


@dataclass(frozen=True, repr=False)
class Found(Shown):
    """What `Site.from_graph` found.

    Parameters
    ----------
    nodes, edges : int
        Size of the graph.
    paths : tuple of FoundPaths
        By traffic class and kind of clients.
    notes : tuple of str
        What else there is to say.
    """

    nodes: int
    edges: int
    paths: tuple[FoundPaths, ...]
    notes: tuple[str, ...] = ()

    @property
    def dropped(self) -> int:
        """Ways that are left out, at least, over all kinds."""
        return sum(each.dropped for each in self.paths)

    @property
    def bound(self) -> float | None:
        """The largest bound of a kind; None where one is not known."""
        bounds = [each.bound for each in self.paths]
        return None if None in bounds else max(bound for bound in bounds if bound is not None)

    def table(self) -> pd.DataFrame:
        """List what was found, a row for each traffic class and kind of clients.

        Returns
        -------
        pandas.DataFrame
            With the columns traffic, kind, clients, members, paths, ways, dropped, all_counted, bound, down and
            exact_division.

        Examples
        --------
        >>> Found(2, 1, (FoundPaths("net", "at_s", ("a", "b"), 1, 1, 0, True, 0.0, 1e-3, True),)).table()["members"][0]
        'a, b'
        """
        import pandas as pd

        rows = [
            {
                "traffic": each.traffic,
                "kind": each.kind,
                "clients": len(each.members),
                "members": ", ".join(each.members[:3]) + (", ..." if len(each.members) > 3 else ""),
                "paths": each.paths,
                "ways": each.ways,
                "dropped": each.dropped,
                "all_counted": each.all_counted,
                "bound": each.bound,
                "down": each.down,
                "exact_division": each.exact_division,
            }
            for each in self.paths
        ]
        return pd.DataFrame(rows)

    def _line(self) -> str:
        kinds = {each.kind for each in self.paths}
        clients = sum(len(each.members) for each in self.paths if each.traffic == self.paths[0].traffic)
        kept = sum(each.paths for each in self.paths)
        text = (
            f"graph of {counted(self.nodes, 'node')} and {counted(self.edges, 'edge')}: "
            f"{counted(clients, 'client')} of {counted(len(kinds), 'kind')}, {counted(kept, 'path')}"
        )
        if not self.dropped:
            return f"{text}, no path left out"
        more = "" if all(each.all_counted for each in self.paths) else " or more"
        bound = "" if self.bound is None else f", needed with P <= {probability_text(self.bound)}"
        return f"{text}; {self.dropped:,}{more} {'path' if self.dropped == 1 else 'paths'} left out{bound}"

    def _repr_html_(self) -> str:
        return card(self._line(), for_people(self.table()), "; ".join(self.notes))
