"""Pages about the packages that k2rel needs: their licences, and which systems and Pythons have wheels of them.

    python -m tasks.packages             both pages anew; pip asks the index for the wheels, which takes minutes
    python -m tasks.packages licences    one of them

Run it in the environment of development, which has every extra: what is installed there is what the pages list.
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

__all__ = ["licence", "main", "needed", "range_words"]

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reference"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {
    "Linux x86-64": tuple(f"manylinux{name}_x86_64" for name in ("2014", "_2_17", "_2_26", "_2_27", "_2_28")),
    "Linux ARM64": tuple(f"manylinux{name}_aarch64" for name in ("2014", "_2_17", "_2_26", "_2_27", "_2_28")),
    "macOS ARM64": ("macosx_14_0_arm64",),
    "macOS x86-64": ("macosx_14_0_x86_64",),
    "Windows x86-64": ("win_amd64",),
}
_ONLY = {"macOS": ("appnope",), "Windows": ("colorama", "pywinpty")}
"""What packages ask for on one system alone, which pip does not see from another one."""
_LICENCES = """\
# Licences

k2rel is under the BSD 3-Clause licence (`LICENSE`). One file that comes with it is under another one: the drive
statistics `data/examples/field/drive_statistics.csv`, under the Apache License 2.0 (`LICENSE-APACHE` beside it). Where
the other examples come from stands in `data/examples/field/README.md`; each row of `data/rates.csv` names its source.
Both archives of a release hold both licences, and no third-party code: scripts and styles of the pages are k2rel's
own.

These are the packages that pip installs with it on Linux, and what each says of its own licence. The page is written by
`python -m tasks.packages licences`, from their metadata.

| package | version | licence | needed by |
|---|---|---|---|
{rows}
"""
_WHEELS = """\
# Wheels of the dependencies

A package that has a wheel is installed without a compiler. These are the wheels of the versions in `constraints.txt`,
as pip found them at the index on {day} (`python -m tasks.packages wheels`). A system stands here whether or not k2rel
was tested on it: that is said in [how-to/install.md](../how-to/install.md).

{head}
{rows}

