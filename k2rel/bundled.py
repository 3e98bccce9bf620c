"""Where the shipped data and notebooks lie, in a checkout and in an installed package alike."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from k2rel.errors import InputError, Problem, closest

__all__ = ["data_dir", "level_names", "notebook_dir", "site_path"]

_PACKAGE = Path(__file__).resolve().parent
# The order in which the vendor's manual introduces them, smallest first.
_LEVEL_ORDER = ("L1", "L2", "L2R", "L3", "L3R", "nearline")


@cache
def _home(name: str) -> Path:
    """Find a shipped folder: inside the package when installed, beside it in a checkout."""
    for candidate in (_PACKAGE / name, _PACKAGE.parent / name):
        if candidate.is_dir() and not (candidate / "__init__.py").exists():
            return candidate
    raise InputError(f"the installation of k2rel is incomplete: its folder '{name}' is missing; install it again")


def data_dir() -> Path:
    """Give the folder of the shipped data.

    Examples
    --------
    >>> sorted(path.name for path in data_dir().glob("r*.csv"))
    ['rates.csv']
    """
    return _home("data")


def notebook_dir() -> Path:
    """Give the folder of the shipped notebooks.

    Examples
    --------
    >>> [path.name for path in notebook_dir().glob("level_r*.ipynb")]
    ['level_report.ipynb']
    """
    return _home("notebooks")


def level_names() -> tuple[str, ...]:
    """List the levels that can be named without a path.

    Returns
    -------
    tuple of str
        The names, smallest level first.

    Examples
    --------
    >>> level_names()
    ('L1', 'L2', 'L2R', 'L3', 'L3R', 'nearline')
    """
    found = {path.stem for path in (data_dir() / "levels").glob("*.yaml")}
    return (*(name for name in _LEVEL_ORDER if name in found), *sorted(found.difference(_LEVEL_ORDER)))


def site_path(level_or_file: str | Path) -> Path:
    """Find the file that a level's name or a path means.

    Examples
    --------
    >>> site_path("l2r").name
    'L2R.yaml'
    """
    text = str(level_or_file)
    for name in level_names():
        if text.lower() == name.lower():
            return data_dir() / "levels" / f"{name}.yaml"
    path = Path(text)
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):
        raise InputError(Problem("this is no usable file name", file=text[:80])) from None
    if path.is_dir():
        raise InputError(Problem("is a folder, not a site file", file=text))
    if path.suffix.lower() in {".yaml", ".yml"} or "/" in text:
        raise InputError(Problem("there is no such file", file=text))
    raise InputError(f"there is no level or file '{text}'{closest(text, level_names())}")
