"""Many reports: checked before the first kernel starts, rendered side by side or on a cluster, linked in an index.

Each report stands for itself: one that fails leaves the others and is named with its cause. What is whole and up to
date is left alone, so that a run that was stopped is finished by the next one.
"""

from __future__ import annotations

import csv
import io
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from k2rel._version import __version__
from k2rel.arguments import as_seed, as_whole
from k2rel.basis import basis_hash
from k2rel.bundled import data_version
from k2rel.columns import counted
from k2rel.design.targets import SURE, checked_sure
from k2rel.errors import InputError, K2relError
from k2rel.measures.solution import checked_method
from k2rel.organisation import Organisation
from k2rel.parallel import as_they_end, connected, is_lost, worker_count
from k2rel.report.execute import quiet
from k2rel.report.files import Output, temporary_folder, whole, write_whole
from k2rel.report.jobs import COMPARISON, PAIR, Options, as_files, cell_count, jobs_of, pair_job, read_levels, resolved
from k2rel.report.page import Entry, index_page
from k2rel.report.pdf import NO_CHROMIUM, chromium
from k2rel.report.render import Job, Report, headline_of, render_report, spoiled, up_to_date
from k2rel.site.read import SiteLike, pinned_table
from k2rel.site.templates import self_contained
from k2rel.studies import studies_of
from k2rel.tables import Shown

__all__ = ["Rendered", "render_reports"]

_HISTORY = (
    "unavailability",
    "downtime_min_per_year",
    "failures_per_year",
    "p_overload",
    "clients",
    "method",
    "takeovers",
    "input_hash",
    "data",
    "basis",
    "target",
    "verdict",
    "p_met",
)


@dataclass(frozen=True, repr=False)
class Rendered(Shown):
    """What came out of a batch.

    Parameters
    ----------
    index : pathlib.Path
        The index page.
    reports : tuple of pathlib.Path
        HTML pages that are there.
    failures : tuple of str
        For each report that failed: its name, the cell and the cause.
    kept : tuple of str
        Names of those that were there already, made from the same inputs.
    notes : tuple of str
        What else the user should know, such as why there is no PDF.
    """

    index: Path
    reports: tuple[Path, ...]
    failures: tuple[str, ...]
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def _line(self) -> str:
        return (
            f"{counted(len(self.reports), 'report')}, {len(self.failures)} failed, {len(self.kept)} kept: {self.index}"
        )


