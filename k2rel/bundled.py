"""Where the shipped data and notebooks lie, in a checkout and in an installed package alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from k2rel.errors import InputError, Problem, closest
from k2rel.signs import plain_signs

__all__ = [
    "DATA_VERSION", "DataVersion", "data_dir", "data_version", "design_names", "example_names", "input_file",
    "level_names", "notebook_dir", "rates_path", "site_path", "telling_of_examples", "what_is_there",
]  # fmt: skip

_PACKAGE = Path(__file__).resolve().parent
# The order in which the vendor's manual introduces them, smallest first.
_LEVEL_ORDER = ("L1", "L2", "L2R", "L3", "L3R", "nearline")


@dataclass(frozen=True, slots=True)
class DataVersion:
    """A version of the bundled rates and levels: its folder below the data, its date, what changed with it."""

    name: str
    folder: str
    date: str
    changed: str


_VERSIONS = (
    DataVersion("0.1", "versions/0.1", "2026-11-25", "the first data"),
    DataVersion(
        "0.2",
        "versions/0.2",
        "2026-11-26",
        "Windows, drives, RAID enclosures, takeovers by what failed; limits of repair times and assumptions",
    ),
    DataVersion("0.3", "", "2026-11-26", "levels in format 2; what a client loses when it changes its path"),
)
DATA_VERSION = _VERSIONS[-1].name
"""Version of the bundled data that is taken where none is asked for."""


def data_version(name: str | None = None) -> DataVersion:
    """Find a version of the bundled data.

    Parameters
    ----------
    name : str, optional
        Such as ``"0.1"``; by default the current one.

    Returns
    -------
    DataVersion
        The version.

    Raises
    ------
    InputError
        If there is no such version.

    Examples
    --------
    >>> data_version("0.1").folder
    'versions/0.1'
    """
    for version in _VERSIONS:
        if version.name == (DATA_VERSION if name is None else str(name)):  # 0.1 may come as a number
            return version
    known = ", ".join(version.name for version in _VERSIONS)
    raise InputError(f"data: there is no version '{str(name)[:40]}' of the bundled data; there are {known}")


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


def rates_path(data: str | None = None) -> Path:
    """Find the table of rates of a version of the data.

    Examples
    --------
    >>> rates_path("0.1").parts[-3:]
    ('versions', '0.1', 'rates.csv')
    """
    return data_dir() / data_version(data).folder / "rates.csv"


def level_names(data: str | None = None) -> tuple[str, ...]:
    """List the levels that can be named without a path.

    Parameters
    ----------
    data : str, optional
        Version of the bundled data; by default the current one.

    Returns
    -------
    tuple of str
        The names, smallest level first.

    Examples
    --------
    >>> level_names()
    ('L1', 'L2', 'L2R', 'L3', 'L3R', 'nearline')
    """
    found = {path.stem for path in _levels(data).glob("*.yaml")}
    return (*(name for name in _LEVEL_ORDER if name in found), *sorted(found.difference(_LEVEL_ORDER)))


def _levels(data: str | None) -> Path:
    return data_dir() / data_version(data).folder / "levels"


def design_names() -> tuple[str, ...]:
    """List the ready-made designs that can be named without a path.

    They are the same whatever version of the data is asked for.

    Returns
    -------
    tuple of str
        The names, in the order of the alphabet.

    Examples
    --------
    >>> design_names()[:3]
    ('dual_tor', 'fc_alua', 'fc_round_robin')
    """
    return tuple(sorted(path.stem for path in _designs().glob("*.yaml")))


def _designs() -> Path:
    return data_dir() / "examples" / "designs"


_told: list[Callable[[str, Path], None]] = []  # who is told that a shipped file stands in for one that is not there


@contextmanager
def telling_of_examples(tell: Callable[[str, Path], None]) -> Iterator[None]:
    """Tell meanwhile of each shipped file that is read because the current folder has none of its name, once.

    Examples
    --------
    >>> with telling_of_examples(lambda name, file: print(name)):
    ...     files = [input_file("data/rates.csv", Path("/")) for _ in range(2)]
    data/rates.csv
    """
    seen: set[str] = set()

    def once(name: str, file: Path) -> None:
        if name not in seen:
            seen.add(name)
            tell(name, file)

    _told.append(once)
    try:
        yield
    finally:
        _told.remove(once)


def input_file(given: str | Path, beside: Path | None = None) -> Path:
    """Find the file that an input's name means: the user's own, else one that is shipped under ``data/``.

    A relative name is looked for in the folder `beside`, by default the current one; whatever stands there, be it no
    file, goes before what is shipped. A name that fits neither comes back as it is: who reads it says what is wrong.

    Examples
    --------
    >>> input_file("data/examples/nowhere.csv").as_posix()
    'data/examples/nowhere.csv'
    >>> input_file("data/examples/costs.csv", Path("/")).relative_to(data_dir()).as_posix()
    'examples/costs.csv'
    """
    named = Path(given)
    own = named if beside is None else beside / named
    if os.path.lexists(own) or named.parts[:1] != ("data",) or ".." in named.parts:
        return own
    shipped = data_dir().joinpath(*named.parts[1:])
    try:
        if not shipped.is_file():
            return own
    except OSError:  # a name that is too long
        return own
    for tell in _told:
        tell(named.as_posix(), shipped)
    return shipped


def example_names() -> tuple[str, ...]:
    """List the examples of input files by the names that find them from any folder, without the designs.

    Examples
    --------
    >>> [name for name in example_names() if name.endswith(".xml")]
    ['data/examples/two_trains.xml']
    """
    home = data_dir() / "examples"
    files = (path.relative_to(home) for path in home.rglob("*") if path.is_file())
    named = [path.as_posix() for path in files if path.parts[0] != "designs" and not _is_text_for_people(path)]
    return tuple(f"data/examples/{name}" for name in sorted(named, key=lambda name: (name.count("/"), name)))


def _is_text_for_people(path: Path) -> bool:
    return (path.stem.isupper() and path.suffix in ("", ".md")) or path.name.startswith("LICENSE")


def what_is_there(path: str | Path) -> str:
    """Say what there is in place of a file that is not there: a broken link, or examples; empty where there is nothing.

    An example is not taken unasked: who writes ``costs.csv`` means costs of their own.

    Examples
    --------
    >>> what_is_there("two_trains.xml"), what_is_there("mine.xml")
    ('; the example of this name that comes with k2rel is data/examples/two_trains.xml', '')
    >>> what_is_there("data/examples/cables")[:59]
    '; it is a folder of examples that come with k2rel: data/exa'
    """
    path = Path(path)
    if path.is_symlink():
        return f"; it is a link to {os.readlink(path)}, which does not exist"
    names = example_names()
    within = [example for example in names if example.startswith(f"{path.as_posix()}/")]
    if within:
        more = f" and {len(within) - 3} more" if len(within) > 3 else ""
        return f"; it is a folder of examples that come with k2rel: {', '.join(within[:3])}{more}"
    found = [example for example in names if path.name and example.endswith(f"/{path.name}")]
    return f"; the example of this name that comes with k2rel is {found[0]}" if len(found) == 1 else ""


def site_path(level_or_file: str | Path, data: str | None = None) -> Path:
    """Find the file that a level's name, in a version of the data, a path or a design's name means, in this order.

    Examples
    --------
    >>> site_path("l2r").name
    'L2R.yaml'
    >>> site_path("fc_alua").parent.name
    'designs'
    """
    text = str(level_or_file)
    names = level_names(data)
    for name in names:
        if text.lower() == name.lower():
            return _levels(data) / f"{name}.yaml"
    path = input_file(text)
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):
        raise InputError(Problem("invalid file name", file=text[:80])) from None
    designs = design_names()
    for name in designs:
        if text.lower() == name.lower():
            return _designs() / f"{name}.yaml"
    if path.is_dir():
        raise InputError(Problem("is a folder, not a site file", file=text))
    if path.exists():
        raise InputError(Problem("not a regular file; only regular files are read", file=text))
    if path.suffix.lower() in {".yaml", ".yml"} or {"/", "\\"} & set(text):
        raise InputError(Problem(f"there is no such file{what_is_there(text)}", file=text))
    meant = closest(text, (*names, *designs)) or closest(text, names)
    raise InputError(f"there is no level, design or file '{plain_signs(text, '')}'{meant}")
