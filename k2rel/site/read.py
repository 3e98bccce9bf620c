"""From a file to a `Site`: variant laid over, assumptions put in, mistakes placed on their line.

What spans entries is checked in `k2rel.site.build`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeAlias

import k2rel.site.document as doc
from k2rel.arguments import as_name, as_paths, as_whole, shown
from k2rel.bundled import data_version, site_path
from k2rel.errors import InputError, Problem, closest
from k2rel.site.build import build_site
from k2rel.site.limits import from_text, inputs_at, with_values
from k2rel.site.mapping import in_python
from k2rel.site.model import Site
from k2rel.site.register import assumptions_in_use, set_by_user
from k2rel.site.settings import apply_settings, assumption_in
from k2rel.site.source import KeyPath, Made, Origin, YamlSource, as_written, read_yaml
from k2rel.site.takeover_settings import with_takeover_settings
from k2rel.site.templates import expanded, mistakes_once

__all__ = ["SiteLike", "as_sites", "is_entries", "pinned_table", "read_site"]


def pinned_table(path: str | Path) -> Path | None:
    """Find the table of rates that a site file keeps beside it.

    Examples
    --------
    >>> pinned_table(site_path("L2R"))
    """
    try:
        data = read_yaml(Path(path)).data
    except InputError:
        return None  # `read_site` says why
    name = data.get("rates") if isinstance(data, dict) else None
    found = Path(path).parent / name if isinstance(name, str) and Path(name).name == name else None
    return found if found is not None and found.is_file() else None


SiteLike: TypeAlias = "str | Path | Site | Mapping[str, Any]"
"""What describes a site: a level's name, a file, a site that was read or described before, or what a file would say."""


def read_site(
    level_or_file: SiteLike,
    *,
    clients: int | None = None,
    settings: Mapping[str, str] | None = None,
    variant: str | None = None,
    data: str | None = None,
) -> Site:
    """Read a level or a site file and check it.

    Parameters
    ----------
    level_or_file : str, pathlib.Path, Site or mapping
        A level's name such as ``"L2R"``, or the path of a YAML file; a site, of which what is given here is changed;
        or the entries of a file, as plain data or by `k2rel.describe`.
    clients : int, optional
        Number of clients instead of the file's, 1 to 10,000.
    settings : mapping of str to str, optional
        Changes such as ``{"media_server.mttr": "4 h", "switch_A.mttf": "2e6 h"}``; see `k2rel.site.settings`.
    variant : str, optional
        Name of a variant of the file to apply.
    data : str, optional
        Version of the bundled data, of a level by its name and of the rates; by default the current one.

    Returns
    -------
    Site
        The checked site.

    Raises
    ------
    InputError
        With every mistake found: file, line, key and what would be right.

    Examples
    --------
    >>> read_site("L3R", clients=12).group_sizes
    (3, 3, 3, 3)
    """
    if settings is not None and not isinstance(settings, Mapping):
        raise InputError(
            f"settings: a mapping such as {{'media_server.mttr': '4 h'}} is needed, got {str(settings)[:40]}"
        )
    known = isinstance(level_or_file, str | Path | Site) or is_entries(level_or_file)
    if not known or (isinstance(level_or_file, str | Path) and not str(level_or_file).strip()):
        raise InputError(
            "level_or_file: a level's name such as 'L2R', the path of a site file, a site or the entries of one are "
            f"needed, got {type(level_or_file).__name__} {shown(level_or_file)!r}"
        )
    if isinstance(level_or_file, Site):
        return _read_again(level_or_file, clients=clients, settings=settings, variant=variant, data=data)
    source = (
        in_python(level_or_file) if isinstance(level_or_file, Mapping) else read_yaml(site_path(level_or_file, data))
    )
    return site_of(source, clients=clients, settings=settings, variant=variant, data=data)


def as_sites(argument: str, value: Any) -> tuple[SiteLike, ...]:
    """Take what describes sites; one alone is a list of one.

    Examples
    --------
    >>> as_sites("levels", "L2R"), as_sites("levels", ["L1", Path("mine.yaml")])
    (('L2R',), ('L1', PosixPath('mine.yaml')))
    """
    if isinstance(value, Site | Mapping):
        return (value,)
    if isinstance(value, str | os.PathLike) or not isinstance(value, Iterable):
        return as_paths(argument, value)
    return tuple(item if isinstance(item, Site | Mapping) else as_paths(argument, item)[0] for item in value)


_TELLING = {"format", "sides", "components", "links", "types", "units", "roles", "clients", "traffic"}


