"""A site described in Python, entry by entry, in the words of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

import k2rel.site.entry_keys as keys
from k2rel.arguments import as_name, as_names, shown
from k2rel.errors import InputError
from k2rel.site.mapping import plain
from k2rel.site.model import Site
from k2rel.site.read import read_site
from k2rel.tables import Shown

__all__ = ["SiteDescription", "at_least", "describe"]

_LISTS = {
    "needs", "triggers", "takeover_needs", "takes_down", "units", "lost", "works", "requires", "via", "members",
    "sources", "between", "kinds",
}  # fmt: skip
"""Keys of lists, of which one alone is a list of one."""


def at_least(k: int | str, of: Sequence[Any] | str) -> dict[str, Any]:
    """Give a need, or a stage of a path, of which so many branches must work.

    Parameters
    ----------
    k : int
        How many; of the votes of a quorum also ``"majority"``.
    of : sequence
        Parts; in a path also lists of parts that are crossed one after another.

    Returns
    -------
    dict
        The entry as a file has it.

    Examples
    --------
    >>> at_least(1, ["psu_1", "psu_2"])
    {'at_least': 1, 'of': ['psu_1', 'psu_2']}
    """
    return {"at_least": k, "of": [of] if isinstance(of, str) else list(of)}


def describe(
    name: str,
    title: str | None = None,
    *,
    sides: Sequence[str] | Mapping[str, Any] = ("A",),
    **head: Unpack[keys.HeadKeys],
) -> SiteDescription:
    """Begin to describe a site in Python.

    Parameters
    ----------
    name, title : str
        Its name, and what people call it; without a title its name.
    sides : sequence or mapping
        Names of the sides, the preferred one first; or names with their titles.
    **head
        What else stands at the head of a file: `description`, `revision`, `author`, `date`, `sources`, `rates`.

    Returns
    -------
    SiteDescription
        To which entries are added; ``build()`` makes the site of it, and every question takes it as it is.

    Examples
    --------
    >>> site = (
    ...     describe("shop", "A shop", sides=["A"])
    ...     .type("box", mttf="10000 h", mttr="8 h")
    ...     .component("server", type="box", side="A")
    ...     .clients(2).client_part("till", type="box", within="server")
    ...     .traffic("sales").path("A", ["till", "server"])
    ...     .build()
    ... )
    >>> site.client_count
    2
    """
    return SiteDescription(name, title, sides=sides, **head)


class SiteDescription(Shown, Mapping[str, Any]):
    """A site in the making: each method adds an entry, in the words of a site file, and gives the description back.

    As a mapping it is what the file would say. What is wrong with an entry is said by `build`, by the entry's name.

    Examples
    --------
    >>> describe("shop").component("server", type="box", mttf="1000 h")["components"]
    {'server': {'type': 'box', 'mttf': '1000 h'}}
    """

    def __init__(
        self,
        name: str,
        title: str | None = None,
        *,
        sides: Sequence[str] | Mapping[str, Any] = ("A",),
        **head: Unpack[keys.HeadKeys],
    ) -> None:
        self._data: dict[str, Any] = {"format": 2, "name": name, "title": str(name) if title is None else title}
        self._data |= _said(head)
        listed = (
            list(sides.items()) if isinstance(sides, Mapping) else [(side, {}) for side in as_names("sides", sides)]
        )
        named: dict[str, Any] = dict(listed)
        if len(named) < len(listed):
            raise InputError(f"sides: each has a name of its own, got {shown(sides)}")
        self._data["sides"] = {
            side: {"title": entry} if isinstance(entry, str) else entry for side, entry in named.items()
        }
        self._role: dict[str, Any] | None = None
        self._class: dict[str, Any] | None = None

    def assumption(self, name: str, value: Any = None, **entry: Unpack[keys.AssumptionKeys]) -> SiteDescription:
        """Add something that no source states: its value, its reason, and CHOSEN unless another evidence is given."""
        return self._with("assumptions", name, {"evidence": "CHOSEN", **_said(entry), **_said({"value": value})})

    def type(self, name: str, **law: Unpack[keys.LawKeys]) -> SiteDescription:
        """Add failure data of a type of parts."""
        return self._with("types", name, _said(law))

    def component(self, name: str, **entry: Unpack[keys.PartKeys]) -> SiteDescription:
        """Add a part that clients share."""
        return self._with("components", name, _said(entry))

    def link(self, name: str, *ends: str, **entry: Unpack[keys.LinkedKeys]) -> SiteDescription:
        """Add a cable between two parts."""
        return self._with("links", name, _said(entry) | ({"between": list(ends)} if ends else {}))

    def raid_set(self, name: str, **entry: Unpack[keys.RaidKeys]) -> SiteDescription:
        """Add drives that keep data together."""
        return self._with("raid_sets", name, _said(entry))

    def unit(self, name: str, **entry: Unpack[keys.UnitKeys]) -> SiteDescription:
        """Add parts that fail over together."""
        return self._with("units", name, _said(entry))

    def role(self, name: str, **entry: Unpack[keys.RoleKeys]) -> SiteDescription:
        """Add a function that one place at a time performs; `holders` here, or `holder` by `holder` after it."""
        role = _said(entry)
        role["holders"] = _several("holders", role.get("holders", ()))
        self._with("roles", name, role)
        self._role = role
        return self

    def holder(self, side: str, **entry: Unpack[keys.HolderKeys]) -> SiteDescription:
        """Add the next place that can hold the role that was described last."""
        if self._role is None:
            raise InputError("holder: a holder belongs to a role; describe the role first")
        self._role["holders"].append({"side": side, **_said(entry)})
        return self

    def suspend(self, part: str, **entry: Unpack[keys.SuspensionKeys]) -> SiteDescription:
        """Say when a part goes out of use, though it works."""
        return self._with("suspends", part, _said(entry))

    def clients(
        self,
        count: int | str | None = None,
        *,
        title: str | None = None,
        parts: Mapping[str, Any] | None = None,
        subscriptions: Mapping[str, Any] | None = None,
        kinds: Mapping[str, Any] | None = None,
    ) -> SiteDescription:
        """Say how many clients there are, or of which kinds; parts and subscriptions here, or one by one."""
        held = self._clients
        if "count" in held or "kinds" in held:
            raise InputError("clients: are described already")
        held |= _said({"count": count, "title": title})
        for section, entries in (("parts", parts), ("subscriptions", subscriptions), ("kinds", kinds)):
            if not isinstance(entries, Mapping | None):
                raise InputError(f"clients.{section}: entries by name are needed, got {shown(entries)}")
            for name, entry in (entries or {}).items():
                self._own(section, name, _said(entry) if section == "parts" and isinstance(entry, Mapping) else entry)
        return self

    def client_part(self, name: str, **entry: Unpack[keys.OwnPartKeys]) -> SiteDescription:
        """Add a part that each client has one of."""
        return self._own("parts", name, _said(entry))

    def subscription(self, name: str, entries: Sequence[str]) -> SiteDescription:
        """Add a list that is dealt to the clients in turn, which ``@name`` refers to."""
        return self._own("subscriptions", name, [entries] if isinstance(entries, str) else entries)

    def kind(self, name: str, count: int | None = None, **entry: Any) -> SiteDescription:
        """Add a kind of clients: how many, or its `members` by name, and what it subscribes to."""
        return self._own("kinds", name, _said({"count": count, **entry}))

    def traffic(self, name: str, **entry: Unpack[keys.TrafficKeys]) -> SiteDescription:
        """Add a class of traffic; `paths` here, or `path` by `path` after it."""
        flow = _said(entry)
        flow["paths"] = _several("paths", flow.get("paths", ()))
        self._with("traffic", name, flow)
        self._class = flow
        return self

    def path(self, side: str, via: keys.Needs, **entry: Unpack[keys.PathKeys]) -> SiteDescription:
        """Add the next path of the class of traffic that was described last."""
        if self._class is None:
            raise InputError("path: a path belongs to a traffic class; describe the class first")
        self._class["paths"].append({"side": side, **_said(entry), **_said({"via": via})})
        return self

    def full_service(self, *classes: str) -> SiteDescription:
        """Name the classes of traffic that full service asks for."""
        self._data["full_service"] = list(classes)
        return self

    def common_cause(self, name: str, **entry: Unpack[keys.CauseKeys]) -> SiteDescription:
        """Add alike parts that one cause can take away together."""
        return self._with("common_cause", name, _said(entry))

    def variant(self, name: str, title: str, *, reason: str, changes: Mapping[str, Any]) -> SiteDescription:
        """Add another reading of what is not known: `changes` are laid over the entries."""
        return self._with("variants", name, {"title": title, "reason": reason, "changes": changes})

    def build(
        self,
        *,
        clients: int | None = None,
        settings: Mapping[str, str] | None = None,
        variant: str | None = None,
        data: str | None = None,
    ) -> Site:
        """Check all entries and make the site.

        Parameters
        ----------
        clients, settings, variant, data
            As for `k2rel.site.read_site`.

        Returns
        -------
        Site
            The site.

        Raises
        ------
        InputError
            With every mistake found, by the name of its entry.

        Examples
        --------
        >>> describe("shop").component("server", type="box", mttf="-1 h").clients(0).traffic("sales").build()
        Traceback (most recent call last):
            ...
        k2rel.errors.InputError: components.server.mttf: a duration cannot be negative, got '-1 h'
        clients.count: must be at least 1, got 0
        clients.parts: is missing
        traffic.sales.paths: needs at least 1 entries, got []
        """
        try:
            return read_site(self, clients=clients, settings=settings, variant=variant, data=data)
        except InputError as error:
            raise error.with_traceback(None) from None

    def to_dict(self) -> dict[str, Any]:
        """Give what a file would say, as plain data, checked or not.

        Returns
        -------
        dict of str to Any
            A copy.

        Examples
        --------
        >>> describe("shop").to_dict()
        {'format': 2, 'name': 'shop', 'title': 'shop', 'sides': {'A': {}}}
        """
        return plain(self._data)

    def save(self, path: str | PathLike[str], *, force: bool = False) -> Path:
        """Check all entries and write them as a file, as `k2rel.Site.save`.

        Parameters
        ----------
        path, force
            As for `k2rel.Site.save`.

        Returns
        -------
        pathlib.Path
            The file.

        Examples
        --------
        >>> describe("shop").save("shop.yaml")
        Traceback (most recent call last):
            ...
        k2rel.errors.InputError: components: is missing
        clients: is missing
        traffic: is missing
        """
        return self.build().save(path, force=force)

    @property
    def _clients(self) -> dict[str, Any]:
        held: dict[str, Any] = self._data.setdefault("clients", {})
        return held

    def _own(self, section: str, name: str, entry: Any) -> SiteDescription:
        """Add an entry of the clients."""
        return _add(self._clients.setdefault(section, {}), ("clients", section), name, entry, self)

    def _with(self, section: str, name: str, entry: Any) -> SiteDescription:
        """Add an entry of a section."""
        return _add(self._data.setdefault(section, {}), (section,), name, entry, self)

    def __getitem__(self, section: str) -> Any:
        return plain({section: self._data[section]})[section]

    def __contains__(self, section: object) -> bool:
        return section in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def _line(self) -> str:
        counts = {
            name: len(value) for name, value in self._data.items() if isinstance(value, dict) and name != "clients"
        }
        return f"{self._data['name']}, not built: " + ", ".join(f"{count} {name}" for name, count in counts.items())


def _add(
    section: dict[str, Any], where: tuple[str, ...], name: str, entry: Any, whole: SiteDescription
) -> SiteDescription:
    """Add an entry under a name that is free."""
    place = ".".join(where)
    name = as_name(place, name)
    if name in section:
        raise InputError(f"{place}.{name}: is described already; give each entry a name of its own")
    section[name] = entry
    return whole


def _several(argument: str, value: Any) -> list[Any]:
    """Entries of a list; one alone is a list of one."""
    if isinstance(value, Mapping):
        return [_said(value)]
    if not isinstance(value, list | tuple):
        raise InputError(f"{argument}: a list of entries is needed, got {shown(value)}")
    return [_said(item) if isinstance(item, Mapping) else item for item in value]


def _said(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as a file has it: what is said of it, by the keys of a file."""
    if entry.get("within") is not None and entry.get("in") is not None:
        raise InputError(f"within: gives 'in' twice, as {shown(entry['within'])} and {shown(entry['in'])}; give one")
    result = {}
    for key, value in entry.items():
        if value is None:
            continue
        one = key in _LISTS and isinstance(value, str | Mapping)
        result["in" if key == "within" else key] = [value] if one else value
    return result
