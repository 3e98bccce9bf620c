"""Clients of a file, dealt round or by kinds: the records of kinds, and every check of them."""

from __future__ import annotations

import k2rel.site.document as doc
from k2rel.site.checks import Checks
from k2rel.site.clients import ClientKind
from k2rel.site.model import Site
from k2rel.site.names import is_kept_for_clients, spoken, wrong_with_name
from k2rel.site.source import KeyPath

__all__: list[str] = []


def kinds_of(checks: Checks) -> tuple[ClientKind, ...]:
    """The kinds of a file; none where its clients are dealt round."""
    clients = checks.document.clients
    where: KeyPath = ("clients",)
    if not clients.kinds:
        if clients.count is None:
            checks.report(where, "does not state the number of clients; give 'count', or list them under 'kinds'")
        _check_lists(checks)
        return ()
    for key, given in (("count", clients.count is not None), ("subscriptions", bool(clients.subscriptions))):
        if given:
            checks.report(
                (*where, key), f"cannot be combined with 'kinds', which state it for each kind; leave '{key}' out"
            )
    if clients.total > doc.MOST_CLIENTS:
        checks.report((*where, "kinds"), f"are {clients.total:,} clients, and at most {doc.MOST_CLIENTS:,} are allowed")
    _check_lists(checks)
    _check_counts(checks)
    _check_members(checks)
    return tuple(
        ClientKind(
            key,
            kind.title or spoken(key),
            kind.total,
            kind.members or (),
            kind.subscriptions,
        )
        for key, kind in clients.kinds.items()
    )


def _check_lists(checks: Checks) -> None:
    """What clients subscribe to is there."""
    known = checks.shared | set(checks.sides)
    for name, by_kind in checks.lists.items():
        for kind, entries in by_kind.items():
            path: KeyPath = ("clients", "kinds", kind, name) if kind else ("clients", "subscriptions", name)
            if (wrong := wrong_with_name(name)) is not None:
                checks.report(path, wrong)
            if not entries:
                checks.report(path, "is empty; name at least one component or side")
            for index, entry in enumerate(entries):
                checks.known(entry, known, (*path, index), "component or side")


def _check_counts(checks: Checks) -> None:
    for key, kind in checks.document.clients.kinds.items():
        if (kind.count is None) == (kind.members is None):
            wrong = (
                ("does not state the number of clients")
                if kind.count is None
                else ("states the number of its clients twice")
            )
            checks.report(("clients", "kinds", key), f"{wrong}; give 'count' or the names as 'members', one of them")


def _check_members(checks: Checks) -> None:
    """Names of clients are theirs alone."""
    first: dict[str, str] = {}
    for key, kind in checks.document.clients.kinds.items():
        for index, name in enumerate(kind.members or ()):
            path: KeyPath = ("clients", "kinds", key, "members", index)
            if name in first:
                checks.report(path, f"'{name}' is already a client of kind '{first[name]}'")
            elif name in checks.every:
                checks.report(path, f"'{name}' is the name of a part; give the client another")
            elif is_kept_for_clients(name):
                checks.report(path, "names that start with client_ and a number are reserved for the clients' parts")
            first.setdefault(name, key)


def check_kinds(checks: Checks, site: Site) -> None:
    """Every kind has a path in every class of clients, and a path its kinds."""
    for name, entry in checks.document.traffic.items():
        for index, path in enumerate(entry.paths):
            where: KeyPath = ("traffic", name, "paths", index, "kinds")
            if path.kinds and entry.scope == "site":
                checks.report(where, "a site-wide flow belongs to no client; leave 'kinds' out")
            for kind in path.kinds if entry.scope == "client" else ():
                checks.known(kind, checks.document.clients.kinds, where, "kind of clients")
    for name, part in checks.document.clients.parts.items():
        for kind in part.kinds:
            checks.known(kind, checks.document.clients.kinds, ("clients", "parts", name, "kinds"), "kind of clients")
    if checks.problems or not site.kinds:
        return
    for place in {group.kind: place for place, group in enumerate(site.groups)}.values():  # one of each kind
        group = site.groups[place]
        for name, flow in site.traffic.items():
            paths = site.paths_of(name, place)
            if flow.scope == "client" and not paths:
                checks.report(
                    ("clients", "kinds", group.kind),
                    f"has no path of '{name}': each of its paths belongs to other kinds, or crosses a part that this "
                    "kind does not have",
                )
            elif flow.scope == "client" and len(paths) > doc.MOST_PATHS:
                checks.report(
                    ("clients", "kinds", group.kind),
                    f"has {len(paths)} paths of '{name}', and at most {doc.MOST_PATHS} are possible; use at_least/of",
                )
            if flow.prefer.startswith("@") and flow.prefer[1:] not in group.subscriptions:
                checks.report(
                    ("clients", "kinds", group.kind), f"has no '{flow.prefer[1:]}', by which '{name}' prefers a side"
                )