def render_reports(
    levels: Sequence[SiteLike] | SiteLike,
    output: Path | str = "reports",
    *,
    comparison: bool = True,
    compare: Sequence[SiteLike] | None = None,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
    data: str | None = None,
    target: str | float | None = None,
    sure: float = SURE,
    costs: str | Path | None = None,
    counts: Sequence[int] = (),
    title: str = "",
    author: str = "",
    revision: str = "",
    date: str = "",
    seed: int = 1,
    method: str = "auto",
    roles: str = "modelled",
    pdf: bool = False,
    jobs: int | None = None,
    scheduler: str | None = None,
    progress: bool = False,
) -> Rendered:
    """Render a report for each level, their comparison, and an index.

    Parameters
    ----------
    levels : sequence of str or pathlib.Path
        Levels by name, or site files; a file with mistakes is named in the index, and the others are made. Sites, which
        are saved under ``sites/`` in the folder, as `Site.save` does.
    output : pathlib.Path or str
        Folder for the pages; ``results/`` in it gets the tables, ``notebooks/`` the executed notebooks.
    comparison : bool
        Whether to put them side by side in a report of its own.
    compare : sequence of two, optional
        Two levels or site files that get a page on what differs between them.
    clients, repair, rates, settings, data
        As for `k2rel.study`, for all levels.
    target : str or float, optional
        Availability that is asked for [%], or a file with one by service; each report then says whether it is met,
        and what would help most.
    sure : float
        Probability from which a target counts as met (`judge`).
    costs : str or pathlib.Path, optional
        File of prices; its rows ``level,NAME,PRICE`` are what the levels cost (`recommend`).
    counts : sequence of int
        Numbers of clients that the comparison asks about; none: its own.
    title, author, revision, date : str
        What stands at the head of the pages, before what the site files say.
    seed : int
        Seed of the samples.
    method : {"auto", "exact", "markov", "simulation"}
        Who answers, in all of them.
    roles : {"modelled", "ideal"}
        Takeovers as modelled, or ideal: instant and certain, roles at the preferred side.
    pdf : bool
        Print each page, where there is a Chromium.
    jobs : int, optional
        Reports at the same time; by default one for each core.
    scheduler : str, optional
        Address of a Dask scheduler on whose workers the reports are made; needs the extra ``k2rel[dask]``. The files
        come back to `output`.
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
    k2rel.errors.InputError: there is no level, design or file 'L9'; known: L1, ...
    """
    from tqdm import tqdm

    output = Path(output)
    with Output(output) as place:
        at_once, seed = worker_count(jobs), as_seed(seed)
        saved: list[str] = []
        pair = [] if compare is None else as_files("compare", compare, place, data, saved)
        if compare is not None and len(pair) != 2:
            raise InputError(f"compare: two levels or site files are needed, got {len(pair)}")
        named = [] if pair and not levels else as_files("levels", levels, place, data, saved)
        clients = None if clients is None else as_whole("clients", clients, 1)
        common: dict[str, Any] = {
            "clients": clients or 0,
            "repair": repair,
            "rates": resolved(rates),
            "settings": [f"{key}={value}" for key, value in (settings or {}).items()],
            "data": data_version(data).name if data is not None else "",
            "sure": 100 * checked_sure(sure),
            "seed": seed,
            **_reading(method, roles),
        }
        notes = [NO_CHROMIUM] if pdf and chromium() is None else []
        head = {"title": title, "author": author, "revision": revision, "date": date}
        options = Options(
            common, resolved(target), resolved(costs), tuple(as_whole("counts", count, 1, 10_000) for count in counts),
            {key: str(value) for key, value in head.items() if value}, pdf and not notes,
        )  # fmt: skip
        given: dict[str, Any] = {
            "clients": clients, "repair": repair, "rates": common["rates"] or None, "settings": settings, "data": data
        }  # fmt: skip
        studies, wrong = read_levels(named, **given) if named else ({}, {})
        comparison = comparison and len(studies) > (1 if wrong else 0)
        if (costs or counts) and not (comparison or pair or wrong):
            raise InputError(f"{'costs' if costs else 'counts'}: for a comparison; name two levels or more")
        todo = jobs_of(studies, options, comparison=comparison, missing=list(wrong))
        if pair:
            todo.append(pair_job(pair, studies_of(pair, **given), options, [job.name for job in todo]))
        place.make("results", "notebooks")
        found = {job.name: kept for job in todo if (kept := up_to_date(job, output)) is not None}
        missing = [job for job in todo if job.name not in found]
        notes += [
            f"{job.name}: {file} has been changed; the report is rendered again"
            for job in missing
            if (file := spoiled(job, output))
        ]
        cells = sum(cell_count(job.notebook) for job in missing)
        try:
            with tqdm(total=cells, disable=not progress or not missing, unit="cell", file=sys.stderr) as bar, quiet():
                where = (
                    _here(missing, output, at_once, bar)
                    if scheduler is None
                    else _there(missing, output, scheduler, bar)
                )
                for report in where:
                    found[report.name] = report
                    if not report.error and (missed := _remember(output, report.name)):
                        notes.append(missed)
        finally:
            index = output / "index.html"
            none = "not made: the run was stopped"
            entries = {job.name: _entry(found.get(job.name, Report(job.name, error=none)), output) for job in todo}
            across = [entries.pop(job.name) for job in todo if job.notebook.stem in (COMPARISON, PAIR)]
            bad = [Entry(name, None, {}, str(error)) for name, error in wrong.items()]
            foot = f"k2rel {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M UTC}"
            try:
                write_whole(index, index_page([*entries.values(), *bad], across, foot, options.head))
            except OSError as error:
                notes.append(f"index.html cannot be written: {error.strerror or error}")
        done = [found[job.name] for job in todo]
        return Rendered(
            index,
            tuple(output / f"{report.name}.html" for report in done if not report.error),
            (
                *(f"{name}: {error}" for name, error in wrong.items()),
                *(f"{report.name}: {report.error}" for report in done if report.error),
            ),
            tuple(report.name for report in done if report.kept),
            tuple(notes),
        )


def _reading(method: str, roles: str) -> dict[str, str]:
    """Check who is to answer, and how takeovers are read."""
    return {"method": checked_method(method), "roles": Organisation(roles=roles).roles}


