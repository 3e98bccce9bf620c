"""What was found in a list of cables: devices and connections, what was left out and why, what each word became."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.cables.choice import chosen, sides_of
from k2rel.cables.kinds import Device, Match
from k2rel.cables.panels import Connection
from k2rel.cables.rows import LeftOut
from k2rel.columns import counted
from k2rel.errors import InputError
from k2rel.site import Site
from k2rel.site.needs import with_needs
from k2rel.site.stages import named
from k2rel.tables import Shown

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

__all__ = ["Cables"]

_LISTED = 3


@dataclass(frozen=True, eq=False, repr=False)
class Cables(Shown):
    """A list of cables, read and matched.

    Parameters
    ----------
    file : str
        Where it was read.
    rows : int
        Rows of the list.
    devices : mapping of str to Device
        Devices by name, with component type, side and purpose.
    connections : tuple of Connection
        Pairs of devices with the cables between them, several where they go through patch panels.
    links : tuple of mapping
        Of each connection what the graph has of it.
    types : mapping
        Failure data of types that are not of the registry, as under ``types`` of a site file.
    left_out : tuple of LeftOut
        Rows that are not in the model, with the reason.
    matches : tuple of Match
        What each word for a type became, and by what.
    notes : tuple of str
        What was changed in the tables while reading, and what was not used.
    data : str, optional
        Version of the bundled data that types were looked up in; by default the current one.
    lost : mapping of str to LeftOut
        Devices that are in rows left out alone, with the first of these.
    rates : str or pathlib.Path, optional
        The table of rates whose types are known beside those of the registry.
    """

    file: str
    rows: int
    devices: Mapping[str, Device]
    connections: tuple[Connection, ...]
    links: tuple[Mapping[str, Any], ...]
    types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    matches: tuple[Match, ...] = ()
    notes: tuple[str, ...] = ()
    data: str | None = None
    rates: str | Path | None = None
    lost: Mapping[str, LeftOut] = field(default_factory=dict)

    def graph(self) -> nx.MultiGraph[str]:
        """Give devices and connections as a graph.

        Returns
        -------
        networkx.MultiGraph
            Nodes are devices with ``type``, ``side``, ``capacity``, ``role`` and failure data of their own; edges are
            connections with ``type``, ``title``, ``capacity``, ``cost`` and failure data.

        Examples
        --------
        >>> from k2rel.cables import read_cables
        >>> cables = [{"from": "cam", "to": "sw"}, {"from": "sw", "to": "nas"}]
        >>> found = read_cables(cables, types={"cam": "client", "sw": "gige_switch", "nas": "server"})
        >>> sorted(found.graph().edges(data="type"))
        [('cam', 'sw', 'cable'), ('sw', 'nas', 'cable')]
        """
        import networkx as nx

        graph: nx.MultiGraph[str] = nx.MultiGraph(name=Path(self.file).stem)
        for name, one in self.devices.items():
            told: dict[str, Any] = {
                "type": one.type,
                "side": one.side,
                "capacity": one.capacity,
                "role": one.purpose,
                **one.law,
            }
            if one.external:
                told["external"] = True
            if one.needs:
                told["needs"] = list(one.needs)
            graph.add_node(name, **{key: value for key, value in told.items() if value})
        for connection, link in zip(self.connections, self.links, strict=True):
            graph.add_edge(connection.ends[0].device, connection.ends[1].device, **link)
        return graph

    def site(self, *, clients: Any = None, targets: Any = None, sides: Any = None, **options: Any) -> Site:
        """Make a site of it.

        Parameters
        ----------
        clients, targets : str or sequence of str, optional
            Names, patterns (``"cam-*"``), device types or roles; by default the devices whose role says so. Targets may
            be a mapping from traffic class to such.
        sides : mapping, optional
            From side to devices, or from device to side; by default what the tables say.
        **options
            Passed on to `Site.from_graph`: ``name``, ``title``, ``demand``, ``share``, ``paths`` and so on.

        Returns
        -------
        Site
            The site; ``site.found`` has what was found in the graph.

        Raises
        ------
        InputError
            If there are no clients or no targets, or no way between them.

        Examples
        --------
        >>> from k2rel.cables import read_cables
        >>> cables = [{"from": "cam", "to": "sw"}, {"from": "sw", "to": "nas"}]
        >>> found = read_cables(cables, types={"cam": "client", "sw": "gige_switch", "nas": "server"})
        >>> found.site(clients="cam", targets="nas").client_count
        1
        """
        users = self._ends("clients", clients)
        classes = targets if isinstance(targets, Mapping) else {"": targets}
        reached = {str(name): self._ends("targets", value) for name, value in classes.items()}
        if both := set(users) & {name for of in reached.values() for name in of}:
            raise InputError(f"targets: '{min(both)}' is both a client and a target; give it one of these roles")
        site = Site.from_graph(
            self.graph(),
            clients=users,
            targets=reached if isinstance(targets, Mapping) else reached[""],
            sides=sides_of(sides, self.devices) or None,
            types={name: dict(law) for name, law in self.types.items()},
            data=self.data,
            rates=self.rates,
            **options,
        )
        assert site.found is not None
        notes = (self.words(), *self.notes, *self._reasons(), *site.found.notes, *self._on_no_path(site))
        return replace(site, found=replace(site.found, notes=notes))

    def _on_no_path(self, site: Site) -> tuple[str, ...]:
        """Devices that no path crosses, nor needs, in a sentence."""
        paths = [path for one in site.traffic.values() for path in one.paths]
        crossed = {name for path in paths for name in named(path.via)}
        crossed |= {name for group in site.groups for name in group.subscriptions.values()}
        crossed = with_needs(crossed, site.components)
        idle = [name for name in self.devices if name in site.components and name not in crossed]
        if not idle:
            return ()
        some = ", ".join(idle[:_LISTED]) + (", ..." if len(idle) > _LISTED else "")
        return (f"on no path from a client to a target, but kept as parts: {counted(len(idle), 'device')}: {some}",)

    def _ends(self, argument: str, value: Any) -> tuple[str, ...]:
        """Clients or targets: those that are named, or whose role says so."""
        purpose = argument.removesuffix("s")
        by_role = tuple(name for name, one in self.devices.items() if one.purpose == purpose)
        found = chosen(argument, value, self.devices, self.lost) if value is not None else by_role
        if not found:
            roles = ", ".join(sorted({one.role or one.model or one.type for one in self.devices.values()})[:8])
            raise InputError(
                f"{argument}: no device has this role; name devices, a pattern such as 'cam-*', a role or a type "
                "(there "
                f"are {roles}), or write '{purpose}' into the column role of the types"
                + (
                    f"; {counted(len(self.lost), 'device')} left out, the first '{next(iter(self.lost))}'"
                    if self.lost
                    else ""
                )
            )
        return found

    def _reasons(self) -> tuple[str, ...]:
        """Why rows were left out, one sentence a reason."""
        reasons: dict[str, list[int]] = {}
        for one in self.left_out:
            reasons.setdefault(one.reason, []).append(one.line)
        return tuple(
            f"left out: line {', '.join(map(str, lines[:3]))}{', ...' if len(lines) > 3 else ''} "
            f"({len(lines):,}): {reason}"
            for reason, lines in reasons.items()
        )

    def table(self) -> pd.DataFrame:
        """Give the connections as a table.

        Returns
        -------
        pandas.DataFrame
            Index ``line``; ``a_device``, ``a_port``, ``b_device``, ``b_port``, ``component_type``, ``through``.

        Examples
        --------
        >>> from k2rel.cables import read_cables
        >>> cables = [{"from": "cam", "to": "sw", "to port": "7"}]
        >>> read_cables(cables, types={"cam": "client", "sw": "gige_switch"}).table().loc[1, "b_port"]
        '7'
        """
        import pandas as pd

        rows = [
            (one.line, one.ends[0].device, one.ends[0].port, one.ends[1].device, one.ends[1].port, link["type"],
             ", ".join(one.panels))
            for one, link in zip(self.connections, self.links, strict=True)
        ]  # fmt: skip
        columns = ["line", "a_device", "a_port", "b_device", "b_port", "component_type", "through"]
        return pd.DataFrame(rows, columns=columns).set_index("line")

    def words(self) -> str:
        """Say what was found: rows, devices, connections, and how many rows were left out.

        Returns
        -------
        str
            One line.

        Examples
        --------
        >>> from k2rel.cables import read_cables
        >>> read_cables([{"from": "cam", "to": "sw"}], types={"cam": "client", "sw": "gige_switch"}).words()
        'cables: 1 row, 2 devices, 1 connection'
        """
        counts = [(self.rows, "row"), (len(self.devices), "device"), (len(self.connections), "connection")]
        parts = [counted(count, word) for count, word in counts]
        if through := sum(1 for one in self.connections if one.panels):
            parts[-1] += f" ({through:,} through patch panels)"
        left = [f"{len(self.left_out):,} left out"] if self.left_out else []
        return f"{self.file}: {', '.join([*parts, *left])}"

    def _line(self) -> str:
        return self.words()
