"""The state at present from what a monitoring system says; expected states are replayed by hand or by a second rule."""

import io
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import k2rel
from k2rel.alarms.words import STATES
from k2rel.bundled import data_dir
from k2rel.errors import InputError
from k2rel.policy.present import Present

NOW = datetime(2026, 11, 27, 19, 0, tzinfo=UTC)
HEAD = "component,state,since\n"
EXAMPLES = data_dir() / "examples" / "alarms"
PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "duty.md"


def read(text, site="L2R", **more):
    data = text if isinstance(text, bytes) else text.encode()
    return k2rel.read_alarms(io.BytesIO(data), site, **({"now": NOW} | more))


def refused(text, *words, site="L2R", **more):
    with pytest.raises(InputError) as caught:
        read(text, site, **more)
    for word in words:
        assert word in str(caught.value)
    return str(caught.value)


def ago(hours):
    return (NOW - timedelta(hours=hours)).isoformat()


# --- what holds ------------------------------------------------------------------------------------------------------


def test_parts_have_failed_in_the_order_of_time() -> None:
    found = read(f"{HEAD}isl_1,down,{ago(2)}\nserver_A,CRITICAL,{ago(5)}\nswitch_B,ok,{ago(1)}\npsu_A_1,failed,\n")
    assert found.present == Present(("server_A", "isl_1", "psu_A_1"), (5.0, 2.0, 0.0))
    assert {(each.of, each.line) for each in found.taken} == {("server_A", 3), ("isl_1", 2), ("psu_A_1", 5)}
    assert [each.of for each in found.good] == ["switch_B"]
    assert any("psu_A_1 failed, start not known: line 5" in note for note in found.notes)


def test_a_later_word_supersedes_whatever_the_order_of_rows() -> None:
    rows = [f"isl_1,failed,{ago(3)}", f"isl_1,ok,{ago(1)}", f"isl_1,failed,{ago(5)}"]
    for turn in range(3):
        assert read(HEAD + "\n".join(rows[turn:] + rows[:turn])).present == Present()
    again = read(HEAD + "\n".join([*rows, f"isl_1,down,{ago(0.5)}"]))
    assert again.present == Present(("isl_1",), (0.5,))


def test_a_reminder_does_not_make_a_failure_younger() -> None:
    found = read(f"{HEAD}isl_1,ok,{ago(9)}\nisl_1,failed,{ago(6)}\nisl_1,failed,{ago(2)}\nisl_1,failed,\n")
    assert found.present == Present(("isl_1",), (6.0,))


def test_servers_out_of_service_and_roles() -> None:
    text = f"component;state;since\nserver_A;Out-Of_Service;{ago(4)}\nfile_system;at B;{ago(4)}\n"
    assert read(text).present == Present((), (), (("file_system", "server_B"),), ("server_A",))
    for word in ("B", "server_B", "on server_B", "held by B", "AT server_B"):
        assert read(f"role,state\nfile_system,{word}\n").present.roles == (("file_system", "server_B"),)
    back = read(f"{text}server_A;in service;{ago(1)}\nfile_system;at A;{ago(1)}\n")
    assert back.present == Present((), (), (("file_system", "server_A"),), (), ("server_A",))


def test_in_service_is_good_good_is_not_in_service_and_failed_is_not_in_service() -> None:
    failed, placed = f"server_A,failed,{ago(5)}\n", f"server_A,in service,{ago(2)}\n"
    assert read(HEAD + failed + placed).present == Present((), (), (), (), ("server_A",))
    assert read(HEAD + placed + f"server_A,failed,{ago(1)}\n").present == Present(("server_A",), (1.0,))
    out = f"server_A,out of service,{ago(4)}\n"
    assert read(HEAD + failed + out).present == Present(("server_A",), (5.0,), (), ("server_A",))
    assert read(HEAD + failed + out + f"server_A,ok,{ago(1)}\n").present == Present((), (), (), ("server_A",))
    assert read(HEAD + "switch_A,in service,\n").present == Present()  # of a part that is no server: it works