def _here(jobs: Sequence[Job], output: Path, at_once: int, bar: Any) -> Iterator[Report]:
    """Render on this machine, some at a time; Ctrl-C ends what is under way."""
    from k2rel.report.kernels import stop_server

    pool = ThreadPoolExecutor(max(1, min(at_once, len(jobs))))
    pending: set[Future[Report]] = {pool.submit(render_report, job, output, lambda: bar.update(1)) for job in jobs}
    try:
        while pending:
            done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        stop_server()  # its kernels die with it, and with them what is under way
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _there(jobs: Sequence[Job], output: Path, address: str, bar: Any) -> Iterator[Report]:
    """Render on a cluster; a report whose worker dies is made again by another one, and stored once."""
    with connected(address) as client:
        named = {client.submit(_remote, _shipped(job), pure=False, retries=5): job for job in jobs}
        for future in as_they_end(client, list(named)):
            job = named[future]
            try:
                report, files = future.result()
                for name, content in files.items():
                    path = output / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with whole(path) as temporary:
                        temporary.write_bytes(content)
            except K2relError as error:
                report = Report(job.name, error=str(error))
            except Exception as error:
                if is_lost(client, error):
                    raise
                if isinstance(error, OSError):
                    words = f"cannot be written: {error.strerror or error}"
                else:
                    words = f"the cluster could not render it: {type(error).__name__}: {str(error)[:200]}"
                report = Report(job.name, error=words)
            bar.update(cell_count(job.notebook))
            yield report


def _shipped(job: Job) -> tuple[Job, bytes, dict[str, bytes]]:
    """A job with its notebook and input files, for a machine that does not have them."""
    files: dict[str, bytes] = {}
    numbers = itertools.count()

    def sent(value: Any) -> Any:
        if isinstance(value, list):
            return [sent(item) for item in value]
        if isinstance(value, str) and Path(value).is_absolute() and Path(value).is_file():
            folder = next(numbers)
            name = f"{folder}/{Path(value).name}"
            blocks = self_contained(value)
            files[name] = Path(value).read_bytes() if blocks is None else blocks.encode()
            pinned = pinned_table(value)
            if pinned is not None:
                files[f"{folder}/{pinned.name}"] = pinned.read_bytes()
            return f"//{name}"
        return value

    parameters = {key: sent(value) for key, value in job.parameters.items()}
    return replace(job, notebook=Path(job.notebook.name), parameters=parameters), job.notebook.read_bytes(), files


def _remote(shipped: tuple[Job, bytes, dict[str, bytes]]) -> tuple[Report, dict[str, bytes]]:
    """On a worker: put the files down, render, and give back what was made."""
    job, notebook, inputs = shipped
    with temporary_folder() as here, quiet():
        for name, content in inputs.items():
            path = here / "inputs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (here / job.notebook.name).write_bytes(notebook)

        def placed(value: Any) -> Any:
            if isinstance(value, list):
                return [placed(item) for item in value]
            return str(here / "inputs" / value[2:]) if isinstance(value, str) and value.startswith("//") else value

        parameters = {key: placed(value) for key, value in job.parameters.items()}
        output = here / "output"
        done = render_report(replace(job, notebook=here / job.notebook.name, parameters=parameters), output)
        files = {p.relative_to(output).as_posix(): p.read_bytes() for p in sorted(output.rglob("*")) if p.is_file()}
    # the manifest last: a report without it is made again
    return done, dict(sorted(files.items(), key=lambda item: item[0].endswith(".manifest.json")))


def _entry(report: Report, output: Path) -> Entry:
    if report.error:
        return Entry(report.name, None, {}, report.error)
    return Entry(report.name, f"{report.name}.html", headline_of(output, report.name))


def _remember(output: Path, name: str) -> str:
    """Keep the headline figures of every different report, for comparison with later ones; say why that cannot be."""
    headline = headline_of(output, name)
    if "unavailability" not in headline:
        return ""
    path = output / "results" / f"{name}.history.csv"
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, csv.Error):
        rows = []
    made_with = {"version": __version__, "basis": basis_hash()[:16]}
    row = {key: str(headline.get(key, "")) for key in _HISTORY} | made_with
    if rows and {key: rows[-1].get(key) for key in row} == row:
        return ""
    rows.append({"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}", **row})
    text = io.StringIO()
    writer = csv.DictWriter(text, ["date", "version", *_HISTORY], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        write_whole(path, text.getvalue())
    except OSError as error:
        return f"{path.name} cannot be written: {error.strerror or error}"
    return ""
