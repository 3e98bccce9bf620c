"""A release: what its files say, what its archives hold, and that they work where nothing else is installed."""

import datetime
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import pytest

import k2rel
from tasks.built import Archives, WrongArchiveError, check_contents
from tasks.packages import licence, range_words
from tasks.release import NotReadyError, current, prepared

ROOT = Path(__file__).parents[1]
DAY = datetime.date(2027, 1, 5)
NEXT = f"{int(k2rel.__version__.split('.')[0]) + 1}.0.0"  # a release that the code of today can become
NAMES = ("k2rel/_version.py", "CITATION.cff", "CHANGELOG.md")
LOG = "# Changelog\n\nNumbers follow Semantic Versioning. Nothing has been released yet.\n\n## [Unreleased]\n\n### Added\n\n- A door.\n"


def texts(**more):
    version = '"""The version."""\n\n__version__ = "0.1.0"\n'
    return {"k2rel/_version.py": version, "CITATION.cff": "title: k\nversion: 0.1.0\n", "CHANGELOG.md": LOG, **more}


def test_version_citation_and_changelog_say_the_same_release() -> None:
    after = prepared(texts(), "0.2.0", DAY, ["v0.1.0"])
    assert after["k2rel/_version.py"].endswith('__version__ = "0.2.0"\n')
    assert after["CITATION.cff"] == "title: k\nversion: 0.2.0\ndate-released: 2027-01-05\n"
    assert after["CHANGELOG.md"] == (
        "# Changelog\n\nNumbers follow Semantic Versioning.\n\n## [Unreleased]\n\n## [0.2.0] - 2027-01-05\n\n"
        "### Added\n\n- A door.\n"
    )
    again = after["CHANGELOG.md"].replace("## [Unreleased]\n", "## [Unreleased]\n\n- A window.\n")
    later = prepared({**after, "CHANGELOG.md": again}, "1.0.0", DAY.replace(year=2028), ["v0.1.0", "v0.2.0"])
    assert re.findall(r"^## .*", later["CHANGELOG.md"], re.MULTILINE) == [
        "## [Unreleased]", "## [1.0.0] - 2028-01-05", "## [0.2.0] - 2027-01-05",
    ]  # fmt: skip
    assert later["CITATION.cff"].count("date-released") == 1


@pytest.mark.parametrize(
    ("version", "given", "tags", "words"),
    [
        ("0.2", {}, [], "three numbers are needed"),
        ("0.2.0rc1", {}, [], "three numbers are needed"),
        ("0.0.9", {}, [], "the code has 0.1.0 already"),
        ("0.20.0", {}, [], "what follows 0.1.0 is one of 0.1.1, 0.2.0, 1.0.0"),
        ("0.1.0", {}, ["v0.1.0"], "the tag v0.1.0 is there already"),
        ("0.2.0", {"CHANGELOG.md": LOG + "\n## [0.2.0] - 2026-01-01\n\n- More.\n"}, [], "0.2.0 has a section already"),
        ("0.2.0", {"CHANGELOG.md": LOG.replace("- A door.", "")}, [], "nothing stands under Unreleased"),
        ("0.2.0", {"CHANGELOG.md": "# Changelog\n"}, [], "is needed once"),
        ("0.2.0", {"CITATION.cff": "title: k\n"}, [], "no line 'version: ...'"),
    ],
)
def test_what_stands_against_a_release_is_said(version, given, tags, words) -> None:
    with pytest.raises(NotReadyError, match=re.escape(words)):
        prepared(texts(**given), version, DAY, tags)


def test_this_checkout_could_be_released_but_for_its_changelog() -> None:
    here = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
    here["CHANGELOG.md"] = here["CHANGELOG.md"].replace("## [Unreleased]\n", "## [Unreleased]\n\n- Something.\n", 1)
    assert current(here) == k2rel.__version__
    assert f"\n## [{NEXT}] - 2027-01-05\n" in prepared(here, NEXT, DAY, [])["CHANGELOG.md"]


