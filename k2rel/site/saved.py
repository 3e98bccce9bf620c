"""A site as a file: what stands in it, and how it is written so that reading it gives an equal site."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

from k2rel.bundled import level_names
from k2rel.errors import InputError
from k2rel.inputs import Uses
from k2rel.site.destination import check_place, text_for, write_all
from k2rel.site.editing import edited
from k2rel.site.given import GivenLaw
from k2rel.site.model import Component, Site
from k2rel.site.read import origin_of, site_of, unchanged
from k2rel.site.settled import settled
from k2rel.site.source import MOST_BYTES, YamlSource, yaml_source
from k2rel.site.yaml_text import yaml_text_of

__all__ = ["document", "same", "save"]


def document(site: Site) -> dict[str, Any]:
    """What a file of a site says, as `Site.to_dict` gives it.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> document(read_site("L1"))["name"]
    'L1'
    """
    origin = origin_of(site)
    if (origin.clients, site.changed, site.variant) == (None, (), None) and unchanged(site):
        return deepcopy(origin.source.data)
    data = settled(site)
    again = site_of(YamlSource(origin.source.name, data, {}), data=site.data)
    if differing := _differing(again, site):
        raise InputError(
            f"{site.name} cannot be written as a file as it is: {', '.join(differing)} would differ from now, since "
            "changes made in Python are not part of its description"
        )
    return data


def save(site: Site, path: str | PathLike[str], *, force: bool = False) -> Path:
    """Write a site as a file, as `Site.save` does.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> save(read_site("L1"), "l1")
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: l1: this is the name of a level, which would be read in its place; write l1.yaml
    """
    target = _target(path, force=force)
    data = document(site)
    source = origin_of(site).source
    text = _kept(source, data, target, site.data)
    if text is None:
        text = yaml_text_of(data)
        if yaml_source(text, str(target)).data != data:
            raise InputError(f"{site.name} cannot be written to {target}: some of its text cannot be written to a file")
    if len(text.encode()) > MOST_BYTES:
        raise InputError(f"{target}: would be larger than {MOST_BYTES // 1_000_000} MB, and no file is read that is")
    write_all(target, text, _beside(site, target))
    return target


def same(one: Site, other: Site) -> bool:
    """Whether two sites say the same: field by field, settings and a variant as a file would have them."""
    if _compared(one) == _compared(other):
        return True
    chosen = [bool(site.changed) or site.variant is not None for site in (one, other)]
    if not any(chosen):
        return False
    try:
        one, other = (_as_file(site) if own else site for site, own in zip((one, other), chosen, strict=True))
    except InputError:  # what no file can say
        return False
    return _compared(one) == _compared(other)


def _compared(site: Site) -> list[Any]:
    return [getattr(site, each.name) for each in fields(Site) if each.compare]


def _as_file(site: Site) -> Site:
    return site_of(YamlSource(origin_of(site).source.name, document(site), {}), data=site.data)


def _target(path: str | PathLike[str], *, force: bool) -> Path:
    """The file to write; what came with k2rel, or is there, is not replaced."""
    if not isinstance(path, str | PathLike) or not str(path).strip():
        raise InputError(f"path: the path of a file is needed, got {type(path).__name__} {str(path)[:40]!r}")
    target = Path(path)
    if str(path).lower() in {name.lower() for name in level_names()}:
        raise InputError(f"{path}: this is the name of a level, which would be read in its place; write {path}.yaml")
    if check_place(target, path) and not force:
        raise InputError(f"{path}: already exists; use force=True to replace it")
    return target


def _kept(source: YamlSource, data: dict[str, Any], target: Path, version: str) -> str | None:
    """The text that a site was read from, changed where it must; None where it cannot say that in its places."""
    if source.text is None:
        return None
    text: str | None = source.text if data == source.data else edited(source.text, source.data, data)
    if text is None:
        return None
    try:
        if yaml_source(text, source.name).data == data:
            return text
        again = site_of(yaml_source(text, str(target)), data=version)  # with templates
    except InputError:  # such as a block of another file, which is not beside this one, or an anchor that is gone
        return None
    return text if origin_of(again).source.data == data else None


def _beside(site: Site, target: Path) -> dict[Path, str]:
    """The pinned table of rates, where it has to be copied beside a file."""
    if site.rates_table is None:
        return {}
    there, here = target.parent / site.rates_table, Path(str(site.rates_file))
    if there.resolve() == here.resolve():
        return {}
    other = f"{target}: another table of rates, {there}, is in the place of that of this site"
    text = text_for(there, here, "a table of rates must be smaller", other)
    return {} if text is None else {there: text}


def _differing(one: Site, other: Site) -> list[str]:
    """In what two sites differ that counts, whoever said it: a file, or settings."""
    left_out = {"variant", "variants", "changed", "assumptions", "types", "inputs"}
    names = [each.name for each in fields(Site) if each.compare and each.name not in left_out]
    one, other = _folded(one), _folded(other)
    differ = [name.replace("_", " ") for name in names if _bare(getattr(one, name)) != _bare(getattr(other, name))]
    return [*differ, *(["limits of numbers"] if _limits(one) != _limits(other) else [])]


def _folded(site: Site) -> Site:
    """A site with the law of each part in one piece."""

    def folded(part: Component) -> Component:
        law = part.by_hand.over(part.law.over(site.types.get(part.type, GivenLaw())))
        return replace(part, law=law, by_hand=GivenLaw())

    return replace(
        site,
        components={name: folded(part) for name, part in site.components.items()},
        client_parts={name: folded(part) for name, part in site.client_parts.items()},
    )


def _bare(value: Any) -> Any:
    """A record without the names of the inputs that it uses."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = [each.name for each in fields(value) if each.compare and each.name != "uses"]
        return [type(value).__name__, *((name, _bare(getattr(value, name))) for name in kept)]
    if isinstance(value, Mapping):
        return {key: _bare(item) for key, item in value.items()}
    return [_bare(item) for item in value] if isinstance(value, tuple) else value


def _limits(site: Site) -> list[tuple[Any, ...]]:
    """Numbers with limits that something uses; what was set in the place of one uses it no more."""
    parts = (site.components, site.client_parts, site.raid_sets)
    rules = (site.units, site.roles, site.suspensions, site.traffic)
    used = {name for record in (*parts, *rules) for name in _used(record)}
    return sorted((one.kind, one.point, one.low, one.high) for name, one in site.inputs.items() if name in used)


def _used(value: Any) -> Iterator[str]:
    if isinstance(value, Uses):
        yield value.input
    elif dataclasses.is_dataclass(value):
        for each in fields(value):
            yield from _used(getattr(value, each.name))
    elif isinstance(value, Mapping | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _used(item)
