"""For each kind of input: how one is drawn by its number, what k2rel makes of it here, and the command that takes it."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import k2rel
from k2rel.bundled import notebook_dir
from tests.fuzz import held, spoil, states, well_formed

Use = Callable[[Path, "Case", random.Random], str]


class Case(NamedTuple):
    """An input: files by name, and what else is given; by what command it is tried."""

    files: Mapping[str, bytes]
    words: tuple[str, ...]
    given: Any = None


class Kind(NamedTuple):
    """A kind of input; `use` says what became of it, and raises `K2relError` where it is refused."""

    draw: Callable[[random.Random], Case]
    use: Use


def _times(chance: random.Random) -> int:
    """How many changes: often one, since two mistakes hide each other."""
    return chance.choice((0, 1, 1, 1, 1, 2, 2, 3, 5))


@cache
def _known_of(kind: str) -> dict[str, list[Any]]:
    chance = random.Random(kind)
    if kind == "sites":
        larger = [draw(number) for draw in well_formed.LARGER for number in range(4)]
        return spoil.values_by_key(
            [*well_formed.shipped_sites(), *larger, *(well_formed.little_site(chance) for _ in range(60))]
        )
    draw = {"sweeps": well_formed.sweep, "circumstances": well_formed.circumstances}[kind]
    return spoil.values_by_key([draw(chance) for _ in range(60)])


def _as_text(tree: Any) -> str:
    try:
        return json.dumps(tree, ensure_ascii=False)
    except (RecursionError, ValueError):
        return "[" * 3000


def _yaml(chance: random.Random, kind: str, tree: Any, texts: tuple[str, ...] = ()) -> tuple[bytes, Any]:
    """A tree that was changed, as a file and as it is; one in ten a text that was changed byte by byte, of which there is no tree."""
    if texts and chance.random() < 0.05:
        return spoil.spoiled_bytes(spoil.bytes_of(chance.choice(texts)), chance, _times(chance)), None
    tree = spoil.spoiled(tree, chance, _times(chance), _known_of(kind))
    data = spoil.bytes_of(_as_text(tree))
    return (spoil.spoiled_bytes(data, chance, 1), None) if chance.random() < 0.05 else (data, tree)


def _site(chance: random.Random) -> Case:
    texts = well_formed.shipped("examples/designs", "yaml")
    data, tree = _yaml(chance, "sites", well_formed.site(chance), texts)
    return Case(
        {"s.yaml": data}, ("availability", "s.yaml", "--format", "json"), tree if chance.random() < 0.7 else None
    )


def _use_site(folder: Path, case: Case, chance: random.Random) -> str:
    """From the file, or seven in ten from the same entries in Python, which need not be parsed."""
    return held.site(k2rel.study(folder / "s.yaml" if case.given is None else case.given), chance)


def _tree(chance: random.Random) -> Case:
    draw = chance.random()
    if draw < 0.1:
        data = spoil.spoiled_bytes(spoil.bytes_of(well_formed.shipped("examples", "xml")[0]), chance, _times(chance))
    else:
        nodes = spoil.spoiled(well_formed.Tree(chance).document(), chance, _times(chance), {})
        data = spoil.bytes_of(well_formed.as_xml(nodes))
        data = spoil.spoiled_bytes(data, chance, 1) if draw < 0.2 else data
    return Case({"m.xml": data}, ("solve", "m.xml", "--cut-sets", "5", "--format", "json"))


def _use_tree(folder: Path, case: Case, chance: random.Random) -> str:
    return held.trees(k2rel.read_fault_trees(folder / "m.xml"), chance)


def _chain(chance: random.Random) -> Case:
    files = {name: spoil.bytes_of(text) for name, text in well_formed.chain(chance).items()}
    for _ in range(_times(chance)):
        name = chance.choice(("m.tra", "m.tra", "m.lab", "m.srew"))
        text = files[name].decode("utf-8", "replace")
        files[name] = (
            spoil.spoiled_bytes(files[name], chance, 1)
            if chance.random() < 0.3
            else spoil.bytes_of(spoil.spoiled_lines(text, chance, 1))
        )
    words = ("ctmc", "m.tra", "--labels", "m.lab", "--rewards", "m.srew", "--steady", "--format", "json")
    return Case(files, words, 10 ** chance.uniform(-3, 4))


def _use_chain(folder: Path, case: Case, chance: random.Random) -> str:
    from k2rel.ctmc.files import read_chain, read_labels, read_rewards

    chain = read_chain(folder / "m.tra")
    read_labels(folder / "m.lab", chain.states)
    read_rewards(folder / "m.srew", chain.states)
    return held.chain(chain, case.given)


def _log(chance: random.Random) -> Case:
    text = spoil.spoiled_lines(well_formed.field_log(chance), chance, _times(chance))
    data = spoil.bytes_of(text)
    return Case(
        {"f.csv": spoil.spoiled_bytes(data, chance, 1) if chance.random() < 0.1 else data},
        ("fit", "f.csv", "--samples", "0", "--format", "json"),
    )


def _use_log(folder: Path, case: Case, chance: random.Random) -> str:
    from k2rel.field import pool, rate_of_counts

    data = k2rel.read_field(folder / "f.csv")
    if data.layout == "counts":
        for exposure in data.exposures:
            rate = rate_of_counts(exposure).rate_per_h
            held.hold(0 <= rate.low <= rate.value <= rate.high, f"{exposure.name}: {rate}")
        if 1 < len(data.exposures) < 9 and chance.random() < 0.02:
            pool(data.exposures)
        return "counts"
    laws = ("exponential", "weibull") if chance.random() < 0.05 else ("exponential",)
    for lives in data.lives[:3]:
        for fit in k2rel.fit_laws(lives, laws):
            held.hold(
                all(0 < one.value < float("inf") for one in fit.parameters.values()), f"{fit.law}: {fit.parameters}"
            )
            held.hold(fit.rate_per_h.low <= fit.rate_per_h.value <= fit.rate_per_h.high, f"{fit.law}: {fit.rate_per_h}")
    return "lives"


_COMMANDS = {
    "rates": ("availability", "L1", "--rates", "t.csv"), "costs": ("advise", "L1", "--costs", "t.csv"), "takeovers": ("update", "L2R", "--takeovers", "t.csv"),
    "repairs": ("update", "L2R", "--repairs", "t.csv"), "operators": ("update", "L2R", "--operators", "t.csv"), "events": ("outage", "L2R", "t.csv"), "alarms": ("risk", "L2R", "--alarms", "t.csv", "--now", "1795802400"), "names": ("risk", "L2R", "--alarms", "other.csv", "--alarm-names", "t.csv"), "cables": ("import", "t.csv", "--types", "other.csv", "--output", "out.yaml"), "devices": ("import", "other.csv", "--types", "t.csv", "--output", "out.yaml"),
}  # fmt: skip


def _table(chance: random.Random) -> Case:
    what, text = chance.choice(well_formed.tables())
    name, data = "t.csv", spoil.bytes_of(spoil.spoiled_lines(text, chance, _times(chance)))
    data = spoil.spoiled_bytes(data, chance, 1) if chance.random() < 0.2 else data
    if chance.random() < 0.03 and what in ("costs", "cables", "devices"):
        name, data = "t.xlsx", well_formed.workbook(text, chance, _times(chance))
    other = {"cables": well_formed.DEVICES, "devices": "\n".join((*well_formed.CABLES, ""))}.get(what, "")
    other = "component,state\nsrv-a ping,amber\nswitch_A,ok\n" if what == "names" else other
    words = tuple(name if word == "t.csv" else word for word in _COMMANDS[what])
    return Case({name: data, "other.csv": spoil.bytes_of(other)}, words, what)


def _use_table(folder: Path, case: Case, chance: random.Random) -> str:
    from k2rel.field import read_events, read_takeovers, read_times
    from k2rel.measures.past_replay import past_course
    from k2rel.rates.table import read_rates

    path = folder / next(iter(case.files))
    if case.given == "rates":
        for row in read_rates(path).rows.values():
            held.hold(row.rate_per_h >= 0, f"{row.id}: {row.rate_per_h}")
    elif case.given == "costs":
        k2rel.read_costs(path)
    elif case.given == "takeovers":
        for seen in read_takeovers(path):
            held.hold(0 <= seen.succeeded <= seen.tried, f"{seen}")
    elif case.given == "events":
        log = read_events(path)
        for service in past_course(k2rel.study("L2R"), log, None).outages:
            held.hold(0.0 <= service.downtime_h <= log.hours * (1 + 1e-9), f"{service.service.name}: {service.down}")
    elif case.given in ("alarms", "names"):
        names = path if case.given == "names" else {"srv-a ping": "server_A", "meta data": "file_system", "amber": "-"}
        alarms = k2rel.read_alarms(folder / "other.csv" if case.given == "names" else path, "L2R", names, 1795802400)
        held.hold(all(0 <= hours <= 87_600 for hours in alarms.present.since_h), f"{alarms.present}")
        held.hold(
            len({each.of for each in alarms.taken if each.state == "failed"}) == len(alarms.present.failed), "twice"
        )
    elif case.given in ("cables", "devices"):
        listed, types = (path, folder / "other.csv")[:: 1 if case.given == "cables" else -1]
        made = k2rel.from_cables(k2rel.read_cables(listed, types=types))
        if chance.random() < 0.05:
            held.site(k2rel.study(made), chance)
    else:
        read_times(path, "type" if case.given == "repairs" else "action")
    return str(case.given)


def _sweep(chance: random.Random) -> Case:
    return Case({"w.yaml": _yaml(chance, "sweeps", well_formed.sweep(chance), well_formed.shipped("examples/sweeps", "yaml"))[0]},
                ("sweep", "w.yaml", "--output", "out", "--quiet"))  # fmt: skip


def _use_sweep(folder: Path, case: Case, chance: random.Random) -> str:
    from k2rel.sweep import read_sweep

    spec = read_sweep(folder / "w.yaml")
    held.hold(spec.points, "a sweep without a point")
    if chance.random() < 0.02:
        from k2rel.sweep.run import compute

        row = compute(chance.choice(spec.points[:8]))
        held.hold(row, "a point without a row")
        return "a point"
    return "points"


def _circumstances(chance: random.Random) -> Case:
    return Case({"c.yaml": _yaml(chance, "circumstances", well_formed.circumstances(chance), well_formed.shipped("examples/circumstances", "yaml"))[0]},
                ("simulate", "L1", "--circumstances", "c.yaml", "--histories", "50", "--years", "1", "--format", "json"))  # fmt: skip


@cache
def _level_1() -> k2rel.Study:
    return k2rel.study("L1")


def _use_circumstances(folder: Path, case: Case, chance: random.Random) -> str:
    found = k2rel.read_circumstances(folder / "c.yaml")
    found.check(_level_1().site)
    if chance.random() < 0.02:
        result = k2rel.simulate(_level_1(), plan=k2rel.Plan(histories=20, years=1), circumstances=found, workers=1)
        for one in result.services:
            held.share(one.unavailability.value, f"simulated unavailability of {one.service}", 1e-12)
        return "simulated"
    return "read"


@cache
def _notebooks() -> tuple[tuple[str, dict[str, Any], dict[str, str]], ...]:
    """Each notebook's name, parameters with their values, and their types."""
    found = []
    for path in sorted(notebook_dir().glob("*.ipynb")):
        cells = [
            cell
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
            if "parameters" in cell["metadata"].get("tags", [])
        ]
        lines = [line for line in ast.parse("".join(cells[0]["source"])).body if isinstance(line, ast.AnnAssign)]
        values = {
            ast.unparse(line.target): eval(ast.unparse(line.value), {}) for line in lines if line.value is not None
        }
        found.append((path.stem, values, {ast.unparse(line.target): ast.unparse(line.annotation) for line in lines}))
    return tuple(found)


