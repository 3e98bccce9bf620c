"""What README and docs show works in any folder: `data/examples/...` is found where the user has no such file."""

import re
import shlex

import pytest

import k2rel
from k2rel.bundled import data_dir, example_names, telling_of_examples
from k2rel.cli import main
from k2rel.sweep import read_sweep
from tests.test_pages import DEAR, OURS

QUICK = [command for command in OURS if command.words[1] not in DEAR | {"fit", "risk"}]
"""Whole pages, those that take long with them, are followed by tests/test_pages.py, in a folder that is as empty."""


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", dict.fromkeys(shlex.join(one.words) for one in QUICK if "data/examples/" in str(one)))
def test_a_command_of_the_docs_works_in_an_empty_folder(line, nowhere, monkeypatch, capsys) -> None:
    assert main(shlex.split(line)[1:]) == 0
    told = capsys.readouterr().err
    for name in re.findall(r"data/examples/\S+", line):
        assert (
            told.count(f"{name}: not in the current folder; the example that came with k2rel is read: {data_dir()}")
            == 1
        )


def test_every_example_of_the_list_is_found_by_its_reader(nowhere) -> None:
    heard = []
    cables = {name for name in example_names() if "/cables/" in name}
    logs = {name for name in example_names() if "/field/" in name}
    with telling_of_examples(lambda name, file: heard.append((name, file))):
        assert k2rel.study("data/examples/ab_8_2.yaml").site.client_count
        assert k2rel.study("L2R", rates="data/rates.csv").provenance.rates == "rates.csv"
        assert k2rel.read_fault_trees("data/examples/two_trains.xml").tops
        assert k2rel.read_costs("data/examples/costs.csv")
        assert k2rel.read_field("data/examples/field/nist_weibull.csv").lives
        assert read_sweep("data/examples/sweeps/clients.yaml").axes == ("level", "clients", "repair")
    assert [name for name, _ in heard] == [
        "data/examples/ab_8_2.yaml", "data/rates.csv", "data/examples/two_trains.xml", "data/examples/costs.csv",
        "data/examples/field/nist_weibull.csv", "data/examples/sweeps/clients.yaml",
    ]  # fmt: skip
    assert all(file == data_dir().parent / name for name, file in heard)
    assert len(cables) == 7
    assert "data/examples/field/past_year.csv" in logs
    assert not [name for name in logs if name.endswith((".md", "APACHE"))]


def test_a_file_of_ones_own_goes_before_the_example_even_where_it_is_no_file(nowhere, capsys) -> None:
    own = nowhere / "data/examples/costs.csv"
    own.parent.mkdir(parents=True)
    own.write_text("kind,what,cost [EUR]\ncontract,nbd,17\n")
    assert k2rel.read_costs("data/examples/costs.csv").prices == {("contract", "nbd"): 17.0}
    (nowhere / "data/examples/two_trains.xml").mkdir()
    assert main(["solve", "data/examples/two_trains.xml"]) == 2
    assert "data/examples/two_trains.xml: is a folder" in capsys.readouterr().err


def test_a_broken_link_and_a_folder_of_examples_are_called_what_they_are(nowhere, capsys) -> None:
    (nowhere / "data/examples").mkdir(parents=True)
    (nowhere / "data/examples/two_trains.xml").symlink_to("/nowhere/at_all.xml")
    assert main(["solve", "data/examples/two_trains.xml"]) == 2
    assert "; it is a link to /nowhere/at_all.xml, which does not exist" in capsys.readouterr().err
    for words in ("check data/examples/cables", "fit data/examples/field"):
        assert main(words.split()) == 2
        assert f"it is a folder of examples that come with k2rel: {words.split()[1]}/" in capsys.readouterr().err


def test_the_last_name_alone_takes_nothing_but_says_what_there_is(nowhere, capsys) -> None:
    """Invented prices never stand in for a file of prices that was meant and is not there."""
    like = "; the example of this name that comes with k2rel is data/examples/"
    for words, name in {
        "solve two_trains.xml": "two_trains.xml",
        "advise L1 --costs costs.csv": "costs.csv",
        "check reference_san.yaml": "reference_san.yaml",
        "fit past_year.csv": "field/past_year.csv",
    }.items():
        assert main(words.split()) == 2
        assert f"{like}{name}\n" in capsys.readouterr().err
    for elsewhere in ("../data/rates.csv", "data/../data/rates.csv", str(nowhere / "data/rates.csv")):
        with pytest.raises(k2rel.InputError, match="cannot be read"):
            k2rel.study("L2R", rates=elsewhere)


def test_a_sweep_finds_what_is_beside_it_and_then_what_is_shipped(nowhere) -> None:
    spec = nowhere / "mine" / "spec.yaml"
    spec.parent.mkdir()
    spec.write_text("name: mine\nlevels: [data/examples/ab_8_2.yaml]\nclients: [4]\n")
    assert read_sweep(spec).points[0].level == str(data_dir() / "examples/ab_8_2.yaml")


def test_the_list_of_levels_names_the_examples(nowhere, capsys) -> None:
    assert main(["levels"]) == 0
    listed = capsys.readouterr().out
    assert "data/examples/sweeps/: clients.yaml, rates.yaml\n" in listed


def test_nothing_is_written_among_what_came_with_k2rel(k2) -> None:
    """Every later answer rests on it; whatever command writes."""
    log = data_dir() / "examples" / "field" / "site_log.csv"
    before = (data_dir() / "rates.csv").read_bytes()
    for words in (
        ("fit", log, "--output", data_dir() / "rates.csv", "--force"),
        ("report", "L1", "--output", data_dir() / "examples" / "x", "--no-pdf"),
        ("risk", "L1", "--failed", "server_A", "--picture", data_dir() / "x.svg"),
    ):
        run = k2(*words)
        assert run.code == 2, words
        assert "what came with k2rel stays as it is" in run.err
    assert (data_dir() / "rates.csv").read_bytes() == before
    assert not (data_dir() / "examples" / "x").exists()