def is_entries(value: Any) -> bool:
    """Whether a mapping holds the entries of one site, and not several sites by name."""
    return isinstance(value, Mapping) and bool(_TELLING & value.keys())


def _read_again(
    site: Site, *, clients: int | None, settings: Mapping[str, str] | None, variant: str | None, data: str | None
) -> Site:
    """A site with further choices over those that it was made with."""
    if clients is None and not settings and variant is None and data is None:
        return site
    before = before_changes(site)
    if replace(before, common_cause=site.common_cause) != site:
        names = [each.name for each in fields(site) if each.compare]
        what = ", ".join(name for name in names if getattr(site, name) != getattr(before, name))
        raise InputError(
            f"{site.name} was changed in Python ({what}), beside what its description says; choose clients, settings "
            "and variant first, or change the description (site.to_dict())"
        )
    asked = {"clients": clients, "variant": variant, "data": data}
    asked = {name: value for name, value in asked.items() if value is not None}
    again = as_read(site, settings={**dict(site.changed), **(settings or {})}, **asked)
    chosen = before.common_cause != site.common_cause
    return replace(again, common_cause=site.common_cause) if chosen else again


def origin_of(site: Site) -> Origin:
    """What a site was read from."""
    if site.origin is None:
        raise InputError(f"{site.name}: this site was put together from records, and nothing describes it as a file")
    return site.origin


def as_read(site: Site, **other: Any) -> Site:
    """The site as its description, and what was chosen beside, gives it; or with something else chosen.

    Examples
    --------
    >>> as_read(read_site("L2R", settings={"psu.mttr": "5 h"}), clients=9).changed
    (('psu.mttr', '5 h'),)
    """
    origin = origin_of(site)
    chosen = {"clients": origin.clients, "settings": dict(site.changed), "variant": site.variant, "data": site.data}
    return site_of(origin.source, **(chosen | other))


def site_of(
    file: YamlSource,
    *,
    clients: int | None = None,
    settings: Mapping[str, str] | None = None,
    variant: str | None = None,
    data: str | None = None,
) -> Site:
    """The site that a file describes, as `read_site` gives it."""
    file = expanded(file)
    try:
        return _site_of(file, clients, settings, variant, data)
    except InputError as error:
        if not file.made:
            raise
        raise InputError(mistakes_once(file, error.problems)) from None


def _site_of(
    file: YamlSource, clients: int | None, settings: Mapping[str, str] | None, variant: str | None, data: str | None
) -> Site:
    variant = None if variant is None else as_name("variant", variant)
    source = with_variant(file, variant)
    changes = dict(settings or {})
    source, changes = with_assumption_settings(source, changes)
    source, changes = with_takeover_settings(with_values(_with_assumptions(source)), changes)
    for key in settings or {}:
        name = assumption_in(key, file.data)
        if name is not None and name not in source.origins.values():
            raise InputError(
                f"--set assumption.{name}: nothing in {source.name} takes '={name}': it describes other "
                "entries in words, so another value would have no effect; change those entries"
            )
    counted = source
    if clients is not None:
        clients = as_whole("clients", clients, 1, doc.MOST_CLIENTS)
        counted = replace(source, data=with_clients(source.data, clients))
    document = _document(counted)
    site = build_site(counted, document, variant, inputs_at(counted, _document))
    warnings = tuple(mistakes_once(counted, site.warnings))
    site = replace(site, warnings=warnings, data=data_version(data).name, origin=Origin(file, clients))
    site = apply_settings(site, changes)
    given = dict(settings or {})
    if clients is None and not given and variant is None:
        return _marked(site)
    # what was set by the user is on record, and the register of assumptions shows what is in use
    register = assumptions_in_use(site, _with_assumptions(file), source, clients=clients, settings=given)
    return _marked(replace(site, changed=tuple(given.items()), assumptions=register))


def _marked(site: Site) -> Site:
    """A site that nothing has changed since it was read; what is made of it by `replace` has no mark."""
    object.__setattr__(site, "_unchanged", True)
    return site


def unchanged(site: Site) -> bool:
    """Whether a site is as its description, and what was chosen beside, gives it.

    Examples
    --------
    >>> site = read_site("L2R")
    >>> unchanged(site), unchanged(replace(site, title="mine"))
    (True, False)
    """
    return before_changes(site) == site


def before_changes(site: Site) -> Site:
    """The site as its description, and what was chosen beside, gives it; read again where it has no mark."""
    return site if "_unchanged" in vars(site) else as_read(site)