def _parameters(chance: random.Random) -> Case:
    name, values, _ = chance.choice(_notebooks())
    known = spoil.values_by_key([values for _, values, _ in _notebooks()])
    given = spoil.spoiled(
        {key: value for key, value in values.items() if chance.random() < 0.6} or dict(values),
        chance,
        _times(chance),
        known,
    )
    given = given if isinstance(given, dict) else {"level": given}
    words = (
        name,
        *(
            word
            for key, value in given.items()
            for word in ("-p", str(key), value if isinstance(value, str) else json.dumps(value, default=str))
        ),
    )
    return Case({}, words, (name, given))


def _use_parameters(folder: Path, case: Case, chance: random.Random) -> str:
    from inspect import signature

    from k2rel.report.notebook import open_study
    from k2rel.report.parameters import checked

    name, given = case.given
    declared = {name: kinds for name, _, kinds in _notebooks()}[name]
    values = {name: values for name, values, _ in _notebooks()}[name] | checked(given, declared)
    taken = {key: value for key, value in values.items() if key in signature(open_study).parameters}
    if "level" in taken and chance.random() < 0.5:
        open_study(**taken)
        return "study"
    return "understood"


_VERBS = (
    ("failover", "L1", "--fail", "switch_A"), ("availability", "L2", "--clients", "8", "--repair", "nbd"), ("availability", "L1", "--set", "psu.mttr=4 h"),
    ("load", "L2", "--clients", "3"), ("interruptions", "L1", "--buffer", "10 s"), ("components", "L1"), ("causes", "L1", "--order", "2"),
    ("window", "L1", "--above", "1 h", "--samples", "50"), ("rates", "show", "psu"), ("check", "L1"), ("served", "L1"), ("spares", "L1", "--years", "1"), ("levels",),
    ("availability", "L2R", "--crews", "1", "--travel", "2 h", "--manual-takeover", "1 h"), ("simulate", "L1", "--histories", "20", "--years", "1", "--seed", "3"),
    ("uncertainty", "L1", "--samples", "20"), ("clients", "L2", "--bound", "1e-6"), ("ctmc", "m.tra", "--time", "3", "--tolerance", "1e-9"),
)  # fmt: skip


