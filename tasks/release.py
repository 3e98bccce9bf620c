"""A release: version, changelog, archives that work where nothing else is installed, and a tag.

    python -m tasks.release                        build and check what is committed; nothing is changed
    python -m tasks.release --version 0.2.0        the same with the version and the changelog of a release
    python -m tasks.release --version 0.2.0 --tag  and, where all is well, commit and tag it here; archives: dist/

All of it is done in a clone, so that only what is committed counts, and nothing is left of what failed.
"""

from __future__ import annotations

import argparse
import datetime
import difflib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tasks.built import Archives, WrongArchiveError, build, check_contents, check_installed

__all__ = ["NotReadyError", "main", "prepared"]

ROOT = Path(__file__).resolve().parents[1]
UNRELEASED = "## [Unreleased]\n"
NOTHING_YET = " Nothing has been released yet."
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_HERE = "k2rel/_version.py", "CITATION.cff", "CHANGELOG.md"


class NotReadyError(Exception):
    """What stands against a release, in a sentence."""


def numbers(version: str) -> tuple[int, ...]:
    """The three numbers of a version."""
    match = _VERSION.fullmatch(version)
    if not match:
        raise NotReadyError(f"version '{version}': three numbers are needed, such as 0.2.0")
    return tuple(map(int, match.groups()))


def _following(version: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The next version of each kind: one number goes up by one, those behind it are 0."""
    return [(*version[:place], version[place] + 1, *([0] * (2 - place))) for place in (2, 1, 0)]


def current(texts: dict[str, str]) -> str:
    """The version that the code has."""
    found = re.search(r'^__version__ = "(.*)"$', texts["k2rel/_version.py"], re.MULTILINE)
    assert found is not None, "k2rel/_version.py names the version"
    return found[1]


def prepared(texts: dict[str, str], version: str, date: datetime.date, tags: Sequence[str]) -> dict[str, str]:
    """What the files that name the version say in the release: `texts` are those of before, by name."""
    before = current(texts)
    given, has = numbers(version), numbers(before)
    if given < has:
        raise NotReadyError(f"version {version}: the code has {before} already")
    following = _following(has)
    if given != has and given not in following:
        shown = ", ".join(".".join(map(str, one)) for one in following)
        raise NotReadyError(f"version {version}: what follows {before} is one of {shown}")
    if f"v{version}" in tags:
        raise NotReadyError(f"version {version}: the tag v{version} is there already")
    return {
        "k2rel/_version.py": texts["k2rel/_version.py"].replace(f'"{before}"', f'"{version}"'),
        "CITATION.cff": _cited(texts["CITATION.cff"], version, date),
        "CHANGELOG.md": _logged(texts["CHANGELOG.md"], version, date),
    }


def _cited(text: str, version: str, date: datetime.date) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("date-released:")]
    place = next((n for n, line in enumerate(lines) if line.startswith("version:")), None)
    if place is None:
        raise NotReadyError("CITATION.cff: it has no line 'version: ...'")
    lines[place] = f"version: {version}"
    lines.insert(place + 1, f"date-released: {date.isoformat()}")
    return "\n".join(lines) + "\n"


def _logged(text: str, version: str, date: datetime.date) -> str:
    if text.count(UNRELEASED) != 1:
        raise NotReadyError(f"CHANGELOG.md: the heading '{UNRELEASED.strip()}' is needed once")
    if f"## [{version}]" in text:
        raise NotReadyError(f"CHANGELOG.md: {version} has a section already")
    head, _, rest = text.partition(UNRELEASED)
    entries = re.split(r"^## \[", rest, maxsplit=1, flags=re.MULTILINE)[0]
    if not [line for line in entries.splitlines() if line.strip() and not line.startswith("#")]:
        raise NotReadyError("CHANGELOG.md: nothing stands under Unreleased, so there is nothing to release")
    return f"{head.replace(NOTHING_YET, '')}{UNRELEASED}\n## [{version}] - {date.isoformat()}\n{rest}"


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise NotReadyError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def _texts(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text(encoding="utf-8") for name in _HERE}


def _commit(clone: Path, version: str, date: datetime.date, tags: Sequence[str]) -> None:
    """Write and commit the release in the clone, and show what changed."""
    before = _texts(clone)
    for name, text in prepared(before, version, date, tags).items():
        (clone / name).write_text(text, encoding="utf-8", newline="\n")
        lines = difflib.unified_diff(before[name].splitlines(), text.splitlines(), name, name, n=1, lineterm="")
        print("\n".join(lines))
    for key in ("user.name", "user.email"):
        _git(clone, "config", key, _git(ROOT, "config", key))
    _git(clone, "commit", "--quiet", "--all", "--message", f"release: {version}")


def _release(clone: Path, archives: Archives, version: str) -> None:
    """Take the commit of the clone over into this checkout, tag it, and keep the archives."""
    _git(ROOT, "fetch", "--quiet", str(clone), "HEAD")
    _git(ROOT, "merge", "--quiet", "--ff-only", "FETCH_HEAD")
    _git(ROOT, "tag", "--annotate", f"v{version}", "--message", f"k2rel {version}")
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    for file in archives:
        shutil.copy2(file, dist / file.name)
    print(f"\ntagged v{version}; archives in {dist}. To publish:")
    print(f"  git push origin HEAD v{version}")
    print(f"  python -m twine upload {' '.join(f'dist/{file.name}' for file in archives)}")


def _run(args: argparse.Namespace, work: Path) -> None:
    if args.tag and (changed := _git(ROOT, "status", "--porcelain", "--untracked-files=no")):
        raise NotReadyError(f"the checkout has changes that are not committed:\n{changed}")
    clone = work / "source"
    _git(ROOT, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
    if args.version is not None:
        _commit(clone, args.version, args.date, _git(ROOT, "tag", "--list").split())
    version = current(_texts(clone))
    archives = build(clone, work / "dist")
    tracked = _git(clone, "-c", "core.quotepath=false", "ls-files").splitlines()
    for line in check_contents(archives, tracked, version):
        print(line, flush=True)
    if not args.contents_only:
        for archive in archives:
            for line in check_installed(archive, version, work / archive.suffix.strip(".")):
                print(line, flush=True)
    if args.tag:
        _release(clone, archives, version)
    else:
        print("\nnothing was changed here" + ("" if args.version else "; --version X.Y.Z prepares a release"))


def main(arguments: Sequence[str]) -> int:
    """Build, check and, where asked for, make a release."""
    parser = argparse.ArgumentParser(prog="python -m tasks.release", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--version", metavar="X.Y.Z", help="version of the release")
    parser.add_argument("--tag", action="store_true", help="commit and tag it here, and keep the archives")
    parser.add_argument("--contents-only", action="store_true", help="look into the archives, install nothing")
    today = datetime.datetime.now(datetime.UTC).date()
    parser.add_argument("--date", type=datetime.date.fromisoformat, default=today, help="default: today, UTC")
    args = parser.parse_args(arguments)
    if args.tag and (not args.version or args.contents_only):
        parser.error("--tag: it needs --version, and all checks")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the folder goes, whoever ends it
    with TemporaryDirectory(prefix="k2rel-release-", ignore_cleanup_errors=True) as work:
        try:
            _run(args, Path(work))
        except (NotReadyError, WrongArchiveError) as error:
            print(f"no release: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