def test_columns_of_a_role_and_of_a_component_beside_each_other() -> None:
    found = read("Since;Role;Component;Status\n;;isl_1;down\n;file_system;;at B\n")
    assert found.present == Present(("isl_1",), (0.0,), (("file_system", "server_B"),))


@pytest.mark.parametrize(
    "since",
    [
        "2026-11-27T16:00:00Z", "2026-11-27 16:00Z", "2026-11-27T17:00+01:00", "2026-11-27 17:00:00 +0100", "20261127T160000Z",
        "2026-11-27 16:00:00 UTC", "2026-11-27T16:00:00.000000000Z", "1795795200", "1795795200.0", '"1795795200,0"', "3 h ago", "180 min ago",
    ],
)  # fmt: skip
def test_times_of_any_form(since) -> None:
    assert read(f"{HEAD}isl_1,down,{since}\n").present.since_h == (3.0,)


def test_a_time_without_a_zone_is_of_this_machine_which_is_said(monkeypatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        found = read(f"{HEAD}isl_1,down,2026-11-27 17:00\n")
        assert found.present.since_h == (3.0,)
        assert any("times without a time zone are read in that of this machine, +0100" in note for note in found.notes)
        assert "read in this machine's zone +0100" in refused(f"{HEAD}isl_1,down,2026-11-27 21:00\n")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_now_is_the_clock_and_can_be_given() -> None:
    early = datetime.now(UTC) - timedelta(hours=2)
    found = k2rel.read_alarms(io.BytesIO(f"{HEAD}isl_1,down,{early.isoformat()}\n".encode()), "L2R")
    assert found.present.since_h[0] == pytest.approx(2.0, abs=0.01)
    for now in ("2026-11-27T19:00Z", NOW.timestamp(), "1795806000"):
        assert read(f"{HEAD}isl_1,down,{ago(3)}\n", now=now).present.since_h == (3.0,)


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_warning_says_neither_that_a_part_failed_nor_that_it_is_good() -> None:
    found = read(f"{HEAD}toe_A1,Warning,\nserver_A,down,\n")
    assert found.present.failed == ("server_A",)
    assert any("left out" in note and "Warning (1 row)" in note for note in found.notes)


def test_names_say_which_part_an_alarm_is_of_and_how_a_state_is_read(tmp_path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("alarm;part\nSRV-A ping;server_A\nups;-\nmeta;file_system\namber;failed\nask;-\nsrv-b;server_B\n")
    text = f"{HEAD}srv-a PING,amber,{ago(2)}\nups,whatever,2030-01-01\nmeta,at srv-b,\nisl_1,ask,\n"
    found = read(text, names=names)
    assert found.present == Present(("server_A",), (2.0,), (("file_system", "server_B"),))
    assert any(note.startswith("left out") and note.endswith("ups (1 row), ask (1 row)") for note in found.notes)
    assert found == read(text, names={"srv a ping": "server_A", "ups": "-", "meta": "file_system", "amber": "failed",
                                      "ask": "-", "srv-b": "server_B"})  # fmt: skip


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("alarm,part\nx,swich_A\n", ("names.csv:2: L2R has no part or role 'swich_A'; did you mean 'switch_A'?",)),
        ("alarm,part\nx,switch_A\nX,switch_B\n", ("names.csv:3: 'X' is switch_A in line 2 and switch_B here",)),
        ("alarm,part\nx,\n", ("names.csv:2: 'x' has no part; write '-'",)),
        ("x,server_A\n", ("names.csv:1: needs one column 'alarm'",)),
    ],
)
def test_names_that_cannot_be(tmp_path, names, words) -> None:
    path = tmp_path / "names.csv"
    path.write_text(names)
    refused(f"{HEAD}isl_1,down,\n", *words, names=path)


def test_a_name_of_the_site_is_meant_unless_the_names_say_just_that_otherwise() -> None:
    assert read(HEAD + "psu_A_1,down,\n", names={"PSU a 1": "psu_A_2"}).present.failed == ("psu_A_1",)
    assert read(HEAD + "psu_A_1,down,\n", names={"psu_A_1": "psu_A_2"}).present.failed == ("psu_A_2",)


