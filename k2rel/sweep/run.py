"""Run a sweep: every point once, kept by the hash of its inputs, on the cores of this machine or on a cluster.

A point that fails is a row with its error. A run that was stopped, by whatever, is finished by the next one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.basis import basis, basis_hash, sealed, unsealed
from k2rel.bundled import level_names, notebook_dir
from k2rel.claims import meant
from k2rel.columns import counted
from k2rel.errors import InputError, K2relError
from k2rel.extras import has_extra
from k2rel.parallel import LostSchedulerError, as_they_end, connected, is_lost, worker_count
from k2rel.report.execute import quiet
from k2rel.report.files import Output, temporary_folder, whole, write_whole
from k2rel.report.render import Job, render_report
from k2rel.sweep.spec import Point, SweepSpec, check_points, quantity
from k2rel.tables import Shown
from k2rel.textio import harmless

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Sweep", "compute", "run_sweep"]

Row = dict[str, Any]
_CHUNK = 4
_MEASURES = (
    "service", "unavailability", "downtime_min_per_year", "failures_per_year", "mean_downtime_h", "p_overload",
    "single_points", "takeovers_per_year", "method", "takeovers", "error_bound", "input_hash",
)  # fmt: skip
_JUDGED = ("verdict", "p_met")


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Shown):
    """What came out of a sweep.

    Parameters
    ----------
    spec : SweepSpec
        The sweep.
    table : pandas.DataFrame
        A row for each point: what it is, its measures, for each target ``verdict_...`` and ``p_met_...`` (the
        probability that it is met), and ``error``.
    folder : pathlib.Path
        Where ``NAME.csv``, ``NAME.html`` and the kept points lie, and ``NAME.parquet`` with the extra ``parquet``.
    computed, kept, failed : int
        Points that were computed now, were there already, and failed.
    summary_error : str
        Why there is no summary page; empty if there is one.
    damaged : int
        Kept points that were not what had been written, and so were computed again.
    """

    spec: SweepSpec
    table: pd.DataFrame
    folder: Path
    computed: int
    kept: int
    failed: int
    summary_error: str = ""
    damaged: int = 0

    def _line(self) -> str:
        found = f"{self.computed:,} computed, {self.kept:,} kept, {self.failed:,} failed"
        return f"{self.spec.name}: {counted(len(self.table), 'point')}, {found}"


def compute(point: Point) -> Row:
    """Compute one point.

    Examples
    --------
    >>> compute(Point("L2R", 8, "4h", "modelled"))["method"]
    'markov'
    """
    from k2rel.design.comparison import headline
    from k2rel.design.targets import SAMPLES, SURE, draws_for, judged_columns
    from k2rel.measures.solution import AS_MODELLED, IDEAL, solution_of
    from k2rel.organisation import reading
    from k2rel.policy.failover import principal_traffic
    from k2rel.studies import study

    one = study(
        point.level, clients=point.clients, repair=point.repair, rates=point.rates, settings=dict(point.settings),
        data=point.data,
    )  # fmt: skip
    solution = solution_of(one, point.method, reading(point.roles))
    row = headline(solution) | {"error_bound": solution.error_bound}
    # one reading for all points that are asked alike, also where no role moves and both are the same
    row["takeovers"] = IDEAL if point.method == "exact" or point.roles == "ideal" else AS_MODELLED
    row["input_hash"] = one.provenance.input_hash
    judged: Row = {}
    drawn = draws_for(solution, [principal_traffic(one.site)], SAMPLES) if point.targets else None
    for percent in point.targets:
        found = judged_columns(solution, percent, SURE, drawn)
        judged |= {f"{name}_{percent:.10g}": found[name] for name in _JUDGED}
    return {name: _plain(row[name]) for name in _MEASURES} | judged


def _plain(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and plain != plain else plain  # JSON knows no not-a-number


def run_sweep(
    spec: SweepSpec,
    folder: Path | str,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    progress: bool = False,
) -> Sweep:
    """Run a sweep, or what is missing of it.

    Parameters
    ----------
    spec : SweepSpec
        The sweep.
    folder : pathlib.Path or str
        Where results go; points that lie there already are not computed again.
    jobs : int, optional
        Processes; by default one for each core.
    scheduler : str, optional
        Address of a Dask scheduler on whose workers the points are computed; needs the extra ``k2rel[dask]``.
    progress : bool
        Show a progress bar with the time left on standard error.

    Returns
    -------
    Sweep
        The table, also written as CSV and Parquet, with a summary page.

    Raises
    ------
    InputError
        If the folder cannot be written to, or the scheduler does not answer.

    Examples
    --------
    >>> from k2rel.bundled import data_dir
    >>> from k2rel.sweep.spec import read_sweep
    >>> run_sweep(read_sweep(data_dir() / "examples/sweeps/clients.yaml"), "/dev/null/x")
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: --output /dev/null/x: cannot be written to: Not a directory
    """
    from tqdm import tqdm

    at_once = worker_count(jobs)
    check_points(len(spec.points), max((len(p.settings) for p in spec.points), default=0), len(spec.targets))
    folder = Path(folder)
    with Output(folder) as place:
        cache = folder / "points"
        place.make("points", "results", "notebooks")
        made_with = basis()
        code = basis_hash()
        keys = [point.key(spec.files, code) for point in spec.points]
        damaged = 0
        rows: dict[str, Row] = {}
        for key in dict.fromkeys(keys):
            row, whole_file = _kept(cache, key)
            damaged += not whole_file
            if row is not None:
                rows[key] = row
        kept = len(rows)
        todo = [(key, point) for key, point in dict(zip(keys, spec.points, strict=True)).items() if key not in rows]
        try:
            with tqdm(total=len(todo), disable=not progress or not todo, unit="point", file=sys.stderr) as bar:
                found = _here(todo, at_once) if scheduler is None else _there(todo, spec.files, made_with, scheduler)
                for key, row in found:
                    if key in rows:
                        continue
                    rows[key] = row
                    bar.update(1)
                    if "error" not in row:
                        write_whole(cache / f"{key}.json", sealed(key, row))
            table = _table(spec, [rows[key] for key in keys])
            without = _write(spec, folder, table)
        except LostSchedulerError as error:
            raise LostSchedulerError(f"{error}; {_so_far(cache, keys)}") from None
        except OSError as error:
            where = f" {meant(error.filename)}" if error.filename else ""
            raise InputError(
                f"--output {folder}: cannot be written to{where}: {error.strerror or error}; {_so_far(cache, keys)}"
            ) from None
        failed = sum("error" in rows[key] for key in set(keys))
        return Sweep(spec, table, folder, len(todo) - failed, kept, failed, without, damaged)


def _so_far(cache: Path, keys: Sequence[str]) -> str:
    """How much of a run that ends early is not lost: what lies there, for the folder itself may be gone."""
    good = sum((cache / f"{key}.json").is_file() for key in set(keys))
    return f"{good:,} of {len(set(keys)):,} points are kept, and the next run continues from there"


def _kept(cache: Path, key: str) -> tuple[Row | None, bool]:
    """A kept point, and whether what lies there, if anything, is what was written."""
    try:
        row = unsealed(key, (cache / f"{key}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None, True
    except (OSError, ValueError):
        return None, False
    whole_row = row is not None and set(_MEASURES) <= set(row)
    return (row, True) if whole_row else (None, False)


def _chunks(todo: Sequence[tuple[str, Point]], size: int) -> list[list[tuple[str, Point]]]:
    """Points of one site together, since what it compiles to serves them all."""
    result: list[list[tuple[str, Point]]] = []
    for item in todo:
        last = result[-1] if result else []
        alike = last and (last[0][1].level, last[0][1].clients) == (item[1].level, item[1].clients)
        if alike and len(last) < size:
            last.append(item)
        else:
            result.append([item])
    return result


def _computed(chunk: Sequence[tuple[str, Point]]) -> list[tuple[str, Row]]:
    """Compute points; what fails is said in the row."""
    rows = []
    for key, point in chunk:
        try:
            rows.append((key, compute(point)))
        except K2relError as error:
            rows.append((key, {"error": " ".join(str(error).split())[:500]}))
        except MemoryError:
            rows.append((key, {"error": "not enough memory for this site"}))
        except Exception as error:  # a row of its own, and the other points go on
            rows.append((key, {"error": f"a defect in k2rel: {type(error).__name__}: {str(error)[:300]}"}))
    return rows


def _as_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it: a worker has both ends of its pipes, so it would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _here(todo: Sequence[tuple[str, Point]], at_once: int) -> Iterator[tuple[str, Row]]:
    """Compute in processes; where one dies, its points are tried again, each by itself."""
    left = dict(todo)
    for size in (_CHUNK, 1):
        try:
            for key, row in _pooled(_chunks(list(left.items()), size), at_once if size > 1 else 1):
                left.pop(key, None)
                yield key, row
        except BrokenProcessPool:
            continue
        if not left:
            return
    # the point that brought the process down is the first that is left; the others go on without it
    while left:
        key = next(iter(left))
        left.pop(key)
        yield key, {"error": "the process that computed this point ended unexpectedly, twice"}
        try:
            for other, row in _pooled(_chunks(list(left.items()), 1), 1):
                left.pop(other, None)
                yield other, row
        except BrokenProcessPool:
            continue


def _pooled(chunks: Sequence[Sequence[tuple[str, Point]]], at_once: int) -> Iterator[tuple[str, Row]]:
    if not chunks:
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(at_once, len(chunks)), mp_context=context, initializer=_as_worker)
    waiting = list(reversed(chunks))
    pending: set[Future[list[tuple[str, Row]]]] = set()
    try:
        while waiting or pending:
            while waiting and len(pending) < 2 * at_once:
                pending.add(pool.submit(_computed, waiting.pop()))
            done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _there(
    todo: Sequence[tuple[str, Point]], files: Mapping[str, str], made_with: Mapping[str, str], address: str
) -> Iterator[tuple[str, Row]]:
    """Compute on a cluster; points whose worker dies are computed by another one, and counted once."""
    if not todo:
        return
    with connected(address) as client:
        futures = {}
        for chunk in _chunks(todo, _CHUNK):
            needed = {name for _, p in chunk for name in (p.level, p.rates, p.pin) if name is not None}
            own = {name: content for name, content in files.items() if name in needed}
            futures[client.submit(_remote, chunk, own, dict(made_with), pure=False, retries=5)] = chunk
        for future in as_they_end(client, list(futures)):
            try:
                yield from future.result()
            except Exception as error:
                if is_lost(client, error):
                    raise
                message = f"the cluster could not compute it: {type(error).__name__}: {str(error)[:200]}"
                yield from ((key, {"error": message}) for key, _ in futures[future])


def _remote(
    chunk: Sequence[tuple[str, Point]], files: Mapping[str, str], made_with: Mapping[str, str] | None = None
) -> list[tuple[str, Row]]:
    """On a worker, which may not have the files: put them down and compute."""
    mine = basis()
    other = [name for name in made_with or () if mine[name] != (made_with or {})[name]]
    if other:  # its figures would be kept under a key that is not theirs
        different = ", ".join(f"{name} {mine[name][:16]}, here {(made_with or {})[name][:16]}" for name in other)
        error = f"the worker has other code, data or packages than this machine: {different}"
        return [(key, {"error": error}) for key, _ in chunk]
    with temporary_folder() as here:
        placed = {}
        for number, (name, content) in enumerate(files.items()):
            if name in level_names():
                continue
            path = here / str(number) / Path(name).name
            path.parent.mkdir()
            path.write_text(content, encoding="utf-8", newline="\n")
            placed[name] = str(path)
        for _, point in chunk:
            if point.pin is not None and point.level in placed:
                beside = Path(placed[point.level]).with_name(Path(point.pin).name)
                beside.write_text(files[point.pin], encoding="utf-8", newline="\n")
        moved = [
            (key, replace(p, level=placed.get(p.level, p.level), rates=placed.get(p.rates or "", p.rates)))
            for key, p in chunk
        ]
        return _computed(moved)


def _table(spec: SweepSpec, rows: Sequence[Row]) -> pd.DataFrame:
    """A tidy table: what each point is, its measures, targets, error."""
    import pandas as pd

    names = _names(dict.fromkeys(p.level for p in spec.points))
    frame = pd.DataFrame(
        {
            "level": [names[p.level] for p in spec.points],
            "clients": pd.array([p.clients for p in spec.points], dtype="Int64"),
            "repair": [p.repair for p in spec.points],
            "roles": [p.roles for p in spec.points],
        }
    )
    for key in dict(spec.points[0].settings):
        name, values = _column(key, [dict(p.settings)[key] for p in spec.points])
        frame[name] = values
    for name in _MEASURES:
        frame[name] = [row.get(name) for row in rows]
    for name in (f"{name}_{percent:.10g}" for percent in spec.targets for name in _JUDGED):
        frame[name] = [row.get(name) for row in rows]
    frame["error"] = [row.get("error", "") for row in rows]
    return frame


def _names(levels: Iterable[str]) -> dict[str, str]:
    """How the table calls levels: site files by their name, with as many folders as tell two of one name apart."""
    named = dict.fromkeys(levels, 1)
    while True:
        shown = {
            level: level if level in level_names() else "/".join(Path(level).parts[-depth:])
            for level, depth in named.items()
        }
        alike = [level for level in named if list(shown.values()).count(shown[level]) > 1]
        longer = [level for level in alike if level not in level_names() and named[level] < len(Path(level).parts)]
        if not longer:
            return shown
        named |= {level: named[level] + 1 for level in longer}


def _column(key: str, texts: Sequence[str]) -> tuple[str, list[Any]]:
    """Values as numbers where all have one unit, which then stands in the name of the column."""
    read = [quantity(text) for text in texts]
    units = {unit for _, unit in read}
    if len(units) == 1 and None not in units:
        (unit,) = units
        return (f"{key} [{unit}]" if unit else key), [value for value, _ in read]
    return key, list(texts)


def _write(spec: SweepSpec, folder: Path, table: pd.DataFrame) -> str:
    """Write the table and the summary; say why there is no summary."""
    csv = folder / f"{spec.name}.csv"
    write_whole(csv, table.map(harmless).to_csv(index=False, lineterminator="\n"))
    parquet = folder / f"{spec.name}.parquet"
    if has_extra("parquet"):
        with whole(parquet) as temporary:
            table.to_parquet(temporary, index=False)
    else:
        parquet.unlink(missing_ok=True)  # of an earlier run, which had other points
    parameters = {
        "table": str(csv.resolve()),
        "axes": [_axis(name, table) for name in spec.axes],
        "sampled": spec.sampled,
    }
    job = Job(spec.name, f"Sweep: {spec.name}", notebook_dir() / "sweep_summary.ipynb", parameters, linked=False)
    with quiet():
        return render_report(job, folder).error


def _axis(name: str, table: pd.DataFrame) -> str:
    return next(
        (str(column) for column in table.columns if column == name or str(column).startswith(f"{name} [")), name
    )
