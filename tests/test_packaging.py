"""An installed k2rel works from any folder: the wheel holds the data and the notebooks."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import k2rel

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return next(folder.glob("k2rel-*.whl"))


def test_the_wheel_holds_data_notebooks_and_style(wheel) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"k2rel/data/levels/L3R.yaml", "k2rel/data/rates.csv", "k2rel/data/schema.json", "k2rel/py.typed"} <= names
    assert "k2rel/__init__.pyi" in names  # the public names are read from it
    assert {"k2rel/notebooks/level_report.ipynb", "k2rel/report/page.css", "k2rel/data/examples/ab_8_2.yaml"} <= names
    assert {f"k2rel/data/versions/0.1/{name}" for name in ("rates.csv", "levels/L3R.yaml")} <= names


def test_the_installed_package_answers_from_another_folder(wheel, tmp_path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    asked = "main(['check', 'L2R']) or main(['notebooks', 'mine'])"
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from k2rel.cli import main; sys.exit({asked})"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=elsewhere, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert str(site) in run.stdout
    copies = {path.name: path.read_bytes() for path in (elsewhere / "mine").iterdir()}
    assert copies == {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_the_constraints_name_packages_and_versions_only() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, equals, version = line.partition("==")
            assert name and equals and version, line
            assert "/" not in line
            assert "@" not in line


def test_the_citation_has_the_version_of_the_package():
    assert f"\nversion: {k2rel.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_classifiers_name_the_pythons_that_the_page_says_were_tested() -> None:
    page = (ROOT / "docs/how-to/install.md").read_text(encoding="utf-8")
    tested = re.findall(r"^\| (3\.\d+) \|", page, flags=re.M)
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert named == tested
    assert "3.11" in tested