def test_unknown_names_are_listed_and_never_ignored() -> None:
    found = read(f"{HEAD}swich_A,down,{ago(1)}\nbattery,alarm,\nbattery,clear,\nisl_1,down,\n")
    assert found.present.failed == ("isl_1",)
    assert [(each.name, each.line, each.rows, each.near) for each in found.unknown] == [
        ("swich_A", 2, 1, ("switch_A",)), ("battery", 3, 2, ()),
    ]  # fmt: skip
    first = found.notes[0]
    assert first.startswith(
        "WARNING: not a part or role of L2R, and not in the state: 'swich_A' (line 2, down; did you"
    )
    assert "'battery' (line 3 and 1 more, alarm)" in first
    refused(f"{HEAD}swich_A,down,\n", "no row names a part or role of L2R: 'swich_A'")


def test_an_alarm_that_is_not_over_is_named_where_another_says_good() -> None:
    names = {"ping": "server_A", "ssh": "server_A"}
    found = read(f"{HEAD}ping,down,{ago(3)}\nssh,ok,{ago(1)}\n", names=names)
    assert found.present.failed == ()
    assert any("server_A is taken as up, by 'ssh' (line 3), though 'ping' (line 2)" in note for note in found.notes)
    over = read(f"{HEAD}ping,down,{ago(3)}\nssh,ok,{ago(1)}\nping,ok,{ago(2)}\n", names=names)
    assert not any("though" in note for note in over.notes)


# --- what is said beside it ------------------------------------------------------------------------------------------


def test_old_words_are_said_to_be_old() -> None:
    text = f"{HEAD}isl_1,down,{ago(200)}\nisl_2,down,{ago(100)}\nswitch_A,ok,{ago(50_000)}\n"
    assert [each.older for each in read(text).taken] == [True, False]
    assert sum("older than 7 days; is it still true?" in note for note in read(text).notes) == 1
    assert [each.older for each in read(text, older_than="9 d").taken] == [False, False]
    assert [each.older for each in read(text, older_than=50.0).taken] == [True, True]
    stale = read(f"{HEAD}switch_A,ok,{ago(300)}\n")
    assert any("the latest entry of stream is 12.5 days old" in note for note in stale.notes)


def test_parts_that_are_not_followed_are_named() -> None:
    found = read(f"{HEAD}client_1_media_A,down,\nmedia_raid_drive_2,failed,\nmedia_raid,ok,\n")
    assert found.present == Present()
    assert any("client_1_media_A (line 2), media_raid_drive_2 (line 3)" in note for note in found.notes)


def test_where_the_rules_lead_is_said_and_not_taken() -> None:
    text = f"{HEAD}server_A,failed,{ago(5)}\nserver_A,ok,{ago(2)}\n"
    found = read(text)
    assert found.present == Present()
    assert (
        "server_A is out of service until an operator returns it to service, file_system is at server_B"
        in found.notes[0]
    )
    said = read(f"{text}server_A,out of service,{ago(1)}\nfile_system,B,{ago(5)}\n")
    assert not any("by the rules" in note for note in said.notes)
    assert not any(
        "by the rules" in note for note in read(f"{HEAD}psu_A_1,failed,{ago(5)}\npsu_A_1,ok,{ago(2)}\n").notes
    )


def test_a_table_without_rows_says_that_nothing_has_failed_and_warns() -> None:
    found = read(HEAD)
    assert (found.present, found.rows) == (Present(), 0)
    assert found.notes[0].startswith("WARNING: stream has no rows")
    refused("", "is empty")


# --- files as people have them ---------------------------------------------------------------------------------------