Linux means glibc 2.28 or newer (Debian 10, RHEL 8, Ubuntu 20.04); for musl (Alpine) nothing was looked up.
The other {count} packages are Python alone and have one wheel for all.
"""
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_MISSING = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(requirements: Iterable[str]) -> dict[str, Distribution]:
    """All packages that these need, and what those need, as they are installed here."""
    from packaging.requirements import Requirement

    found: dict[str, Distribution] = {}
    open_ones = [Requirement(text) for text in requirements]
    while open_ones:
        asked = open_ones.pop()
        one = found.get(_plain(asked.name)) or distribution(asked.name)
        is_new = _plain(asked.name) not in found
        found[_plain(asked.name)] = one
        if not is_new and not asked.extras:
            continue
        for text in one.requires or ():
            more = Requirement(text)
            given = [{"extra": extra} for extra in ("", *asked.extras)]
            if more.marker is not None and not any(more.marker.evaluate(each) for each in given):
                continue
            if _plain(more.name) not in found or more.extras:
                open_ones.append(more)
    return dict(sorted(found.items()))


def licence(package: Distribution) -> str:
    """What a package says of its licence: the expression, a short text, or its classifiers."""
    said = package.metadata
    text = str(said["License-Expression"] or "")
    if not text:
        text = str(said["License"] or "")
        kinds = [each.rpartition(" :: ")[2] for each in said.get_all("Classifier") or () if each.startswith("License")]
        if not text.strip() or "\n" in text or len(text) > 60 or text.upper() == "UNKNOWN":
            text = "; ".join(kind for kind in kinds if kind != "OSI Approved") or "as its files say"
    return " ".join(text.split())


def _project() -> tuple[list[str], dict[str, list[str]]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: needs for name, needs in project["optional-dependencies"].items() if name not in ("dev", "docs")}
    return project["dependencies"], extras


def _by_need() -> dict[str, tuple[Distribution, str]]:
    """Packages with who needs them: all, or the extra that brings them."""
    own, extras = _project()
    result = {name: (one, "all") for name, one in needed(own).items()}
    for extra, needs in extras.items():
        for name, one in needed(needs).items():
            result.setdefault(name, (one, f"`k2rel[{extra}]`"))
    return dict(sorted(result.items()))


def licences() -> str:
    """The page about licences."""
    rows = [
        f"| {one.metadata['Name']} | {one.version} | {licence(one)} | {need} |" for one, need in _by_need().values()
    ]
    return _LICENCES.format(rows="\n".join(rows))


def range_words(pythons: Sequence[str]) -> str:
    """Versions of Python in a cell: from which to which, with gaps named."""
    if not pythons:
        return "none"
    places = [PYTHONS.index(one) for one in pythons]
    if places == list(range(places[0], places[-1] + 1)) and len(places) > 1:
        return f"{pythons[0]} to {pythons[-1]}"
    return ", ".join(pythons)


def _wheels_for(pins: Mapping[str, str], python: str, system: str) -> dict[str, str]:
    """File names of the wheels that pip would install, by package; those without one are not among them."""
    print(f"{system}, Python {python}: {len(pins)} packages", file=sys.stderr, flush=True)
    here = next((more for name, more in _ONLY.items() if system.startswith(name)), ())
    asked = [f"{name}=={version}" for name, version in pins.items()] + list(here)
    platforms = [word for tag in SYSTEMS[system] for word in ("--platform", tag)]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = [
            sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--no-deps",
            "--disable-pip-version-check", "--only-binary", ":all:", "--target", folder,
            "--python-version", f"{python}.9",  # some ask for a later one than the first
            *platforms, "--report", str(report),
        ]  # fmt: skip
        while True:
            done = subprocess.run([*words, *asked], capture_output=True, encoding="utf-8", check=False)
            if not done.returncode:
                break
            missing = _MISSING.search(done.stderr)
            if missing is None:
                sys.exit(f"pip: {done.stderr[-500:]}")
            asked = [one for one in asked if _plain(_first(one)) != _plain(missing[1])]
        urls = [one["download_info"]["url"] for one in json.loads(report.read_text(encoding="utf-8"))["install"]]
    files = [url.rpartition("/")[2] for url in urls]
    return {_plain(file.split("-")[0]): file for file in files}


def _first(requirement: str) -> str:
    match = _NAME.match(requirement)
    assert match is not None, requirement
    return match[0]


def wheels() -> str:
    """The page about wheels, by asking pip for every system and Python."""
    packages = _by_need()
    pins = {name: one.version for name, (one, _) in packages.items()}
    first = {python: _wheels_for(pins, python, "Linux x86-64") for python in PYTHONS}
    plain = {name for name in pins if all(each.get(name, "").endswith("none-any.whl") for each in first.values())}
    compiled = {name: version for name, version in pins.items() if name not in plain}
    found = {  # by system, Python and package
        system: {python: _wheels_for(compiled, python, system) for python in PYTHONS} for system in SYSTEMS
    }
    every = compiled.keys() | {name for names in _ONLY.values() for name in names}
    lines = []
    for name in sorted(every):
        cells = []
        for system in SYSTEMS:
            only = next((where for where, names in _ONLY.items() if name in names), "")
            have = [python for python in PYTHONS if name in found[system][python]]
            cells.append(range_words(have) if not only or system.startswith(only) else "not needed")
        version = f" {pins[name]}" if name in pins else ""
        extra = "" if packages.get(name, ("", "all"))[1] == "all" else f" ({packages[name][1]})"
        lines.append(f"| {name}{version}{extra} | {' | '.join(cells)} |")
    return _WHEELS.format(
        day=datetime.datetime.now(datetime.UTC).date().isoformat(),
        head=f"| compiled | {' | '.join(SYSTEMS)} |\n|{'---|' * (len(SYSTEMS) + 1)}",
        rows="\n".join(lines),
        count=len(plain),
    )


def main(arguments: Sequence[str]) -> int:
    """Write the pages that are named, both where none is."""
    pages = {"licences": licences, "wheels": wheels}
    unknown = [word for word in arguments if word not in pages]
    if unknown:
        print(f"there is no page {unknown[0]}; there are {', '.join(pages)}", file=sys.stderr)
        return 2
    PAGES.mkdir(parents=True, exist_ok=True)
    for name in arguments or pages:
        (PAGES / f"{name}.md").write_text(pages[name](), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