def _state(chance: random.Random) -> Case:
    given = states.drawn(chance)
    state = given["state"]
    words = ["risk", "s.yaml", "--format", "json", f"--horizon={state['horizon']}"]
    words += [f"--failed={name}" for name in state["failed"]]
    words += [f"--role={role}={place}" for role, place in state.get("roles", {}).items()]
    for key in ("out_of_service", "in_service"):
        words += [f"--{key.replace('_', '-')}={name}" for name in state.get(key, ())]
    words = [word[:100_000].replace("\0", "") for word in words]
    return Case({"s.yaml": spoil.bytes_of(_as_text(given["site"]))}, tuple(words), given)


def _use_state(folder: Path, case: Case, chance: random.Random) -> str:
    return states.used(case.given)


def _options(chance: random.Random) -> Case:
    words = list(chance.choice(_VERBS))
    for _ in range(_times(chance)):
        draw, at = chance.random(), chance.randrange(len(words) + 1)
        if draw < 0.6 and at < len(words) and at > 0:
            words[at] = str(spoil.scalar(chance))
        elif draw < 0.8:
            words[at:at] = chance.choice(_VERBS)[2:]
        else:
            words.insert(
                at,
                chance.choice(
                    ("--format", "json", "csv", "--clients", "--data", "--variant", str(spoil.scalar(chance)))
                ),
            )
    words = [word[:100_000] for word in words if "\0" not in word]  # an argument can have none
    return Case({"m.tra": spoil.bytes_of(well_formed.chain(chance)["m.tra"])}, tuple(words))


