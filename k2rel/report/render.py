"""Execute the notebooks with papermill, render them as HTML, link them in an index.

Each report stands for itself: one that fails leaves the others, is kept as a notebook to look at, and is named
with the cell that failed. Output is written under a temporary name and moved in place.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import k2rel
from k2rel.bundled import notebook_dir
from k2rel.errors import InputError, RenderError
from k2rel.measures.comparison import studies_of
from k2rel.report.files import remove_leftovers, temporary_name, write_whole
from k2rel.report.page import Entry, index_page, report_page

__all__ = ["Rendered", "execute_notebook", "render_reports"]

_LEVEL_NOTEBOOK = "level_report.ipynb"
_COMPARISON_NOTEBOOK = "level_comparison.ipynb"
_CELL_TIMEOUT_S = 600


@dataclass(frozen=True)
class Rendered:
    """What came out of a batch.

    Parameters
    ----------
    index : pathlib.Path
        The index page.
    reports : tuple of pathlib.Path
        HTML pages that were rendered.
    failures : tuple of str
        For each report that failed: its name, the cell and the cause.
    """

    index: Path
    reports: tuple[Path, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True)
class _Job:
    """One report to render."""

    name: str
    title: str
    notebook: Path
    parameters: dict[str, Any]


def _papermill() -> Any:
    """Import papermill without the slow optional format checkers of its schema validation.

    The package rfc3987_syntax, which JupyterLab brings along, builds parsers for a second at import in each
    process that validates notebooks; jsonschema treats it as absent when it cannot be imported.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import papermill
    return papermill


@contextmanager
def _sockets() -> Iterator[dict[str, Any]]:
    """Let a kernel talk over sockets in a folder of its own, not over TCP ports that another one may take."""
    if os.name != "posix":
        yield {}
        return
    from jupyter_client.manager import AsyncKernelManager

    folder = tempfile.mkdtemp(prefix="k2rel-")

    class Manager(AsyncKernelManager):
        """A kernel manager whose kernels use sockets in `folder`."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**{**kwargs, "transport": "ipc", "ip": f"{folder}/k"})

    try:
        yield {"kernel_manager_class": Manager}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_parameters(papermill: Any, notebook: Path, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that the notebook does not have; papermill would only log and use defaults."""
    known = set(papermill.inspect_notebook(str(notebook)))
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise InputError(f"{notebook.name} has no parameter {', '.join(unknown)}; it has {', '.join(sorted(known))}")


