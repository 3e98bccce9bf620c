"""What a batch is to render: every input is read and checked before the first kernel starts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from k2rel.bundled import data_version, input_file, notebook_dir
from k2rel.design.costs import read_costs
from k2rel.design.target_forms import Target
from k2rel.design.targets import read_target
from k2rel.errors import InputError, Problem
from k2rel.report.files import Output
from k2rel.report.render import Job
from k2rel.site.model import Site
from k2rel.site.names import file_stem
from k2rel.site.read import as_sites, pinned_table, read_site
from k2rel.site.settings import setting_text
from k2rel.site.templates import self_contained
from k2rel.studies import Study, free_name, studies_of, study

__all__ = ["COMPARISON", "PAIR", "Options", "as_files", "cell_count", "jobs_of", "pair_job", "read_levels", "resolved"]

COMPARISON = "level_comparison"
PAIR = "two_designs"
"""Notebooks that are about several sites."""


@dataclass(frozen=True)
class Options:
    """What is asked of all reports of a batch."""

    common: Mapping[str, Any]  # parameters that every notebook has
    target: str = ""
    costs: str = ""
    counts: tuple[int, ...] = ()
    head: Mapping[str, str] = field(default_factory=dict)  # title, author, revision, date, where given
    pdf: bool = False

    def parameters(self, **more: Any) -> dict[str, Any]:
        """Parameters of a notebook."""
        return {**self.common, "target": self.target, "results": "", **self.head, **more}


def resolved(file: str | float | Path | None) -> str:
    """A file by its whole path, since notebooks run elsewhere; what is no file as it is; empty for none."""
    if file is None:
        return ""
    found = input_file(str(file))
    return str(found.resolve()) if found.is_file() else str(file)


def as_files(argument: str, levels: Any, output: Output, data: str | None, taken: list[str]) -> list[str]:
    """Levels by name, and files; a site is saved among the pages, under a name that is not taken.

    Examples
    --------
    >>> as_files("levels", ["L1", "mine.yaml"], Output(Path("reports")), None, [])
    ['L1', 'mine.yaml']
    """
    result: list[str] = []
    for item in as_sites(argument, levels):
        if not isinstance(item, Site | Mapping):
            result.append(str(item))
            continue
        site = read_site(item)
        if isinstance(item, Site) and data_version(data).name != site.data:
            raise InputError(f"{argument}: {site.name} is of version {site.data} of the data; say data='{site.data}'")
        output.make("sites")
        name = free_name(file_stem(site.name), taken)
        taken.append(name)
        result.append(str(site.save(output.folder / "sites" / f"{name}.yaml", force=True)))
    return result


def read_levels(
    levels: Sequence[str],
    *,
    clients: int | None,
    repair: str,
    rates: str | None,
    settings: Mapping[str, str] | None,
    data: str | None,
) -> tuple[dict[str, tuple[str, Study]], dict[str, InputError]]:
    """Read levels with the same options; files with mistakes are put aside, where others have none.

    Returns what was asked for and its study by name, and what is wrong by a name for each bad file.
    """
    given: dict[str, Any] = {"clients": clients, "repair": repair, "rates": rates, "data": data}
    wrong: dict[str, InputError] = {}
    try:
        studies = studies_of(levels, settings=settings, **given)
    except InputError:
        for level in levels:
            try:
                study(level, **given)
            except InputError as own:
                if not input_file(level).is_file():
                    raise  # a level that there is not, or an option that fits none
                wrong[level] = own
        if not wrong:
            raise
        if len(wrong) == len(set(levels)):
            raise InputError(list(dict.fromkeys(p for one in wrong.values() for p in one.problems))) from None
        studies = studies_of([level for level in levels if level not in wrong], settings=settings, **given)
    good = [level for level in levels if level not in wrong]
    found = {name: (level, one) for level, (name, one) in zip(good, studies.items(), strict=True)}
    named: dict[str, InputError] = {}
    for level, mistakes in wrong.items():
        named[free_name(Path(level).stem, [*found, *named])] = mistakes
    return found, named


def jobs_of(
    studies: Mapping[str, tuple[str, Study]], options: Options, *, comparison: bool, missing: Sequence[str] = ()
) -> list[Job]:
    """A report for each level, and their comparison; `missing` are those whose files have mistakes."""
    jobs: list[Job] = []
    title = options.head.get("title", "")
    for name, (text, one) in studies.items():
        if name.lower() in {"index", COMPARISON}:
            name += "-site"  # those two pages have names of their own
        wanted = read_target(options.target, one.site) if options.target else {}
        name = file_stem(name, [job.name for job in jobs])
        own = [setting_text(key, value) for key, value in one.site.changed]
        parameters = options.parameters(level=resolved(text), name=name, settings=own)
        called = one.site.title if not title else title if len(studies) == 1 else f"{title}: {one.site.title}"
        jobs.append(
            Job(name, called, notebook_dir() / "level_report.ipynb", parameters, _inputs([one], wanted), options.pdf)
        )
    if comparison:
        more: dict[str, Any] = {"levels": [resolved(text) for text, _ in studies.values()], "costs": options.costs}
        more |= {"counts": list(options.counts)} if options.counts else {}
        more |= {"missing": list(missing)} if missing else {}
        inputs = _of_all([one for _, one in studies.values()], options)
        notebook = notebook_dir() / f"{COMPARISON}.ipynb"
        called = f"{title}: all levels side by side" if title else "All levels side by side"
        jobs.append(Job(COMPARISON, called, notebook, options.parameters(**more), inputs, options.pdf))
    return jobs


def pair_job(pair: Sequence[str], studies: Mapping[str, Study], options: Options, taken: Sequence[str]) -> Job:
    """The page of two designs, under a name of its own."""
    names = list(studies)
    fits = re.fullmatch(r"[\w.-]{1,40}_and_[\w.-]{1,40}", "_and_".join(names), re.ASCII)
    name = free_name(file_stem(fits[0]) if fits else PAIR, ["index", COMPARISON, *taken])
    counts = {"counts": list(options.counts)} if options.counts else {}
    parameters = options.parameters(designs=[resolved(one) for one in pair], name=name, costs=options.costs, **counts)
    title = ": ".join(text for text in (options.head.get("title"), f"{names[0]} and {names[1]}") if text)
    inputs = _of_all(list(studies.values()), options)
    return Job(name, title, notebook_dir() / f"{PAIR}.ipynb", parameters, inputs, options.pdf)


def checked_costs(costs: str, names: Sequence[str]) -> None:
    """Refuse a file of prices that has none for any level."""
    if not costs:
        return
    prices = read_costs(costs).prices
    if not any(("level", name) in prices for name in names):
        raise InputError(Problem(f"no level has a price; add rows such as level,{names[0]},80000", Path(costs).name))


def _of_all(studies: Sequence[Study], options: Options) -> str:
    """Hash of several studies with the targets of all of them and the prices."""
    checked_costs(options.costs, [one.site.name for one in studies])
    aims: dict[str, Target] = {}
    if options.target:
        aims = {name: aim for one in studies for name, aim in read_target(options.target, one.site).items()}
    return _inputs(studies, aims, options.costs)


def _inputs(studies: Sequence[Study], wanted: Mapping[str, Target], costs: str = "") -> str:
    """Hash of the sites as they were read, with every text of them, their laws, the target and the prices."""
    plain: list[Any] = [
        [
            study.provenance.input_hash,
            study.site.data,
            Path(study.site.file).name,
            *(
                _text(str(path))
                for path in (study.site.file, study.rates, pinned_table(study.site.file))
                if path is not None
            ),
            *([text] if (text := self_contained(study.site.file)) is not None else []),
        ]
        for study in studies
    ]
    plain += [_text(costs)] if costs else []
    return hashlib.sha256(json.dumps([plain, wanted], sort_keys=True, default=asdict).encode()).hexdigest()


def _text(path: str) -> str:
    try:
        return input_file(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return path


def cell_count(notebook: Path) -> int:
    """Cells of a notebook as it is executed; papermill adds the one with the parameters."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return len(cells) + 1