def _use_options(folder: Path, case: Case, chance: random.Random) -> str:
    """The command line in this process, from the folder of the files."""
    from k2rel.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code: Any = main(list(case.words))
        except SystemExit as end:
            code = end.code
    held.hold(code in (0, 1, 2), f"exit code {code}: {err.getvalue()[-2000:]}")
    if code == 2:
        raise k2rel.K2relError(err.getvalue())
    if "json" in case.words and code == 0:
        with contextlib.suppress(ValueError):  # another format won
            json.loads(out.getvalue())
    return "answered"


KINDS = {
    "sites": Kind(_site, _use_site), "trees": Kind(_tree, _use_tree), "chains": Kind(_chain, _use_chain), "logs": Kind(_log, _use_log),
    "tables": Kind(_table, _use_table), "sweeps": Kind(_sweep, _use_sweep), "circumstances": Kind(_circumstances, _use_circumstances),
    "parameters": Kind(_parameters, _use_parameters), "options": Kind(_options, _use_options),
    "states": Kind(_state, _use_state),
}  # fmt: skip


def drawn(kind: str, number: int) -> tuple[Case, random.Random]:
    """The input of a number, and the chance that goes on with it."""
    chance = random.Random(f"{kind} {number}")
    return KINDS[kind].draw(chance), chance


def written(case: Case, folder: Path) -> None:
    """Put the files of an input into a folder."""
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
