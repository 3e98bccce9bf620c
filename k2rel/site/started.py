"""A site file that begins as a copy of another one, with a name of its own."""

from __future__ import annotations

import re
from pathlib import Path

from k2rel.bundled import level_names, site_path
from k2rel.errors import InputError
from k2rel.site.destination import check_place, text_for, write_all
from k2rel.site.editing import edited
from k2rel.site.read import read_site, site_of
from k2rel.site.source import yaml_source, yaml_text
from k2rel.site.templates import block_files

__all__ = ["start"]

# the schema stands beside what came with k2rel alone
_SCHEMA = re.compile(r"\A# yaml-language-server:.*\n")


def start(
    path: str | Path, like: str | Path, *, name: str | None = None, title: str | None = None, force: bool = False
) -> list[Path]:
    """Write a site file that is a copy of another one but for its name, and beside it all that it needs.

    Its text is kept, with comments and templates. Files of blocks and a pinned table of rates are copied to the same
    place beside it; there they are not replaced.

    Parameters
    ----------
    path : str or pathlib.Path
        The file to write, which ends in ``.yaml`` or ``.yml``.
    like : str or pathlib.Path
        Name of a level or a design, or a site file.
    name : str, optional
        Name of the site; by default that of the file without its ending.
    title : str, optional
        Its title; by default that of the other one.
    force : bool
        Replace the file where it exists.

    Returns
    -------
    list of pathlib.Path
        What was written, the site file first.

    Raises
    ------
    InputError
        If a file is there already, or the name is none.

    Examples
    --------
    >>> start("mine.txt", "fc_alua")
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: mine.txt: a site file ends in .yaml; write mine.yaml
    """
    target = _target(path, force)
    original = site_path(like)
    site = read_site(original)
    text = yaml_text(original)
    source = yaml_source(text, str(original))
    new = {**source.data, "name": target.stem if name is None else name}
    if title is not None:
        new["title"] = title
    written = edited(text, source.data, new)
    if written is None:
        raise InputError(f"{original}: its name cannot be changed automatically; copy the file and change it manually")
    try:
        site_of(yaml_source(written, str(original)))
    except InputError as error:
        what = "; ".join(f"{one.key}: {one.message}" for one in error.problems)
        raise InputError(f"{target}: {what}; give the site another name (--name) or title (--title)") from None
    beside = _beside(target, original, block_files(source))
    if site.rates_table is not None:
        beside |= _beside(target, original, (Path(str(site.rates_file)),))
    write_all(target, _SCHEMA.sub("", written), beside)
    return [target, *beside]


def _target(path: str | Path, force: bool) -> Path:
    """The file to write, where it may be written."""
    target = Path(path)
    if str(path).lower() in {name.lower() for name in level_names()} or target.suffix.lower() not in {".yaml", ".yml"}:
        raise InputError(
            f"{path}: a site file ends in .yaml; write {target.with_suffix('.yaml') if target.name else 'mine.yaml'}"
        )
    there = check_place(target, path)
    if not target.parent.is_dir():
        raise InputError(f"{path}: there is no folder {target.parent}; create it first")
    if there and not force:
        raise InputError(f"{path}: already exists; use --force to replace it")
    return target


def _beside(target: Path, original: Path, files: tuple[Path, ...]) -> dict[Path, str]:
    """Texts of the files that a copy needs, where they are not there yet."""
    result = {}
    for file in files:
        there = target.parent / file.relative_to(original.parent)
        other = f"{target}: another file, {there}, is in the place of one that the copy needs"
        text = text_for(there, file, "a file of a site must be smaller", other)
        if text is not None:
            result[there] = text
    return result
