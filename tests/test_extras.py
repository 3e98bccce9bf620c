"""What only some need is an extra: without it everything else works, and what needs it says how to get it."""

import os
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.cli import main
from k2rel.errors import InputError
from k2rel.extras import MissingExtraError, extra, has_extra
from k2rel.field.arrow import ArrowLog
from k2rel.field.blocks import Log
from k2rel.field.opened import opened_log
from k2rel.parallel import connected
from k2rel.sweep import read_sweep, run

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {name: needs for name, needs in PROJECT["optional-dependencies"].items() if name not in ("dev", "docs")}


def hide_arrow(monkeypatch):
    """As if it were not installed, to k2rel alone: pandas has loaded it."""
    for module in ("k2rel.extras", "k2rel.field.opened", "k2rel.sweep.run"):
        monkeypatch.setattr(f"{module}.has_extra", lambda name: name != "parquet")


def test_every_extra_is_known_and_none_is_needed_by_all() -> None:
    needed = {need.partition(">")[0] for need in PROJECT["dependencies"]}
    for name, needs in EXTRAS.items():
        assert has_extra(name)
        assert not needed & {need.partition(">")[0] for need in needs}
        assert set(needs) <= set(PROJECT["optional-dependencies"]["dev"])


@pytest.mark.parametrize("name", EXTRAS)
def test_what_is_missing_is_named_with_what_installs_it(name, monkeypatch) -> None:
    package = extra(name, "for this").__name__
    monkeypatch.setitem(sys.modules, package, None)
    assert not has_extra(name)
    words = (
        f"for this, the package {package} is needed, which is not installed here: pip install 'k2rel[{name}]'; or wait"
    )
    with pytest.raises(MissingExtraError) as told:
        extra(name, "for this", "or wait")
    assert str(told.value) == words


def test_a_cluster_without_dask_is_refused_in_a_sentence(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(InputError, match=r"^scheduler: .* distributed .* pip install 'k2rel\[dask\]'$"),
        connected("tcp://a:1"),
    ):
        pass


def test_a_sweep_without_arrow_has_all_but_the_parquet_file(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "s.yaml").write_text("name: s\nlevels: [L1]\nclients: [4]\n")
    row = {"level": "L1", "clients": 4, "downtime_min_per_year": 1.5, "failures_per_year": 2.0, "p_overload": 0.0}
    hide_arrow(monkeypatch)
    spec, table, folder = read_sweep(tmp_path / "s.yaml"), pd.DataFrame([row]), tmp_path / "out"
    folder.mkdir()
    (folder / "s.parquet").write_bytes(b"of an earlier run")
    monkeypatch.setattr(run, "render_report", lambda job, folder: SimpleNamespace(error=""))
    run._write(spec, folder, table)
    assert [path.name for path in folder.iterdir()] == ["s.csv"]
    assert "L1,4,1.5" in (folder / "s.csv").read_text()
    monkeypatch.setattr("k2rel.sweep.run_sweep", lambda *_, **__: run.Sweep(spec, table, folder, 1, 0, 0))
    assert main(["sweep", str(tmp_path / "s.yaml"), "--format", "json"]) == 0
    said = capsys.readouterr()
    assert "to write s.parquet too, the package pyarrow is needed" in said.err
    assert "pip install 'k2rel[parquet]'" in said.err
    assert "parquet" not in said.out


LOGS = {
    "commas": "failed,end [d],unit\n1,10.5,a\n\n0,20,b\n",
    "semicolons": "failed;end [h];unit\n1;10,5;a\n,;\n0;1.200,25;b\n",
    "quotes": 'failed,end [d],note\n1,10,"3"" bay, left"\n0,20,3.5" disk\n',
    "no last line end": "failed,end [d],unit\r\n1,10,a\r\n0,20,b",
    "a cell too many": "failed,end [d]\n1,10\n\n0,20,3\n",
    "a cell too few": "failed,end [d],unit\n1,10,a\n0,20\n",
    "a cell without a title": "failed,end [d],\n1,10,\n0,20,5\n",
    "no rows": "failed,end [d]\n",
    "open quotes": 'failed,end [d],note\n1,10,"bay\n0,20,left"\n',
    "no number": "failed,end [d]\n1,ten\n0,20\n",
    "open separators": "failed;end [h]\n1;1.200\n0;2.400\n",
}


def read(path, size=1 << 20):
    try:
        data = k2rel.read_field(path, block_bytes=size)
    except InputError as error:
        return str(error)
    return {each.name: str(getattr(data, each.name)) for each in fields(data)}


@pytest.mark.parametrize("name", LOGS)
def test_a_log_is_the_same_to_arrow_and_to_the_standard_library(name, tmp_path, monkeypatch) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(LOGS[name].encode())
    for size in (16, 1 << 20):
        with monkeypatch.context() as hidden:
            expected = read(path, size)
            with opened_log(path, size) as log:
                assert type(log) is ArrowLog
            hide_arrow(hidden)
            with opened_log(path, size) as log:
                assert type(log) is Log
            assert read(path, size) == expected


@pytest.mark.parametrize("name", ["drive_statistics.csv", "nist_weibull.csv", "nist_repairs.csv", "site_log.csv"])
def test_the_example_logs_are_the_same_without_arrow(name, monkeypatch) -> None:
    path = data_dir() / "examples/field" / name
    expected = read(path)
    hide_arrow(monkeypatch)
    assert read(path) == expected
    assert isinstance(expected, dict)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["fit", "data/examples/field/drive_statistics.csv", "--format", "json"],
        ["fit", "days.csv", "--format", "json"],
        ["availability", "L2R", "--format", "csv"],
        ["compare", "L1", "L2", "--format", "json"],
    ],
)
def test_a_command_answers_the_same_where_arrow_was_never_installed(words, tmp_path) -> None:
    """Nor pandas has it then, whose texts are kept another way."""
    days = [
        f"2024-01-{d:02},S{s},M{s % 3},{int(d == 9 and s % 4 == 0)}"
        for d in range(1, 31)
        for s in range(40)
        if d < 10 or s % 4
    ]
    (tmp_path / "days.csv").write_text("date,serial_number,model,failure\n" + "\n".join(days) + "\n")
    answers = []
    for hidden in ("", "sys.modules['pyarrow'] = None; "):
        code = f"import sys; {hidden}from k2rel.cli import main; sys.exit(main({words!r}))"
        where = {**os.environ, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=where, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        answers.append(run.stdout)
    assert answers[0] == answers[1]
