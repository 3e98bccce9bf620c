"""Execute one notebook with papermill, in a kernel of its own; what fails is kept and said."""

from __future__ import annotations

import asyncio
import contextvars
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from k2rel.errors import InputError, RenderError
from k2rel.report.files import check_regular, claimed_name, put_in_place
from k2rel.report.parameters import checked

__all__ = ["execute_notebook", "quiet"]

_CELL_TIMEOUT_S = 600
_ATTEMPTS = 2  # a kernel can fail to start on a machine that is very busy


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings of the notebook libraries to themselves; once around all threads, since filters are global.

    Examples
    --------
    >>> with quiet():
    ...     warnings.warn("not shown")
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def _papermill() -> Any:
    """Import papermill and add our engine."""
    import papermill
    from papermill.engines import NBClientEngine, papermill_engines

    class Engine(NBClientEngine):  # type: ignore[misc]
        """papermill's own engine, which also tells when a cell is done and has kernels of ours."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *, call: Any, **kwargs: Any) -> Any:
            from k2rel.report.kernels import kernel_manager

            call.latest = nb_man
            done = nb_man.cell_complete

            def cell_complete(*args: Any, **more: Any) -> Any:
                if call.on_cell is not None:
                    call.on_cell()
                return done(*args, **more)

            nb_man.cell_complete = cell_complete
            with kernel_manager() as options:
                return super().execute_managed_notebook(nb_man, kernel_name, **kwargs, **options)

    papermill_engines.register("k2rel", Engine)
    return papermill


@contextmanager
def _own_loop() -> Iterator[Callable[..., Any]]:
    """Run something in a context of its own, and close the event loop that the notebook client leaves there."""
    before = contextvars.copy_context()
    context = before.copy()
    try:
        yield context.run
    finally:
        old = [value for value in before.values() if isinstance(value, asyncio.AbstractEventLoop)]
        for value in context.values():
            if isinstance(value, asyncio.AbstractEventLoop) and value not in old and not value.is_closed():
                value.close()


class _Call:
    """One execution: who hears of its cells, and the notebook as far as it is."""

    def __init__(self, on_cell: Callable[[], None] | None) -> None:
        self.on_cell = on_cell
        self.latest: Any = None

    @property
    def started(self) -> bool:
        """Whether any cell has run."""
        return self.latest is not None and any(cell.get("execution_count") for cell in self.latest.nb.cells)


def _checked(papermill: Any, notebook: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Check parameters before a kernel starts, by the rule that the notebook itself follows."""
    declared = {name: found["inferred_type_name"] for name, found in papermill.inspect_notebook(str(notebook)).items()}
    return checked(parameters, declared, notebook.name)


def execute_notebook(
    notebook: Path, output: Path, parameters: Mapping[str, Any], on_cell: Callable[[], None] | None = None
) -> Path:
    """Execute a notebook with parameters of its own; one that fails is kept as ``failed/NAME`` beside the output.

    Examples
    --------
    >>> execute_notebook(Path("none.ipynb"), Path("out.ipynb"), {})
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: there is no notebook none.ipynb
    """
    if not notebook.is_file():
        raise InputError(f"there is no notebook {notebook}")
    with quiet():
        return executed(notebook, output, parameters, on_cell)


def executed(
    notebook: Path, output: Path, parameters: Mapping[str, Any], on_cell: Callable[[], None] | None = None
) -> Path:
    """Execute a notebook as `execute_notebook` does, within `quiet` of the caller; for threads."""
    check_regular(output)
    from k2rel.report.kernels import start_server, times_stopped

    start_server()  # papermill takes as long to import as the kernels' process to start: side by side
    papermill = _papermill()
    import nbformat
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    parameters = _checked(papermill, notebook, parameters)
    call, stopped = _Call(on_cell), times_stopped()
    output.parent.mkdir(parents=True, exist_ok=True)
    failed = output.parent / "failed" / output.name
    with claimed_name(output) as temporary:
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    with _own_loop() as run:
                        run(
                            papermill.execute_notebook,
                            str(notebook),
                            str(temporary).replace("{", "{{").replace("}", "}}"),
                            parameters=parameters,
                            engine_name="k2rel",
                            kernel_name="python3",
                            progress_bar=False,
                            log_output=False,
                            request_save_on_cell_execute=False,
                            autosave_cell_every=0,
                            start_timeout=120,
                            execution_timeout=_CELL_TIMEOUT_S,
                            shutdown_kernel="immediate",  # nothing of a finished kernel is wanted
                            call=call,
                        )
                    break
                except (RuntimeError, DeadKernelError) as error:
                    final = isinstance(error, PapermillExecutionError | CellTimeoutError) or call.started
                    if final or attempt == _ATTEMPTS or times_stopped() != stopped:
                        raise
            _end_lines_alike(temporary)
            put_in_place(temporary, output)
            failed.unlink(missing_ok=True)
            return output
        except (PapermillExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
            failed.parent.mkdir(parents=True, exist_ok=True)
            if temporary.exists() and temporary.stat().st_size:
                _end_lines_alike(temporary)
                put_in_place(temporary, failed)
            elif call.latest is not None:
                nbformat.write(call.latest.nb, str(failed))  # type: ignore[no-untyped-call]
            cells = call.latest.nb.cells if call.latest is not None else ()
            raise RenderError(f"{_cause(error, cells)}; the notebook is kept as {failed}") from None


def _end_lines_alike(notebook: Path) -> None:
    """Let the lines of a notebook end as on every other system; those within its texts are escaped in JSON."""
    raw = notebook.read_bytes()
    if b"\r\n" in raw:
        notebook.write_bytes(raw.replace(b"\r\n", b"\n"))


def _cause(error: Exception, cells: Sequence[Any]) -> str:
    """Name the cell and the cause in one line."""
    name, value = getattr(error, "ename", None), getattr(error, "evalue", None)
    if name is not None:
        lines = str(value).strip().splitlines()
        source = str(getattr(error, "source", "")).strip().splitlines()
        index = getattr(error, "cell_index", "?")
        return f"cell {index} ({source[0][:60] if source else ''}) ended with {name}: {lines[0][:300] if lines else ''}"
    last = None
    for index, cell in enumerate(cells):
        if cell.cell_type == "code" and cell.get("execution_count"):
            last = index
    where = f"after cell {last}" if last is not None else "before the first cell"
    kind = type(error).__name__
    if kind == "CellTimeoutError":
        return f"a cell {where} took longer than {_CELL_TIMEOUT_S} s"
    if kind == "DeadKernelError":
        return f"the kernel ended unexpectedly {where}"
    return f"the kernel did not answer ({str(error).splitlines()[0][:200]})"