PLAIN = "component;state;since\nserver_A;down;2026-11-27T16:00:00Z\n\nisl_1;ok;\n"


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(), PLAIN.encode("utf-8-sig"), PLAIN.replace("\n", "\r\n").encode(), PLAIN.encode("utf-16"), PLAIN.replace(";", "\t").encode(),
        b"sep=;\r\n" + PLAIN.encode(), PLAIN.replace(";", ",").encode(), PLAIN.replace(";", "|").upper().replace("SERVER_A", "server_A")
        .replace("ISL", "isl").encode(),
    ],
    ids=["semicolons", "bom", "crlf", "utf-16", "tabs", "sep=", "commas", "bars"],
)  # fmt: skip
def test_tables_of_any_form(tmp_path, data) -> None:
    path = tmp_path / "alarms.csv"
    path.write_bytes(data)
    found = k2rel.read_alarms(path, "L2R", now=NOW)
    assert found.present == read(data).present == Present(("server_A",), (3.0,))
    first = 3 if data.startswith(b"sep") else 2
    assert [each.line for each in (*found.taken, *found.good)] == [first, first + 2]


def test_a_workbook(tmp_path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (
        ("component", "state", "since"),
        ("server_A", "down", datetime(2026, 11, 27, 16)),
        ("isl_1", "ok", None),
    ):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    found = k2rel.read_alarms(tmp_path / "a.xlsx", "L2R", now=datetime(2026, 11, 27, 19).astimezone())
    assert found.present == Present(("server_A",), (3.0,))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_json_lines(encoding, end) -> None:
    lines = [{"component": "server_A", "state": "down", "since": 1795795200, "host": {"id": [1]}}, None,
             {"component": "isl_1", "state": "OK", "since": None}, {"role": "file_system", "state": "at B"}]  # fmt: skip
    text = end.join(json.dumps(line) if line else "" for line in lines)
    found = read(text.encode(encoding))
    assert found.present == Present(("server_A",), (3.0,), (("file_system", "server_B"),))
    assert [each.line for each in (*found.taken, *found.good)] == [1, 4, 3]
    assert any("columns not used: host" in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"component": 1}]', "is a JSON array; JSON lines are read"),
        ('{\n"component": "isl_1"\n}\n', ":1: is not a complete JSON object"),
        ('{"component": "isl_1", "state": "ok"}\n5\n', ":2: is not a JSON object"),
        ('{"component": "isl_1", "state": "ok", "state": "down"}\n', ":1: has 'state' twice"),
        ('{"component": "isl_1", "state": 2}\n', ":1: isl_1: '2' is not a known state"),
        ('{"host": "isl_1", "state": "ok"}\n', "needs a column 'component'"),
        ('{"component": "isl_1", "state": "ok", "since": ' + "9" * 5000 + "}\n", ":1: '9"),
        ('{"a":' * 100_000, "is not a complete JSON object"),
        ('{"component": "isl_1"}\n\0', ":2: is not text"),
    ],
)
def test_json_lines_that_cannot_be(text, words) -> None:
    assert words in refused(text)
    assert len(refused(text)) < 1000


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("isl_1,dwon,", "2: isl_1: 'dwon' is not a known state; add a row to the names of alarms, such as 'dwon' and"),
        ("isl_1,dwon,", "did you mean 'down'?"),
        ("isl_1,amber,", "'amber' and 'failed'; known: failed, failure, fail, fault, faulty, "),
        ("isl_1,,", "2: isl_1 has no state"),
        (",down,", "2: names no component"),
        (f"isl_1,down,{ago(-5)}", "lies 5 h in the future of 2026-11-27T19:00:00+00:00"),
        (f"isl_1,ok,{ago(-5)}", "in the future"),
        ("isl_1,down,1795795200000", "is it in milliseconds?"),
        ("isl_1,down,20261127", "more than ten years; is it a number of seconds since 1970?"),
        ("isl_1,down,27.11.2026", "'27.11.2026' is not a valid time; write a date and time such as 2026-11-27T18:40+01:00"),
        ("isl_1,down,2026-02-30", "is not a valid time"),
        ("switch_B,out of service,", "switch_B cannot be out of service: of L2R server_A, server_B alone can"),
        ("file_system,at C,", "role file_system: 'C' is not one of its holders; known: server_A, server_B"),
        ("file_system,down,", "role file_system: 'down' is not one of its holders"),
        ("isl_1,down,,5", "has more cells than there are columns"),
        ("isl_1,failed,\nisl_1,ok,", "3: isl_1 is 'ok' here and 'failed' in line 2, and not both have a time"),
        (f"isl_1,failed,{ago(2)}\nisl_1,ok,", "not both have a time; give both their time"),
        (f"isl_1,failed,{ago(2)}\nisl_1,up,{ago(2)}", "isl_1 is 'up' here and 'failed' in line 2, both at once 2 h ago"),
        (f"server_A,failed,{ago(2)}\nserver_A,in service,{ago(2)}", "server_A is 'in service' here and 'failed' in line"),
        (f"server_A,out of service,{ago(2)}\nserver_A,in service,{ago(2)}", "both at once 2 h ago"),
        ("file_system,A,\nfile_system,B,", "file_system is 'B' here and 'A' in line 2"),
        ("\n".join(f"{part},down," for part in ("isl_1", "isl_2", "toe_A1", "toe_A2", "toe_B1", "toe_B2", "psu_A_1")),
         "7 parts have failed at the same time; at most 6"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be(rows, words) -> None:
    text = refused(f"{HEAD}{rows}\n", words)
    assert text.startswith("stream:")
    assert "\n" not in text


def test_every_row_that_cannot_be_is_said_with_its_line() -> None:
    text = refused(f"{HEAD}isl_1,dwon,\nisl_2,down,tomorrow\npsu_A_1,ok,\ntoe_A1,,\n")
    assert [line.split(":")[1] for line in text.splitlines()] == ["2", "3", "5"]
    many = refused(HEAD + "isl_1,dwon,\n" * 500)
    assert len(many.splitlines()) == 21 and many.endswith("and more like these further down")


def test_a_contradiction_that_a_later_word_has_ended_is_none() -> None:
    rows = f"isl_1,failed,{ago(4)}\nisl_1,ok,{ago(4)}\nisl_1,failed,{ago(2)}\n"
    assert read(HEAD + rows).present == Present(("isl_1",), (2.0,))
    assert read(f"{HEAD}{rows}isl_1,ok,{ago(1)}\n").present == Present()


def test_clocks_may_differ_by_minutes() -> None:
    assert read(f"{HEAD}isl_1,down,{ago(-0.05)}\n").present == Present(("isl_1",), (0.0,))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"now": "tomorrow"}, "now: 'tomorrow' is not a valid time"),
        ({"older_than": "long"}, "older_than: 'long' is not a valid duration"),
        ({"site": "L1", "names": {"x": "server_B"}}, "L1 has no part or role 'server_B'"),
    ],
)
def test_arguments_that_cannot_be(more, words) -> None:
    refused(f"{HEAD}isl_1,down,\n", words, **more)


