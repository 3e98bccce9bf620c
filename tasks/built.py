"""The archives of a release: how they are built, what has to be in them, and that they work where nothing else is.

An archive is installed into an empty environment outside of the checkout and asked from an empty folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
import venv
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Archives", "WrongArchiveError", "build", "check_contents", "check_installed", "environment"]

_LARGEST_BYTES = 20_000_000
_EXAMPLES = (
    ("check", "data/examples/reference_san.yaml"),
    ("solve", "data/examples/two_trains.xml"),
    ("fit", "data/examples/field/nist_weibull.csv"),
    ("import", "data/examples/cables/studio_cables.csv", "--types", "data/examples/cables/studio_types.csv"),
)
# what is on disk by distribution, as the packages themselves list their files, and compiled code beside them
_SIZES = """
import json, importlib.metadata as m
sizes = {}
for d in m.distributions():
    files = {f.locate() for f in d.files or ()}
    sizes[d.metadata["Name"]] = sum(f.stat().st_size for f in files if f.is_file())
print(json.dumps(sizes))
"""
_NAMES = """
import k2rel
missing = [name for name in k2rel.__all__ if not hasattr(k2rel, name)]
print(len(k2rel.__all__) if not missing and len(k2rel.__all__) > 100 else missing, k2rel.__file__)
"""


class Archives(NamedTuple):
    """A wheel and a source archive."""

    wheel: Path
    source: Path


class WrongArchiveError(AssertionError):
    """What is wrong with an archive, in a sentence."""


def environment(folder: Path) -> Path:
    """Make an empty environment; its Python."""
    venv.EnvBuilder(with_pip=True, clear=True, symlinks=os.name != "nt").create(folder)
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def build(source: Path, output: Path) -> Archives:
    """Build both archives of a folder, with what its pyproject.toml says that builds it."""
    system = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
    python = environment(output.parent / "builder")
    _call(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *system["requires"])
    output.mkdir(parents=True, exist_ok=True)
    made = []
    for kind in ("wheel", "sdist"):
        code = f"import {system['build-backend']} as b; print(b.build_{kind}({str(output)!r}))"
        made.append(output / _call(python, "-c", code, cwd=source).split()[-1])
    return Archives(*made)


def check_contents(archives: Archives, tracked: Sequence[str], version: str) -> Iterator[str]:
    """Hold both archives against the files under version control: all that belongs there, and nothing else."""
    wheel = _wheel_texts(archives.wheel)
    info = f"k2rel-{version}.dist-info"
    licences = [name for name in tracked if Path(name).name.startswith("LICENSE")]
    expected = {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    expected |= {f"{info}/licenses/{name}" for name in licences}
    expected |= {name for name in tracked if name.startswith("k2rel/")}
    expected |= {f"k2rel/{name}" for name in tracked if name.startswith(("data/", "notebooks/"))}
    _same("the wheel", set(wheel), expected)
    _small("the wheel", archives.wheel)
    yield f"{archives.wheel.name}: {len(wheel)} files, {_mb(archives.wheel)}: package, data, notebooks, licences"
    with tarfile.open(archives.source) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
        _same("the source archive", files, {*tracked, "PKG-INFO"})
        _small("the source archive", archives.source)
        yield f"{archives.source.name}: {len(files)} files, {_mb(archives.source)}: what is under version control"
        unpacked = archives.source.parent.parent / "unpacked"
        archive.extractall(unpacked, filter="data")
    again = build(next(unpacked.iterdir()), archives.source.parent.parent / "again" / "dist").wheel
    other = _wheel_texts(again)
    differ = sorted(name for name in wheel.keys() | other.keys() if wheel.get(name) != other.get(name))
    if differ:
        raise WrongArchiveError(f"the wheel made of the source archive differs in {', '.join(differ[:5])}")
    yield "the wheel made of the source archive is the same, file by file"


def check_installed(archive: Path, version: str, work: Path) -> Iterator[str]:
    """Install an archive into an empty environment, and ask it from an empty folder."""
    empty = work / "empty"
    empty.mkdir(parents=True)
    python = environment(work / "env")
    began = time.monotonic()
    _call(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(archive))
    yield f"\n{archive.name} in an empty environment: installed in {time.monotonic() - began:.0f} s"
    _call(python, "-m", "pip", "check")
    count, where = _call(python, "-c", _NAMES, cwd=empty).strip().split(maxsplit=1)
    if not count.isdigit() or not Path(where).resolve().is_relative_to(work.resolve()):
        raise WrongArchiveError(f"public names: {count}, from {where}")
    yield f"  pip check; {count} public names"
    command = python.with_name("k2rel.exe" if os.name == "nt" else "k2rel")
    if _call(command, "--version").split() != ["k2rel", version]:
        raise WrongArchiveError("k2rel --version says another version")
    yield from _asked(command, empty)
    yield _sizes(python)
    shutil.rmtree(work / "env", ignore_errors=True)


def _asked(command: Path, empty: Path) -> Iterator[str]:
    """The questions, each answered, and what the first and the second answer took."""
    for when in ("first", "second"):
        began = time.monotonic()
        answer = json.loads(_call(command, "availability", "L2R", "--format", "json", cwd=empty))
        took = time.monotonic() - began
        media = next(row for row in answer["services"] if row["service"] == "media")
        if not 10 < media["downtime_min_per_year"] < 100:  # docs and README have it to three digits, with its tests
            raise WrongArchiveError(f"k2rel availability L2R: {media}")
        yield f"  k2rel availability L2R, {when} time: {took:.1f} s"
    if "L3R" not in _call(command, "levels", cwd=empty):
        raise WrongArchiveError("k2rel levels: L3R is not there")
    for words in _EXAMPLES:
        _call(command, *words, cwd=empty)
    yield f"  k2rel levels; examples by name: {', '.join(words[0] for words in _EXAMPLES)}"
    _call(command, "notebooks", "mine", cwd=empty)
    count = len(list((empty / "mine").glob("*.ipynb")))
    began = time.monotonic()
    _call(command, "report", "L2R", "--no-pdf", "--output", "reports", "--quiet", cwd=empty)
    if count < 10 or (empty / "reports" / "L2R.html").stat().st_size < 100_000:
        raise WrongArchiveError("notebooks or report are not whole")
    yield f"  k2rel notebooks: {count}; k2rel report L2R: {time.monotonic() - began:.0f} s"


def _sizes(python: Path) -> str:
    sizes = {name: size for name, size in json.loads(_call(python, "-c", _SIZES)).items() if name != "pip"}
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:14]
    named = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in largest)
    return f"  {sum(sizes.values()) / 1e6:.0f} MB in {len(sizes)} packages; MB: {named}"


def _wheel_texts(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _same(what: str, found: set[str], expected: set[str]) -> None:
    for words, names in (("lacks", expected - found), ("has too much", found - expected)):
        if names:
            shown = ", ".join(sorted(names)[:5])
            raise WrongArchiveError(
                f"{what} {words}: {shown}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            )


def _small(what: str, file: Path) -> None:
    if file.stat().st_size > _LARGEST_BYTES:
        raise WrongArchiveError(f"{what} has {_mb(file)}; what is so large in it?")


def _mb(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"


def _call(program: Path, *words: str, cwd: Path | None = None) -> str:
    """What a program says; it sees neither this checkout nor packages of the user."""
    clean = {key: value for key, value in os.environ.items() if not re.match("PYTHON|VIRTUAL_ENV|K2REL_", key)}
    clean |= {"PYTHONNOUSERSITE": "1"} | ({"PYTHONUTF8": "1"} if sys.platform == "win32" else {})
    done = subprocess.run(
        [str(program), *words], cwd=cwd, env=clean, capture_output=True, encoding="utf-8", check=False
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise WrongArchiveError(f"{program.name} {' '.join(words)[:200]}: exit code {done.returncode}: {said}")
    return done.stdout
