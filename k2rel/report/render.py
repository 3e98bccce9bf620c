"""One report: execute its notebook, render it as HTML, print it as PDF, and put a manifest beside it.

The manifest says from what the report was made and what its files are, so that a second run leaves alone what is
whole and up to date, whatever stopped the first.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from k2rel._version import __version__
from k2rel.basis import basis_hash
from k2rel.claims import meant
from k2rel.errors import K2relError
from k2rel.report.execute import executed
from k2rel.report.files import held_open, write_whole
from k2rel.report.page import report_page
from k2rel.report.pdf import print_pdf
from k2rel.signs import is_text, plain_signs

__all__ = ["Job", "Report", "render_report", "spoiled", "up_to_date"]

_RENDERING = threading.Lock()
_PLACES = ("results", "level", "levels", "designs", "rates", "target", "costs")  # parameters that say where files lie
_DRAWING = ("matplotlib", "nbconvert")  # what a report shows depends on them too


@dataclass(frozen=True)
class Job:
    """One report to render."""

    name: str
    title: str
    notebook: Path
    parameters: Mapping[str, Any]
    inputs: str = ""  # hash of what figures come from beside notebook, parameters and `k2rel.basis`
    pdf: bool = False
    linked: bool = True  # an index lies beside it

    @property
    def key(self) -> str:
        """Hash of what the report is made from; where it lies does not matter."""
        given = {name: value for name, value in self.parameters.items() if name not in _PLACES}
        what = json.dumps([self.name, self.title, given, self.inputs, self.pdf], sort_keys=True, default=str)
        made_with = basis_hash(*_DRAWING).encode()
        return hashlib.sha256(what.encode() + self.notebook.read_bytes() + made_with).hexdigest()


@dataclass(frozen=True)
class Report:
    """What came out of a job."""

    name: str
    files: tuple[str, ...] = ()  # relative to the folder
    error: str = ""
    kept: bool = False  # it was there already


def _manifest(folder: Path, name: str) -> Path:
    return folder / "results" / f"{name}.manifest.json"


def up_to_date(job: Job, folder: Path) -> Report | None:
    """Find a report that is whole and made from the same inputs.

    Examples
    --------
    >>> from k2rel.bundled import notebook_dir
    >>> up_to_date(Job("L1", "Level 1", notebook_dir() / "level_report.ipynb", {}), Path("nowhere"))
    """
    try:
        data = json.loads(_manifest(folder, job.name).read_text(encoding="utf-8"))
        if data["key"] != job.key:
            return None
        for file, digest in data["files"].items():
            if hashlib.sha256((folder / file).read_bytes()).hexdigest() != digest:
                return None
        return Report(job.name, tuple(data["files"]), kept=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def spoiled(job: Job, folder: Path) -> str:
    """Name a file of a report that would be up to date, but is not what was written.

    Examples
    --------
    >>> from k2rel.bundled import notebook_dir
    >>> spoiled(Job("L1", "Level 1", notebook_dir() / "level_report.ipynb", {}), Path("nowhere"))
    ''
    """
    try:
        data = json.loads(_manifest(folder, job.name).read_text(encoding="utf-8"))
        files = data["files"].items() if data["key"] == job.key else ()
        return next((file for file, digest in files if _changed(folder / file, digest)), "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def _changed(path: Path, digest: str) -> bool:
    """Whether a file is there and is not what was written."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != digest


def render_report(job: Job, folder: Path, on_cell: Callable[[], None] | None = None) -> Report:
    """Make one report, whole or not at all; the caller keeps warnings quiet (`k2rel.report.execute.quiet`).

    Examples
    --------
    >>> import tempfile
    >>> from k2rel.report.execute import quiet
    >>> with tempfile.TemporaryDirectory() as here, quiet():
    ...     render_report(Job("x", "X", Path("none.ipynb"), {}), Path(here)).error
    'the notebook none.ipynb cannot be read: No such file or directory'
    """
    manifest = _manifest(folder, job.name)
    if (name := _no_text(job)) is not None:
        return Report(job.name, error=f"{plain_signs(name)}: this name is not valid text; rename it")
    try:
        key = job.key
        if held := next((file for file in _files_of(manifest) if held_open(folder / file)), None):
            why = "another program has it open, so it cannot be replaced; close it there and run this again"
            return Report(job.name, error=f"{held}: {why}")
        manifest.unlink(missing_ok=True)
        results = folder / "results"
        results.mkdir(parents=True, exist_ok=True)
        notebook = folder / "notebooks" / f"{job.name}.ipynb"
        executed(job.notebook, notebook, {**job.parameters, "results": str(results.resolve())}, on_cell)
        headline = headline_of(folder, job.name)
        page = folder / f"{job.name}.html"
        made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        about = {"made": f"{made} with k2rel {__version__}", **headline.get("about", {})}
        foot = f"k2rel {__version__}, {made}"
        write_whole(page, report_page(job.title, _body(notebook), foot, about, linked=job.linked))
        files = [page, notebook]
        if job.pdf:
            files.append(print_pdf(page, page.with_suffix(".pdf")))
        named = {f"{job.name}.json", *headline.get("files", ())}
        files += [results / name for name in sorted(named) if (results / name).is_file()]
        digests = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        write_whole(manifest, json.dumps({"key": key, "version": __version__, "files": digests}, indent=1) + "\n")
        return Report(job.name, tuple(digests))
    except K2relError as error:
        return Report(job.name, error=str(error))
    except OSError as error:
        where = meant(error.filename) if error.filename else job.name
        if error.filename and Path(error.filename) == job.notebook:
            return Report(job.name, error=f"the notebook {where} cannot be read: {error.strerror}")
        return Report(job.name, error=f"{where} cannot be written: {error.strerror or error}")


def _files_of(manifest: Path) -> tuple[str, ...]:
    """Files that the report before had."""
    try:
        return tuple(map(str, json.loads(manifest.read_text(encoding="utf-8"))["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _no_text(job: Job) -> str | None:
    """A name of a file whose bytes are no text, which a notebook could not hold."""
    texts = (
        text for value in job.parameters.values() for text in (value if isinstance(value, list | tuple) else [value])
    )
    return next((text for text in texts if isinstance(text, str) and not is_text(text)), None)


def headline_of(folder: Path, name: str) -> dict[str, Any]:
    """Read the headline figures that a report saved; none where there are none."""
    try:
        data = json.loads((folder / "results" / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


@cache
def _exporter() -> Any:
    """Outputs and text, no code, nothing from outside."""
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    # the first cell greets who opens the notebook; the page has a title of its own
    config = Config(
        {
            "TagRemovePreprocessor": {
                "enabled": True,
                "remove_cell_tags": ["notebook-only", "injected-parameters"],
            },
            "HTMLExporter": {"preprocessors": ["nbconvert.preprocessors.TagRemovePreprocessor"]},
        }
    )
    return HTMLExporter(  # type: ignore[no-untyped-call]
        config=config,
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )


def _body(notebook: Path) -> str:
    """The rendered notebook."""
    import nbformat

    node = nbformat.read(str(notebook), as_version=4)  # type: ignore[no-untyped-call]
    with _RENDERING:  # the exporter keeps its filters in one place for all threads
        body, _ = _exporter().from_notebook_node(node)
    return str(body)