def with_clients(data: dict[str, Any], clients: int) -> dict[str, Any]:
    """The entries of a file with another number of clients."""
    held = data.get("clients")
    if not isinstance(held, dict):
        return data
    if held.get("kinds"):
        raise InputError("clients: the site lists its clients by kinds; change the counts under 'kinds' of it")
    return {**data, "clients": {**held, "count": clients}}


def document_of(source: YamlSource, variant: str | None) -> doc.SiteDocument:
    """The entries of a file with a variant laid over."""
    return _document(with_values(_with_assumptions(with_variant(expanded(source), variant))))


def _document(source: YamlSource) -> doc.SiteDocument:
    """The entries of a file, each by itself checked."""
    return source.validated(doc.SiteDocument)


def with_variant(source: YamlSource, variant: str | None) -> YamlSource:
    """Lay the entries of a variant over the file's."""
    if variant is None:
        return source
    variants = source.data.get("variants")
    if not isinstance(variants, dict):
        variants = {}
    known = list(variants)
    if variant not in known:
        hint = closest(variant, known) if known else "; the file has no variants"
        raise InputError(Problem(f"there is no variant '{variant[:60]}'{hint}", source.name))
    entry = variants[variant]
    changes = entry.get("changes") if isinstance(entry, dict) else None
    base: KeyPath = ("variants", variant, "changes")
    if changes is not None and not isinstance(changes, dict):
        raise InputError(source.problem(base, f"must be entries of the form key: value, got '{str(changes)[:40]}'"))
    laid = {key[len(base) :]: line for key, line in source.lines.items() if key[: len(base)] == base}

    def lay(below: Any, above: Any) -> Any:
        if isinstance(below, dict) and isinstance(above, dict):
            return {**below, **{key: lay(below.get(key), value) for key, value in above.items()}}
        return above

    made = dict(source.made)
    if made:  # what the variant says stands in the file itself, or in a template of the variant
        made |= {key: source.maker((*base, *key)) or Made("", source.name, line) for key, line in laid.items() if key}
    return replace(source, data=lay(source.data, changes or {}), lines={**source.lines, **laid}, made=made)


_TEXTS = {"title", "description", "reason", "source", "sources", "author", "date", "revision", "evidence"}
"""Keys of what is said in words, which may begin with a sign of equality."""


def _assumptions(source: YamlSource) -> dict[str, Any]:
    entries = source.data.get("assumptions")
    return entries if isinstance(entries, dict) else {}


def with_assumption_settings(source: YamlSource, settings: dict[str, str]) -> tuple[YamlSource, dict[str, str]]:
    """Take ``assumption.NAME=value`` out of the settings and put it into the file's assumptions."""
    own = {key: name for key in settings if (name := assumption_in(key, source.data)) is not None}
    if not own:
        return source, settings
    known = _assumptions(source)
    changed = dict(known)
    for key, name in own.items():
        value = settings[key]
        if name not in known or not isinstance(known[name], dict):
            raise InputError(f"--set {key}: the site has no assumption '{name[:60]}'{closest(name, known)}")
        old = known[name].get("value")
        new: object = value
        if isinstance(old, int) and re.fullmatch(r"-?\d{1,12}", value):
            new = int(value)
        elif isinstance(old, float | int) and not isinstance(old, bool):
            try:
                new = float(value)
            except ValueError:
                new = value
        limits = from_text(value)
        changed[name] = {
            # whoever gives a value alone knows it
            **{key: item for key, item in known[name].items() if key not in ("low", "high", "distribution")},
            **({"value": new} if limits is None else limits),
            "evidence": "CHOSEN",
            "reason": set_by_user(key, as_written(old)),
        }
    rest = {key: value for key, value in settings.items() if key not in own}
    return replace(source, data={**source.data, "assumptions": changed}), rest


def _with_assumptions(source: YamlSource) -> YamlSource:
    """Put the values of assumptions where ``=name`` stands."""
    values = {name: entry.get("value") for name, entry in _assumptions(source).items() if isinstance(entry, dict)}
    problems: list[Problem] = []
    origins: dict[KeyPath, str] = {}

    def put(value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: put(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [put(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or value[:1] != "=" or (path[-1] in _TEXTS and value[1:] not in values):
            return value
        name = value[1:]
        if name not in values:
            problems.append(source.problem(path, f"there is no assumption '{name[:60]}'{closest(name, values)}"))
            return value
        origins[path] = name
        return values[name]

    kept = {"assumptions", "variants"}
    data = {key: value if key in kept else put(value, (key,)) for key, value in source.data.items()}
    if problems:
        raise InputError(problems)
    return replace(source, data=data, origins=origins)