def test_streams_of_text_and_endless_ones_are_refused(tmp_path) -> None:
    strange: Any
    for strange, words in (
        (io.StringIO(HEAD), "a stream of bytes is needed"),
        (5, "a path, '-' or a binary stream is ne"),
    ):
        with pytest.raises(InputError, match=words):
            k2rel.read_alarms(strange, "L2R")

    class Endless(io.RawIOBase):
        def read(self, size=-1):
            return b"isl_1,down\n" * (size // 11 + 1) if size > 0 else pytest.fail("reads without a bound")

    strange = Endless()
    with pytest.raises(InputError, match="is larger than 20 MB"):
        k2rel.read_alarms(strange, "L2R")


# --- against a replay of its own -------------------------------------------------------------------------------------

PARTS = ("server_A", "server_B", "isl_1", "switch_B")
WORDS = {"failed": "down", "good": "clear", "out": "out of service", "in": "in service"}
events = st.lists(
    st.tuples(st.sampled_from(PARTS), st.sampled_from(sorted(WORDS)), st.integers(0, 9)).filter(
        lambda event: event[0].startswith("server") or event[1] in ("failed", "good")
    ),
    min_size=1,
    max_size=14,
)


def replayed(happened):
    """What is so at the end of a story that is told minute by minute; None where one minute tells two stories at its end.

    A part is a small machine: what is heard in one minute is one set of words, which the last minute of each kind decides.
    """
    state: dict[str, dict[str, Any]] = {part: {"broken_since": None, "placed": None} for part in PARTS}
    doubt = {}
    for minute in range(41):
        for part in PARTS:
            heard = {word for who, word, when in happened if who == part and when == minute}
            health = {"failed": "bad", "good": "fine", "in": "fine"}
            sides = {health[word] for word in heard if word in health}
            if len(sides) == 2:
                doubt[part, "health"] = True
                state[part]["broken_since"] = None
            elif sides == {"bad"}:
                doubt[part, "health"] = False
                if state[part]["broken_since"] is None:
                    state[part]["broken_since"] = minute
            elif sides == {"fine"}:
                doubt[part, "health"] = False
                state[part]["broken_since"] = None
            placed = heard & {"in", "out"}
            if len(placed) == 2:
                doubt[part, "placed"] = True
            elif placed:
                doubt[part, "placed"] = False
                (state[part]["placed"],) = placed
    if any(doubt.values()):
        return None
    broken = {part: found["broken_since"] for part, found in state.items() if found["broken_since"] is not None}
    out = {part for part in PARTS if state[part]["placed"] == "out"}
    within = {part for part in PARTS if state[part]["placed"] == "in" and part not in broken}
    return broken, out, within


@settings(max_examples=150, deadline=None)
@given(events, st.randoms(use_true_random=False), st.booleans())
def test_the_state_is_that_of_a_replay(happened, chance, as_json) -> None:
    expected = replayed(happened)
    rows = [(part, WORDS[word], ago((40 - minute) / 60)) for part, word, minute in happened]
    chance.shuffle(rows)
    if as_json:
        text = "\n".join(json.dumps(dict(zip(("component", "state", "since"), row, strict=True))) for row in rows)
    else:
        text = HEAD + "\n".join(map(",".join, rows))
    if expected is None:
        refused(text, "both at once")
        return
    found = read(text)
    broken, out, within = expected
    since = dict(zip(found.present.failed, found.present.since_h, strict=True))
    assert since == pytest.approx({part: (40 - minute) / 60 for part, minute in broken.items()}, abs=1e-9)
    assert list(since.values()) == sorted(since.values(), reverse=True)
    assert (set(found.present.out_of_service), set(found.present.in_service)) == (out, within)


# --- on top of it ----------------------------------------------------------------------------------------------------


def test_what_a_person_says_comes_on_top() -> None:
    site = k2rel.read_site("L2R")
    alarms = read(f"{HEAD}isl_1,down,{ago(4)}\nfile_system,at B,\nswitch_A,ok,\n")
    more = alarms.with_said(site, Present(("psu_A_1", "isl_2"), (6.0, 0.0)))
    assert more == Present(("psu_A_1", "isl_1", "isl_2"), (6.0, 4.0, 0.0), (("file_system", "server_B"),))
    assert alarms.with_said(site, Present(("isl_1",), (0.0,))).since_h == (4.0,)
    assert alarms.with_said(site, Present(("isl_1",), (1.0,))).since_h == (1.0,)
    assert alarms.with_said(site, Present((), (), (("file_system", "B"),))).roles == (("file_system", "B"),)


@pytest.mark.parametrize(
    ("rows", "said", "words"),
    [
        ("isl_1,ok,", Present(("isl_1",), (0.0,)), "isl_1: failed as given, and good in stream:2; correct the wrong one"),
        ("file_system,at B,", Present((), (), (("file_system", "A"),)), "file_system: at A as given, and server_B in str"),
        ("server_A,out of service,", Present((), (), (), (), ("server_A",)), "in service as given, and out of service"),
        ("server_A,in service,", Present((), (), (), ("server_A",)), "out of service as given, and in service in stream"),
    ],
)  # fmt: skip
def test_what_contradicts_the_file_is_refused(rows, said, words) -> None:
    with pytest.raises(InputError, match=words):
        read(f"{HEAD}{rows}\n").with_said(k2rel.read_site("L2R"), said)


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_is_the_same_as_naming_what_has_failed(k2) -> None:
    asked = ("risk", "L2R", "--alarms", EXAMPLES / "evening.csv", "--now", "2026-11-27T19:00+01:00", "--format", "json")
    found = k2(*asked).json
    named = k2("risk", "L2R", "--failed", "server_A@3.8 h", "--failed", "isl_1@29 min", "--role", "file_system=B",
               "--format", "json").json  # fmt: skip
    assert found["services"] == named["services"]
    assert found["state"]["failed"] == ["server_A", "isl_1"]
    assert [(each["of"], each["line"]) for each in found["alarms"]["taken"]] == [
        ("server_A", 2), ("isl_1", 5), ("file_system", 6),
    ]  # fmt: skip
    assert "alarms" not in named


def test_the_examples_tell_the_same_evening_and_the_page_shows_it(k2) -> None:
    now = "2026-11-27T19:00+01:00"
    evening = k2rel.read_alarms(EXAMPLES / "evening.csv", "L2R", now=now)
    dump = k2rel.read_alarms(EXAMPLES / "monitoring.jsonl", "L2R", EXAMPLES / "names.csv", now)
    assert evening.present == dump.present
    assert not [note for note in (*evening.notes, *dump.notes) if note.startswith("WARNING")]
    shown = k2("risk", "L2R", "--alarms", "data/examples/alarms/evening.csv", "--now", now).out
    (told,) = re.findall(r"^Alarms: .*?(?=^\.\.\.)", PAGE.read_text(), re.M | re.S)
    assert " ".join(told.split()) in " ".join(shown.split())
    for line in re.findall(r"^\S+,\S+$", re.search(r"```text\n(.*?)```", PAGE.read_text(), re.S)[1], re.M):
        assert line in (EXAMPLES / "names.csv").read_text()


def test_the_page_has_the_words_that_are_known() -> None:
    for state, words in STATES.items():
        (row,) = re.findall(rf"^\| {state} \| (.*) \|$", PAGE.read_text(), re.M)
        assert tuple(re.findall(r"`([^`]+)`", row)) == words


def test_standard_input_and_notes(k2, monkeypatch) -> None:
    text = f"{HEAD}isl_1,down,{ago(300)}\nswich_A,down,\n".encode()
    for words in ((), ("--format", "csv")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        run = k2("risk", "L2R", "--alarms", "-", "--now", NOW.isoformat(), *words)
        assert run.code == 0
        for note in (
            "'swich_A' (line 3, down; did you mean 'switch_A'?)",
            "isl_1 failed 12.5 days ago (line 2) is older",
        ):
            assert note in (run.err if words else run.out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--alarm-names", "x"), "--alarm-names: give the file that it applies to (--alarms FILE)"),
        (("--now", "2026-01-01"), "--now: give the file that it applies to"),
        (("--alarms", "nowhere.csv"), "nowhere.csv: cannot be read"),
        (("--alarms", "/dev/zero"), "not a regular file"),
        (("--alarms", EXAMPLES / "evening.csv", "--failed", "psu_A_1", "--now", "2026-11-27T18:00Z"), "good in"),
        (("--alarms", EXAMPLES / "evening.csv", "--every-failure"), "leave out --alarms"),
        (("--alarms", EXAMPLES / "evening.csv", "--now", "2026-11-27T10:00Z"), "evening.csv:2: '2026-11-27T15:12:00+01:00' lies"),
    ],
)  # fmt: skip
def test_what_the_command_refuses(k2, words, message) -> None:
    run = k2("risk", "L2R", *words)
    assert (run.code, run.out) == (2, "")
    assert message in run.err and "Traceback" not in run.err