TRACKED = ["k2rel/__init__.py", "data/rates.csv", "notebooks/a.ipynb", "LICENSE", "tests/test_a.py"]
INFO = "k2rel-0.1.0.dist-info/"
WHEEL = ["k2rel/__init__.py", "k2rel/data/rates.csv", "k2rel/notebooks/a.ipynb"]
WHEEL += [INFO + name for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")]


def archives(folder, wheel, source):
    made = Archives(folder / "k2rel-0.1.0-py3-none-any.whl", folder / "k2rel-0.1.0.tar.gz")
    with zipfile.ZipFile(made.wheel, "w") as archive:
        for name in wheel:
            archive.writestr(name, "")
    with tarfile.open(made.source, "w:gz") as archive:
        for name in source:
            archive.addfile(tarfile.TarInfo(f"k2rel-0.1.0/{name}"), io.BytesIO())
    return made


@pytest.mark.parametrize(
    ("wheel", "source", "words"),
    [
        ([*WHEEL, "k2rel/__pycache__/a.pyc"], TRACKED, "the wheel has too much: k2rel/__pycache__/a.pyc"),
        ([*WHEEL, "tests/test_a.py"], TRACKED, "the wheel has too much: tests/test_a.py"),
        ([name for name in WHEEL if "rates" not in name], TRACKED, "the wheel lacks: k2rel/data/rates.csv"),
        ([name for name in WHEEL if "LICENSE" not in name], TRACKED, "the wheel lacks: .*licenses/LICENSE"),
        (WHEEL, [*TRACKED, "PKG-INFO", "notes.txt"], "the source archive has too much: notes.txt"),
        (WHEEL, ["PKG-INFO", *TRACKED[1:]], "the source archive lacks: k2rel/__init__.py"),
    ],
)
def test_an_archive_with_too_much_or_too_little_is_no_release(wheel, source, words, tmp_path) -> None:
    with pytest.raises(WrongArchiveError, match=words):
        list(check_contents(archives(tmp_path, wheel, source), TRACKED, "0.1.0"))


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What is committed here, in a checkout of its own."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git, or no checkout")
    folder = tmp_path_factory.mktemp("release") / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    for key, value in {"user.name": "nobody", "user.email": "nobody@example.org"}.items():
        subprocess.run(["git", "-C", str(folder), "config", key, value], check=True)
    log = folder / "CHANGELOG.md"
    log.write_text(log.read_text(encoding="utf-8").replace("## [Unreleased]\n", "## [Unreleased]\n\n- Something.\n", 1))
    subprocess.run(["git", "-C", str(folder), "commit", "--quiet", "--all", "--message", "log"], check=True)
    return folder


@pytest.mark.slow
def test_a_release_is_built_installed_elsewhere_asked_and_tagged(clone) -> None:
    """Everything, as the script says it; the packages that k2rel needs come from the index."""
    words = [sys.executable, "-m", "tasks.release", "--version", NEXT, "--tag"]
    done = subprocess.run(words, cwd=clone, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    for said in (
        "the wheel made of the source archive is the same, file by file",
        f"k2rel-{NEXT}-py3-none-any.whl in an empty environment",
        f"k2rel-{NEXT}.tar.gz in an empty environment",
    ):
        assert said in done.stdout
    assert done.stdout.count("pip check; ") == 2
    tag = subprocess.run(["git", "-C", str(clone), "describe", "--tags"], capture_output=True, text=True, check=True)
    assert tag.stdout == f"v{NEXT}\n"
    assert {path.name for path in (clone / "dist").iterdir()} == {
        f"k2rel-{NEXT}-py3-none-any.whl",
        f"k2rel-{NEXT}.tar.gz",
    }


def package(**said):
    """A package as its metadata describe it."""
    metadata = Message()
    for key, values in said.items():
        for value in values if isinstance(values, list) else [values]:
            metadata[key.replace("_", "-")] = value
    return SimpleNamespace(metadata=metadata)


def test_a_licence_is_told_by_the_expression_else_in_short_words_else_by_the_classifiers() -> None:
    kinds = ["License :: OSI Approved", "License :: OSI Approved :: MIT License", "Topic :: System"]
    assert licence(package(License_Expression="BSD-3-Clause", License="BSD")) == "BSD-3-Clause"
    assert licence(package(License="Apache 2.0", Classifier=kinds)) == "Apache 2.0"
    assert licence(package(License="Permission is hereby granted\n" * 9, Classifier=kinds)) == "MIT License"
    assert licence(package(License="UNKNOWN")) == "as its files say"


def test_pythons_of_a_wheel_stand_as_a_range_and_gaps_are_named() -> None:
    assert [range_words(each) for each in (["3.11", "3.12", "3.13"], ["3.11", "3.13"], ["3.14"], [])] == [
        "3.11 to 3.13", "3.11, 3.13", "3.14", "none",
    ]  # fmt: skip


@pytest.mark.parametrize("page", ["licences", "wheels"])
def test_the_pages_about_packages_know_what_is_installed_with_k2rel(page) -> None:
    """Every direct dependency, of extras too, has its row about licences; compiled ones have one about wheels."""
    text = (ROOT / "docs/reference" / f"{page}.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [
        need for name, all_ in project["optional-dependencies"].items() if name not in ("dev", "docs") for need in all_
    ]
    named = {re.split("[<>=]", need)[0].replace("_", "-").lower() for need in [*project["dependencies"], *extras]}
    if page == "wheels":
        named = {"numpy", "scipy", "pandas", "llvmlite", "numba", "oxidd", "pyarrow", "pydantic-core", "pyzmq"}
    rows = {row.split("|")[1].split()[0].replace("_", "-").lower() for row in text.splitlines() if row.startswith("| ")}
    assert named <= rows
