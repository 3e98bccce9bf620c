"""A short run of the fuzzers (`make fuzz`): what nobody would write is refused by a sentence, or answered and checked."""

import random
import subprocess
import sys
import time

import pytest

import k2rel
from tests.fuzz import held, spoil, watch
from tests.fuzz.kinds import KINDS, drawn

SHORT = dict.fromkeys(KINDS, 60) | {"options": 12}


def found(seen):
    return "\n".join(f"python -m tests.fuzz {one.kind} --only {one.number}\n{one.what}" for one in seen.findings)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_hostile_gets_a_traceback(kind, tmp_path) -> None:
    refused = 0
    for number in range(SHORT[kind]):
        refused += watch.tried(kind, number, tmp_path) == "refused"
    assert 0 < refused < SHORT[kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_hostile_gets_a_traceback_a_hang_or_much_memory(kind) -> None:
    count = 500 if kind == "options" else 3_000
    seen = watch.in_process(kind, 1_000_000, count, workers=1)
    assert not seen.findings, found(seen)
    assert seen.tried == count


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_command_ends_with_an_exit_code_that_says_what_happened(kind) -> None:
    seen = watch.by_command(kind, 2_000_000, 6, workers=1)
    assert not seen.findings, found(seen)
    assert seen.tried == 6


def test_an_input_is_known_by_its_kind_and_number() -> None:
    assert drawn("sites", 4711)[0] == drawn("sites", 4711)[0]
    assert drawn("sites", 4711)[0] != drawn("sites", 4712)[0]


def much(folder, case, chance):
    taken = bytearray(1_200_000_000)
    time.sleep(5)
    return str(len(taken))


@pytest.mark.parametrize("use", [lambda *_: 1 / 0, lambda *_: held.share(1.5, "a share"), much])
def test_whoever_breaks_is_found(use, monkeypatch) -> None:
    monkeypatch.setitem(KINDS, "sites", KINDS["sites"]._replace(use=use))
    monkeypatch.setattr(watch, "MOST_BYTES", 1e9)
    seen = watch.in_process("sites", 0, 3, workers=1)
    assert {one.number for one in seen.findings} == {0, 1, 2}


def test_the_memory_of_a_process_is_its_own_not_that_of_who_started_it(monkeypatch) -> None:
    held_here = bytearray(b"x" * 500_000_000)
    monkeypatch.setattr(watch, "MOST_BYTES", 3e8)
    seen = watch.in_process("sites", 0, 20, workers=1)
    assert not seen.findings, found(seen)
    assert seen.most_bytes < 3e8
    del held_here


@pytest.mark.parametrize(("megabytes", "found"), [(1, 0), (400, 2)])
def test_the_memory_of_a_command_is_its_own_not_that_of_who_started_it(megabytes, found, monkeypatch) -> None:
    held_here = bytearray(b"x" * 500_000_000)

    def command(kind, number, folder):
        program = f"import time; taken = bytearray({megabytes} * 1_000_000); time.sleep(0.3)"
        with (folder / ".err").open("wb") as err:
            return subprocess.Popen([sys.executable, "-c", program], stderr=err)

    monkeypatch.setattr(watch, "_command", command)
    monkeypatch.setattr(watch, "MOST_BYTES", 2e8)
    seen = watch.by_command("trees", 0, 2, workers=1)
    assert [one.what for one in seen.findings] == ["takes 0.4 GB"] * found
    del held_here


def test_what_hangs_is_ended_and_the_others_go_on(monkeypatch) -> None:
    def use(folder, case, chance):
        while case.files == drawn("trees", 1)[0].files:
            pass
        return "answered"

    monkeypatch.setitem(KINDS, "trees", KINDS["trees"]._replace(use=use))
    monkeypatch.setattr(watch, "MOST_SECONDS", 0.5)
    seen = watch.in_process("trees", 0, 5, workers=1)
    assert [one.number for one in seen.findings] == [1]
    assert seen.tried == 3  # those behind it; those before went with the process that was ended


@pytest.mark.parametrize(
    "message",
    ["", "x" * 30_000, "1 validation error for _Document", "name '\x1b[31m'", "name '\u202e'", "at <class 'int'>"],
)
def test_a_refusal_that_nobody_can_read_is_found(message) -> None:
    with pytest.raises(held.BrokenError):
        held.readable(message)


def test_engines_that_differ_are_found(monkeypatch) -> None:
    study = k2rel.study("L1")
    held.by_chain(study, study.solve("exact"))
    monkeypatch.setattr(held, "_close", lambda one, other: False)
    with pytest.raises(held.BrokenError, match="by the chain"):
        held.by_chain(study, k2rel.study("L1", clients=5).solve("exact"))


def test_changes_leave_what_they_began_with() -> None:
    tree = {"a": [1, {"b": "2 h"}], "c": {}}
    kept = repr(tree)
    for number in range(200):
        spoil.spoiled(tree, random.Random(number), 3, {"b": ["4 h"]})
    assert repr(tree) == kept