def execute_notebook(
    notebook: Path, output: Path, parameters: Mapping[str, Any], on_cell: Callable[[], None] | None = None
) -> Path:
    """Execute a notebook with parameters.

    Parameters
    ----------
    notebook : pathlib.Path
        The notebook, with a cell tagged ``parameters``.
    output : pathlib.Path
        Where the executed notebook is kept; moved in place when it is whole.
    parameters : mapping of str to object
        Plain values only.
    on_cell : callable, optional
        Called after each cell, for a progress bar.

    Returns
    -------
    pathlib.Path
        `output`.

    Raises
    ------
    InputError
        If the notebook has no such parameter.
    RenderError
        If a cell fails, takes over ten minutes, or the kernel dies. The partly executed notebook is then
        kept as ``failed/NAME`` beside the output.

    Examples
    --------
    >>> execute_notebook(Path("none.ipynb"), Path("out.ipynb"), {})
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: there is no notebook none.ipynb
    """
    if not notebook.is_file():
        raise InputError(f"there is no notebook {notebook}")
    papermill = _papermill()
    import nbformat
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.engines import NBClientEngine, papermill_engines
    from papermill.exceptions import PapermillExecutionError

    _check_parameters(papermill, notebook, parameters)
    latest: list[Any] = []

    class Engine(NBClientEngine):  # type: ignore[misc]
        """papermill's own engine, which also tells when a cell is done."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
            latest.append(nb_man)
            done = nb_man.cell_complete

            def cell_complete(*args: Any, **more: Any) -> Any:
                if on_cell is not None:
                    on_cell()
                return done(*args, **more)

            nb_man.cell_complete = cell_complete
            with _sockets() as options:
                return super().execute_managed_notebook(nb_man, kernel_name, **kwargs, **options)

    papermill_engines.register("k2rel", Engine)
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(output)
    failed = output.parent / "failed" / output.name
    attempts = 2  # a kernel can lose its ports to another process between choosing and binding them
    try:
        for attempt in range(attempts):
            latest.clear()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    papermill.execute_notebook(
                        str(notebook),
                        str(temporary).replace("{", "{{").replace("}", "}}"),
                        parameters=dict(parameters),
                        engine_name="k2rel",
                        kernel_name="python3",
                        progress_bar=False,
                        log_output=False,
                        request_save_on_cell_execute=False,
                        autosave_cell_every=0,
                        start_timeout=120,
                        execution_timeout=_CELL_TIMEOUT_S,
                        shutdown_kernel="immediate",  # nothing of a finished kernel is wanted
                    )
                break
            except (RuntimeError, DeadKernelError) as error:
                started = bool(latest) and any(c.get("execution_count") for c in latest[0].nb.cells)
                if isinstance(error, PapermillExecutionError | CellTimeoutError) or started or attempt + 1 == attempts:
                    raise
        os.replace(temporary, output)
        failed.unlink(missing_ok=True)
        return output
    except (PapermillExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
        failed.parent.mkdir(parents=True, exist_ok=True)
        if temporary.exists():
            os.replace(temporary, failed)
        elif latest:
            nbformat.write(latest[0].nb, str(failed))  # type: ignore[no-untyped-call]
        raise RenderError(f"{_cause(error, latest)}; the notebook is kept as {failed}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _cause(error: Exception, latest: Sequence[Any]) -> str:
    """Name the cell and the cause in one line."""
    name, value = getattr(error, "ename", None), getattr(error, "evalue", None)
    if name is not None:
        lines = str(value).strip().splitlines()
        source = str(getattr(error, "source", "")).strip().splitlines()
        index = getattr(error, "cell_index", "?")
        return f"cell {index} ({source[0][:60] if source else ''}) ended with {name}: {lines[0][:300] if lines else ''}"
    last = None
    for index, cell in enumerate(latest[0].nb.cells if latest else ()):
        if cell.cell_type == "code" and cell.get("execution_count"):
            last = index
    where = f"after cell {last}" if last is not None else "before the first cell"
    kind = type(error).__name__
    if kind == "CellTimeoutError":
        return f"a cell {where} took longer than {_CELL_TIMEOUT_S} s"
    if kind == "DeadKernelError":
        return f"the kernel died {where}"
    return f"the kernel did not answer ({str(error).splitlines()[0][:200]})"


def _to_html(executed: Path, target: Path, title: str) -> None:
    """Render an executed notebook: outputs and text, no code, nothing from outside."""
    import nbformat
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exporter = HTMLExporter(  # type: ignore[no-untyped-call]
            config=config,
            template_name="basic",
            exclude_input=True,
            exclude_input_prompt=True,
            exclude_output_prompt=True,
        )
        notebook = nbformat.read(str(executed), as_version=4)  # type: ignore[no-untyped-call]
        body, _ = exporter.from_notebook_node(notebook)
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    write_whole(target, report_page(title, body, f"k2rel {k2rel.__version__}, {made}"))


def render_reports(
    levels: Sequence[str | Path],
    output: Path | str = "reports",
    *,
    comparison: bool = True,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
    seed: int = 1,
    progress: bool = False,
) -> Rendered:
    """Render a report for each level, their comparison, and an index.

    Parameters
    ----------
    levels : sequence of str or pathlib.Path
        Levels by name, or site files.
    output : pathlib.Path or str
        Folder for the pages; ``results/`` in it gets the tables, ``notebooks/`` the executed notebooks.
    comparison : bool
        Whether to put them side by side in a report of its own.
    clients, repair, rates, settings
        As for `k2rel.study`, for all levels.
    seed : int
        Kept with the reports; the exact engine draws no random number.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Rendered
        The index, the pages, and what failed.

    Raises
    ------
    InputError
        Before anything is rendered: if a level cannot be read or an option does not fit.

    Examples
    --------
    >>> render_reports(["L9"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: there is no level or file 'L9'; known: L1, ...
    """
    from tqdm import tqdm

    output = Path(output)
    chosen = [f"{key}={value}" for key, value in (settings or {}).items()]
    common: dict[str, Any] = {
        "clients": clients or 0,
        "repair": repair,
        "rates": str(Path(rates).resolve()) if rates is not None else "",
        "settings": chosen,
        "seed": seed,
    }
    jobs = _jobs(levels, output, comparison, common, clients, settings)
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / "results").mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=output):
            pass
    except OSError as error:
        raise InputError(f"--output {output}: cannot be written to: {error.strerror or error}") from None
    remove_leftovers([output, output / "results", output / "notebooks"])
    cells = sum(_cell_count(job.notebook) for job in jobs)
    entries: list[Entry] = []
    failures: list[str] = []
    pages: list[Path] = []
    with tqdm(total=cells, disable=not progress, unit="cell", file=sys.stderr) as bar:
        for job in jobs:
            bar.set_description(f"{job.name:>16}")
            before = bar.n

            def advance() -> None:
                bar.update(1)

            try:
                executed = output / "notebooks" / f"{job.name}.ipynb"
                execute_notebook(job.notebook, executed, job.parameters, advance)
                page = output / f"{job.name}.html"
                _to_html(executed, page, job.title)
                pages.append(page)
                entries.append(Entry(job.name, page.name, _headline(output, job.name)))
            except RenderError as error:
                failures.append(f"{job.name}: {error}")
                entries.append(Entry(job.name, None, {}, str(error)))
            bar.update(max(0, _cell_count(job.notebook) - (bar.n - before)))
    compared = entries.pop() if comparison else None
    foot = f"k2rel {k2rel.__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M UTC}"
    index = output / "index.html"
    write_whole(index, index_page(entries, compared, foot))
    return Rendered(index, tuple(pages), tuple(failures))


def _jobs(
    levels: Sequence[str | Path],
    output: Path,
    comparison: bool,
    common: dict[str, Any],
    clients: int | None,
    settings: Mapping[str, str] | None,
) -> list[_Job]:
    """Check every input before the first kernel starts, and list what is to be rendered."""
    absolute = [str(Path(level).resolve()) if Path(str(level)).is_file() else str(level) for level in levels]
    studies = studies_of(
        absolute, clients=clients, repair=common["repair"], rates=common["rates"] or None, settings=settings
    )
    results = str((output / "results").resolve())
    jobs = []
    for text, (name, one) in zip(absolute, studies.items(), strict=True):
        own = [f"{key}={value}" for key, value in one.site.changed]
        if name.lower() in {"index", _COMPARISON_NOTEBOOK.removesuffix(".ipynb")}:
            name += "-site"  # those two pages have names of their own
        parameters = {"level": text, "name": name, **common, "settings": own, "results": results}
        jobs.append(_Job(name, one.site.title, notebook_dir() / _LEVEL_NOTEBOOK, parameters))
    if comparison:
        parameters = {"levels": absolute, **common, "results": results}
        jobs.append(
            _Job(
                "level_comparison",
                "All levels side by side",
                notebook_dir() / _COMPARISON_NOTEBOOK,
                parameters,
            )
        )
    return jobs


def _cell_count(notebook: Path) -> int:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return len(cells) + 1  # papermill adds the one with the parameters


def _headline(output: Path, name: str) -> dict[str, Any]:
    try:
        data = json.loads((output / "results" / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
