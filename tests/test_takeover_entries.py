"""What a site file says of takeovers: it stands in the records, and what cannot be is refused where it stands."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from k2rel import InputError
from k2rel.bundled import data_dir
from k2rel.design.differences import differences
from k2rel.measures.inputs import about, inputs_of, site_at
from k2rel.measures.solution import solution_of
from k2rel.site import Site, read_site
from k2rel.site.coverage import class_of
from k2rel.site.roles import Holder, Role, Suspension, TakeoverNeed, Unit
from k2rel.site.stages import AtLeast, Stage
from k2rel.studies import study

HEARTBEAT = "{heartbeat: [ring, {at_least: 1, of: [isl, [witness, bmc_1]]}], missing: anyway}"
FENCE = "{fence: bmc_1, missing: anyway, coverage: 0.98, time: 20 s}"
QUORUM = "{quorum: {at_least: majority, of: [[node_1], [isl, node_2], witness]}}"
UNITS = f"""\
units:
  u1:
    server: node_1
    triggers: [node_1]
    takeover_needs:
      - {HEARTBEAT}
      - {FENCE}
      - {{at_least: 1, of: [witness, bmc_2]}}
      - port
    takes_down: [node_2]
  u2: {{server: node_2, triggers: [node_2], heartbeat: ring}}
"""
HOLDERS = f"""\
    holders:
      - {{side: A, on: node_1, units: [u1], needs: [node_1]}}
      - {{side: B, on: node_2, units: [u2], needs: [node_2], takeover_needs: [witness, {QUORUM}]}}
"""
ROLE = (
    """\
    detection: {default: 5 s, node: 60 s}
    failback: automatic after 10 min
    giveback: 5 s
    spurious: 0.5 per year
    failed_takeover: {retry_after: 2 min, retry_coverage: 0.7, operator_coverage: 0.9, restoration: 8 h}
    readiness: {drift: 2 per year, drill: 90 d, takes: 1 min}
    partition: moves
    split_brain: {serves: former, mend: 2 h, restore_probability: 0.3, restore: 24 h}
"""
    + HOLDERS
)
SUSPENDS = """\
suspends:
  port: {lost: [ring], works: [isl, node_1], auto_recovery: 4 min}
"""
SITE = """\
format: 2
name: pair
title: two nodes and all that a file can say of their takeovers
sides: {A: {}, B: {}}
types:
  node: {mttf: 20000 h, mttr: 6 h}
  cable: {mttf: 200000 h, mttr: 6 h}
components:
  node_1: {type: node, side: A}
  node_2: {type: node, side: B}
  witness: {type: node}
  bmc_1: {type: node, needs: [pdu]}
  bmc_2: {type: node}
  pdu: {type: node}
  port: {type: node}
links:
  ring: {type: cable, between: [node_1, node_2]}
  isl: {type: cable, between: [node_1, node_2]}
clients:
  count: 2
  parts:
    client: {type: node}
    nic_A: {type: cable, side: A, between: [client, node_1]}
    nic_B: {type: cable, side: B, between: [client, node_2]}
traffic:
  files:
    requires: [r]
    paths:
      - {side: A, when: {r: A}, via: [client, nic_A, node_1]}
      - {side: B, when: {r: B}, via: [client, nic_B, node_2]}
"""
FULL = f"{SITE}{UNITS}roles:\n  r:\n{ROLE}{SUSPENDS}"


def written(folder: Path, text: str = FULL, old: str = "", new: str = "") -> Path:
    """The site with one text replaced."""
    assert old in text, old
    path = folder / "pair.yaml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_what_stands_in_the_file_stands_in_the_records(tmp_path) -> None:
    site = read_site(written(tmp_path))
    assert site.units["u1"].needed == (
        TakeoverNeed("heartbeat", ("ring", AtLeast(1, (("isl",), ("witness", "bmc_1")))), "anyway"),
        TakeoverNeed("fence", ("bmc_1",), "anyway", 0.98, 20 / 3600),
        TakeoverNeed("need", (AtLeast(1, (("witness",), ("bmc_2",))),)),
        TakeoverNeed("need", ("port",)),
    )
    assert site.units["u1"].takes_down == ("node_2",)
    assert site.units["u2"].needed == (TakeoverNeed("heartbeat", ("ring",), "wait"),), "the short form makes it wait"
    role = site.roles["r"]
    at_home, other = role.holders
    assert (at_home.takeover_needs, at_home.quorum) == ((), None)
    assert other.takeover_needs == ("witness",)
    assert other.quorum == AtLeast(2, (("node_1",), ("isl", "node_2"), ("witness",))), "two of three are a majority"
    assert (role.detection_h, dict(role.detection_of)) == (5 / 3600, {"node": 60 / 3600})
    assert (role.failback, role.failback_after_h, role.giveback_h) == ("automatic", 10 / 60, 5 / 3600)
    assert role.spurious_per_h == 0.5 / 8760
    assert (role.retry_after_h, role.retry_coverage) == (2 / 60, 0.7)
    assert (role.operator_coverage, role.restoration_h) == (0.9, 8)
    assert (role.drift_per_h, role.drill_every_h, role.drill_h) == (2 / 8760, 90 * 24, 1 / 60)
    assert (role.partition, role.split_serves, role.split_mend_h) == ("moves", "former", 2)
    assert (role.split_restore_share, role.split_restore_h) == (0.3, 24)
    assert site.suspensions == (Suspension("port", ("ring",), ("isl", "node_1"), 4 / 60),)
    assert site.warnings == ()


def test_what_the_documentation_shows_is_good(tmp_path) -> None:
    text = (data_dir().parent / "docs" / "reference" / "site-files.md").read_text(encoding="utf-8")
    section = text[text.index("## Takeover entries") :]
    site = read_site(written(tmp_path, SITE + section.split("```yaml\n")[1].split("```")[0]))
    assert [warning.key for warning in site.warnings] == ["components.port"], "the pair has nothing that needs the port"
    assert [need.kind for need in site.units["u1"].takeover_needs] == ["heartbeat", "fence"]


def test_what_a_file_does_not_say_is_as_it_was(tmp_path) -> None:
    """At once, certain, without needs beside the heartbeat, and nobody has a role beside another."""
    text = SITE + "units: {u2: {server: node_2, triggers: [node_2], heartbeat: ring}}\nroles:\n  r:\n" + HOLDERS
    site = read_site(written(tmp_path, text.replace("units: [u1]", "units: [u2]").replace(f", {QUORUM}", "")))
    role = site.roles["r"]
    assert role == Role("r", "r", role.holders, "manual", "healthy", 1.0, 0.0)
    assert role.holders[0] == Holder("A", "node_1", ("u2",), ("node_1",))
    assert site.units == {"u2": Unit("u2", "node_2", ("node_2",), "ring")}
    assert site.suspensions == ()


def test_a_majority_is_of_all_votes_that_are_listed(tmp_path) -> None:
    """So that two halves never both have one, and any more than half has it."""
    votes = ["node_1", "node_2", "witness", "bmc_1", "bmc_2", "pdu", "port", "ring", "isl"]
    for count in range(1, len(votes) + 1):
        listed = f"{{quorum: {{at_least: majority, of: [{', '.join(votes[:count])}]}}}}"
        quorum = read_site(written(tmp_path, FULL, QUORUM, listed)).roles["r"].holders[1].quorum
        assert isinstance(quorum, AtLeast)
        assert 2 * quorum.k > count >= 2 * (quorum.k - 1)


OF_FORMAT_2 = {
    "takeover_needs of a unit": (UNITS, "units.u2", "heartbeat: ring}", "takeover_needs: [{heartbeat: ring}]}"),
    "takes_down": (UNITS, "units.u2", "heartbeat: ring}", "takes_down: [node_1]}"),
    "takeover_needs of a holder": (HOLDERS, "holders.1", "needs: [node_2]", "needs: [node_2], takeover_needs: [isl]"),
    "a failback after some time": (HOLDERS, "failback", "    holders", "    failback: automatic after 5 min\n    holders"),
    "suspends": (SITE, "suspends.port", "clients:", "suspends: {port: {lost: [isl]}}\nclients:"),
    **{
        key: (HOLDERS, key, "    holders", f"    {key}: {value}\n    holders")
        for key, value in {
            "detection": "5 s", "giveback": "5 s", "spurious": "1 per year", "failed_takeover": "{}",
            "readiness": "{drift: 1 per year}", "partition": "keeps", "split_brain": "{}",
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize(("section", "key", "old", "new"), OF_FORMAT_2.values(), ids=OF_FORMAT_2)
def test_format_1_knows_nothing_of_it(tmp_path, section, key, old, new) -> None:
    units = "units:\n  u1: {server: node_1, triggers: [node_1]}\n" + UNITS.splitlines(keepends=True)[-1]
    plain = SITE.replace("format: 2", "format: 1") + units + "roles:\n  r:\n" + HOLDERS.replace(QUORUM, "isl")
    plain = plain.replace(", takeover_needs: [witness, isl]", "")
    assert read_site(written(tmp_path, plain)).roles
    with pytest.raises(
        InputError, match=rf"{key}[\w.]*: .*is of format 2; k2rel check --upgrade FILE rewrites the file"
    ):
        read_site(written(tmp_path, plain, old, new))


REFUSED = {
    "a count in a series": (
        QUORUM, "{quorum: {at_least: majority, of: [[{at_least: 1, of: [isl, ring]}, node_2], witness]}}", "takeover_needs.1.quorum.of.0.0", "cannot be used in a series",
    ),
    "drills without an end": ("takes: 1 min", "takes: 90 d", "readiness.takes", "as long as the interval of drills"),
    "drills that never are": ("drill: 90 d", "drill: 1000 y", "readiness.drill", "at most 100 years"),
    "a server that tells of its own loss": ("heartbeat: ring}", "heartbeat: node_2}", "u2.heartbeat", "cannot report its own failure"),
    "more votes than there are": (
        QUORUM, "{quorum: {at_least: 3, of: [witness, ring]}}", "takeover_needs.1.quorum", "requires 3 of only 2 .*, which is impossible",
    ),
    "a vote that stands twice": (
        QUORUM, "{quorum: {at_least: majority, of: [[isl, node_2], witness, [isl, node_2]]}}", "takeover_needs.1.quorum", "names the branch .* twice",
    ),
    "no vote": (QUORUM, "{quorum: {at_least: majority, of: []}}", "takeover_needs.1.quorum.of", "needs at least 1"),
    "no count of votes": (
        QUORUM, "{quorum: {at_least: most, of: [witness]}}", "takeover_needs.1.quorum.at_least", "whole number from 1 on, or 'majority'",
    ),
    "two rules of a quorum": (QUORUM, f"{QUORUM}, {{quorum: isl}}", "takeover_needs.2.quorum", "has a quorum already"),
    "a majority elsewhere": (
        "{at_least: 1, of: [witness, bmc_2]}", "{at_least: majority, of: [witness, bmc_2]}", "takeover_needs.2.at_least", "under 'quorum' only",
    ),
    "a vote that is not there": (QUORUM, "{quorum: witnes}", "takeover_needs.1.quorum", "did you mean 'witness'"),
    "a fence that is the server": (FENCE, "{fence: [bmc_1, node_1]}", "takeover_needs.1.fence", "'node_1' is the server that it has to stop"),
    "a fence that needs the server": (
        "  pdu: {type: node}", "  pdu: {type: node, needs: [{at_least: 1, of: [witness, node_1]}]}",
        "takeover_needs.1.fence", "'bmc_1' needs 'node_1', which is the server that it has to stop; name a part that is up without it",
    ),
    "a fence that never works": (FENCE, "{fence: bmc_1, coverage: 0}", "takeover_needs.1.coverage", "must be above 0"),
    "two heartbeats": (
        "heartbeat: ring}\n", "heartbeat: ring, takeover_needs: [{heartbeat: isl}]}\n", "units.u2.takeover_needs.0.heartbeat", "has its heartbeat already, 'ring'",
    ),
    "a need of no known form": (HEARTBEAT, "{hartbeat: ring}", "takeover_needs.0", "did you mean 'heartbeat'.*each is one of NAME"),
    "two needs in one": (HEARTBEAT, "{heartbeat: ring, fence: bmc_1}", "takeover_needs.0", "holds 2 needs, heartbeat and fence"),
    "a time of a heartbeat": (HEARTBEAT, "{heartbeat: ring, time: 3 s}", "takeover_needs.0.time", "cannot be combined with the other entries"),
    "a slip in a key": (FENCE, "{fence: bmc_1, tiem: 3 s}", "takeover_needs.1.tiem", "did you mean 'time'"),
    "working though it needs what is lost": (
        "{lost: [ring], works: [isl, node_1]", "{lost: [pdu], works: [isl, bmc_1]", "suspends.port.works.1", "'bmc_1' needs 'pdu', which has failed then",
    ),
    "limits of nothing": ("drill: 90 d", "drill: {value: null, low: 1 d, high: 2 d}", "readiness.drill", "limits need the value"),
    "a count beyond all": ("{at_least: 1, of: [witness", "{at_least: 1.0e+308, of: [witness", "takeover_needs.2.at_least", "must be a whole number"),
    "another outcome": (HEARTBEAT, "{heartbeat: ring, missing: never}", "takeover_needs.0.missing", "must be 'wait' or 'anyway'"),
    "a client's part": ("      - port\n", "      - nic_A\n", "takeover_needs.3", "is a client's part"),
    "itself taken down": ("takes_down: [node_2]", "takes_down: [node_1]", "takes_down.0", "'node_1' shuts down already"),
    "what cannot shut down": ("takes_down: [node_2]", "takes_down: [pdu]", "takes_down.0", "not a server of a unit or holder"),
    "nobody who takes over": (
        "heartbeat: ring}\n", "heartbeat: ring}\n  u3: {server: pdu, triggers: [pdu], takeover_needs: [{heartbeat: isl, missing: anyway}]}\n",
        "units.u3.takeover_needs.0.missing", "no role whose holder names it has a second holder",
    ),
    "a retry without a time": ("retry_after: 2 min, ", "", "failed_takeover.retry_after", "a retry needs a mean time above 0"),
    "a retry that cannot succeed": ("retry_coverage: 0.7, ", "", "failed_takeover.retry_after", "no retry succeeds; give retry_coverage"),
    "nothing after the operator": (", restoration: 8 h", "", "failed_takeover.restoration", "probability 0.9, and nothing is stated"),
    "a time without an end": ("restoration: 8 h", "restoration: .inf", "failed_takeover.restoration", "not a finite duration"),
    "a time beyond a year": ("mend: 2 h", "mend: 2 y", "split_brain.mend", "must be at most 8760 h"),
    "a detection beyond a year": ("node: 60 s", "node: 400 d", "detection.node", "must be at most 8760 h"),
    "a failback beyond a year": ("after 10 min", "after 2 y", "roles.r.failback", "must be at most 8760 h"),
    "a time below 0": ("takes: 1 min", "takes: -1 min", "readiness.takes", "cannot be negative"),
    "drills of nothing": ("drift: 2 per year, ", "", "readiness.drill", "there is no drift; give drift"),
    "drills all the time": ("drill: 90 d", "drill: 0 d", "readiness.drill", "must be above 0"),
    "a rate that is a time": ("spurious: 0.5 per year", "spurious: 2000", "roles.r.spurious", "is it a mean time"),
    "a restore without a time": (", restore: 24 h", "", "split_brain.restore", "mean time above 0; give it"),
    "a restore before the mending": ("mend: 2 h, ", "", "split_brain.mend", "after the split brain has been resolved"),
    "a failback of another form": ("automatic after 10 min", "after 10 min", "roles.r.failback", "'automatic after 10 min'"),
    "a failback without an end": ("automatic after 10 min", "automatic after long", "roles.r.failback", "'long' is not a valid duration"),
    "detection of what begins nothing": ("node: 60 s}", "node: 60 s, port: 2 s}", "detection.port", "no takeover begins with 'port'"),
    "detection of a word": ("node: 60 s}", "nod: 60 s}", "detection.nod", "no component type or part 'nod'; did you mean 'node'"),
    "detection without a default": ("default: 5 s, ", "", "roles.r.detection", "needs an entry 'default'"),
    "a suspension of itself": ("lost: [ring]", "lost: [ring, port]", "suspends.port.lost", "'port' is the part that it suspends"),
    "a suspension that needs itself": (
        "  pdu: {type: node}", "  pdu: {type: node, needs: [port]}\n  low: {type: node, needs: [pdu]}", "suspends.port.works", "'low' needs 'port'",
    ),
    "a circle of suspensions": (
        SUSPENDS, SUSPENDS + "  isl: {lost: [bmc_1]}\n  pdu: {lost: [port]}\n", "suspends.port", "in a circle: port requires isl requires pdu requires port",
    ),
    "a part that is suspended twice": (SUSPENDS, SUSPENDS + "  port: {lost: [isl]}\n", "suspends.port", "already defined in line"),
    "lost and working at once": ("works: [isl,", "works: [isl, ring,", "suspends.port.works.1", "'ring' has failed then"),
    "nothing lost": ("lost: [ring]", "lost: []", "suspends.port.lost", "needs at least 1"),
    "recovery at once": ("auto_recovery: 4 min", "auto_recovery: 0 s", "suspends.port.auto_recovery", "must be above 0"),
    "suspended, but not there": ("  port: {lost", "  prt: {lost", "suspends.prt", "no component or link 'prt'; did you mean 'port'"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence(tmp_path, old, new, key, sentence) -> None:
    text = FULL.replace("works: [isl,", "works: [isl, low,") if "low: {type" in new else FULL
    with pytest.raises(InputError) as caught:
        read_site(written(tmp_path, text, old, new))
    found = caught.value.problems
    assert len(found) == 1, [str(problem) for problem in found]
    assert found[0].key.endswith(key)
    assert re.search(sentence, found[0].message), found[0].message
    line = (tmp_path / "pair.yaml").read_text().splitlines()[found[0].line - 1]
    assert any(str(part) in line for part in key.split(".")[-2:]) or line.lstrip().startswith("- "), line


WARNED = {
    "needs of a unit that no role leaves": (
        "heartbeat: ring}\n", "heartbeat: ring}\n  u3: {server: pdu, triggers: [pdu], takeover_needs: [isl], takes_down: [node_1]}\n",
        "    holders", "    holders",
        {"units.u3.takeover_needs": "no role moves away from this unit", "units.u3.takes_down": "no role moves away"},
    ),
    "a split that a quorum rules out": (
        "units: [u1], needs: [node_1]", "units: [u1], needs: [node_1], takeover_needs: [{quorum: witness}]", "", "",
        {"roles.r.split_brain": "no two holders can have this role at once"},
    ),
    "a split that a fence rules out": (FENCE, "{fence: bmc_1}", "", "", {"roles.r.split_brain": "no fence that a takeover waits for"}),
    "a partition without a silence": (
        "], missing: anyway}", "]}", "", "", {"roles.r.partition": "no side has to give way", "roles.r.split_brain": "no two holders"},
    ),
    "a restoration after operators who succeed": (
        "operator_coverage: 0.9, ", "", "", "", {"roles.r.failed_takeover.restoration": "the operator always succeeds"},
    ),
    "drills that take time and are not held": ("drill: 90 d, ", "", "", "", {"roles.r.readiness.takes": "there are no drills"}),
    "a restore that never is": ("restore_probability: 0.3, ", "", "", "", {"roles.r.split_brain.restore": "never restored after a split"}),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "second", "instead", "found"), WARNED.values(), ids=WARNED)
def test_rules_without_a_case_are_warned_of(tmp_path, old, new, second, instead, found) -> None:
    text = FULL.replace(second, instead, 1)
    if "u3" in new:  # a role with one holder
        text += "  # end\n"
        text = text.replace(
            "roles:\n", "roles:\n  alone:\n    holders: [{side: A, on: pdu, units: [u3], needs: [pdu]}]\n"
        )
    warnings = {one.key: one for one in read_site(written(tmp_path, text, old, new)).warnings}
    assert warnings.keys() == found.keys()
    assert all(warnings[key].line and re.search(words, warnings[key].message) for key, words in found.items())


def test_a_role_that_never_moves_asks_for_nothing_of_it(tmp_path) -> None:
    text = SITE + "roles:\n  r:\n" + ROLE[: ROLE.index("      - {side: B")].replace(", units: [u1]", "")
    text = text.replace("{default: 5 s, node: 60 s}", "5 s").replace(", when: {r: B}", "")
    keys = [str(one.key) for one in read_site(written(tmp_path, text)).warnings]
    never = ("detection", "giveback", "spurious", "failed_takeover", "readiness", "partition", "split_brain")
    assert sorted(key for key in keys if key.startswith("roles.")) == sorted(f"roles.r.{key}" for key in never)


def test_what_takeovers_name_counts_as_used(tmp_path) -> None:
    """The plain site warns of the same parts where no takeover names them."""
    plain = SITE + "roles: {r: {holders: [{side: A, needs: [node_1]}, {side: B, needs: [node_2]}]}}\n"
    unused = {one.key for one in read_site(written(tmp_path, plain)).warnings}
    assert unused == {f"components.{name}" for name in ("witness", "bmc_1", "bmc_2", "port")} | {
        "links.ring",
        "links.isl",
    }
    assert read_site(written(tmp_path)).warnings == ()
    suspended = plain + "suspends: {node_1: {lost: [ring], works: [witness]}}\n"
    still = {one.key for one in read_site(written(tmp_path, suspended)).warnings}
    assert unused - still == {"links.ring", "components.witness"}


def test_a_class_is_of_the_part_itself_before_its_type(tmp_path) -> None:
    parts = read_site(written(tmp_path)).components
    assert [class_of(("node", "node_2"), name, parts) for name in ("node_1", "node_2", "ring")] == [
        "node",
        "node_2",
        "",
    ]


@pytest.mark.parametrize("name", ["ring", "witness", "bmc_1"])
def test_silence_and_votes_have_no_detection_time_of_their_own(tmp_path, name) -> None:
    """A takeover for want of a heartbeat or a quorum has the default, so an entry of theirs would count for nothing."""
    with pytest.raises(InputError, match=f"no takeover begins with '{name}': it is not a trigger"):
        read_site(written(tmp_path, FULL, "node: 60 s}", f"{name}: 1 s}}"))


LIMITS = {
    "detection: {default: 5 s": ("5 s", "detection_h"),
    "node: 60 s": ("60 s", "detection_of"),
    "giveback: 5 s": ("5 s", "giveback_h"),
    "spurious: 0.5 per year": ("0.5 per year", "spurious_per_h"),
    "retry_after: 2 min": ("2 min", "retry_after_h"),
    "retry_coverage: 0.7": ("0.7", "retry_coverage"),
    "operator_coverage: 0.9": ("0.9", "operator_coverage"),
    "restoration: 8 h": ("8 h", "restoration_h"),
    "drift: 2 per year": ("2 per year", "drift_per_h"),
    "drill: 90 d": ("90 d", "drill_every_h"),
    "takes: 1 min": ("1 min", "drill_h"),
    "mend: 2 h": ("2 h", "split_mend_h"),
    "restore_probability: 0.3": ("0.3", "split_restore_share"),
    "restore: 24 h": ("24 h", "split_restore_h"),
    "coverage: 0.98": ("0.98", "takeover_needs"),
    "time: 20 s": ("20 s", "takeover_needs"),
    "auto_recovery: 4 min": ("4 min", "auto_recovery_h"),
}


def with_limits(written_as: str, value: str) -> str:
    """A number that is known within a tenth."""
    number, _, unit = value.partition(" ")
    low, high = float(number) * 0.9, min(float(number) * 1.1, 0.999 if not unit else math.inf)
    return written_as.replace(value, f"{{value: {value}, low: {low:.6g} {unit}, high: {high:.6g} {unit}}}")


def numbers(site: Site) -> dict[str, float]:
    """All numbers of the records of takeovers, by where they stand."""
    found: dict[str, float] = {}

    def go(value: object, at: str) -> None:
        if isinstance(value, dict):
            for key, below in value.items():
                if key != "uses":
                    go(below, f"{at}.{key}")
        elif isinstance(value, list | tuple):
            for index, below in enumerate(value):
                go(below, f"{at}.{index}")
        elif isinstance(value, int | float):
            found[at] = float(value)

    records: list[Unit | Role | Suspension] = [*site.units.values(), *site.roles.values(), *site.suspensions]
    for record in records:
        go(asdict(record), "")
    return found


def test_every_number_may_have_limits_and_a_draw_moves_it_alone(tmp_path) -> None:
    text = FULL
    for given_as, (value, _) in LIMITS.items():
        assert text.count(given_as) == 1, given_as
        text = text.replace(given_as, with_limits(given_as, value))
    site, plain = read_site(written(tmp_path, text)), read_site(written(tmp_path))
    assert len(site.inputs) == len(LIMITS)
    assert numbers(site) == numbers(plain), "figures without draws are those of the values"
    fields = []
    for name in site.inputs:
        before, after = numbers(site), numbers(site_at(site, {name: 0.5}))
        moved = [key for key in before if before[key] != after[key]]
        assert len(moved) == 1, (name, moved)
        assert after[moved[0]] == pytest.approx(before[moved[0]] / 2), name
        fields.append(moved[0].split(".")[1])
    assert sorted(fields) == sorted(field for _, field in LIMITS.values())


def test_uncertainty_is_of_what_its_engine_follows(tmp_path) -> None:
    """Ideal takeovers take no time and never fail, so their figures depend on none of these limits."""
    text = FULL
    for given_as in ("drill: 90 d", "time: 20 s", "auto_recovery: 4 min"):
        text = text.replace(given_as, with_limits(given_as, LIMITS[given_as][0]))
    pair = study(written(tmp_path, text))
    assert inputs_of(solution_of(pair, "exact")) == {}
    assert set(pair.site.inputs) == {
        "roles.r.readiness.drill", "units.u1.takeover_needs.1.time", "suspends.port.auto_recovery",
    } <= set(inputs_of(solution_of(pair, "markov")))  # fmt: skip
    said = [about(pair, pair.site.inputs[name]) for name in sorted(pair.site.inputs)]
    assert said == ["interval of drills of r", "auto-recovery time of port", "fence time of u1"]


def test_an_assumption_with_limits_goes_into_what_takeovers_wait_for(tmp_path) -> None:
    hung = "assumptions:\n  hung: {value: 60 s, low: 30 s, high: 2 min, evidence: CHOSEN, reason: a guess}\n"
    text = FULL.replace("node: 60 s}", "node: =hung}").replace("types:\n", hung + "types:\n")
    path = written(tmp_path, text)
    moved = site_at(read_site(path), {"hung": 2.0})
    assert dict(moved.roles["r"].detection_of) == {"node": 2 / 60}
    by_hand = read_site(path, settings={"assumption.hung": "90 s"})
    assert dict(by_hand.roles["r"].detection_of) == {"node": 1.5 / 60}
    assert by_hand.inputs == {}, "who gives a value alone knows it"


def test_limits_of_what_is_no_number_are_refused(tmp_path) -> None:
    path = written(tmp_path, FULL, "automatic after 10 min", "{value: automatic, low: 1, high: 2}")
    with pytest.raises(InputError, match=r"roles\.r\.failback: it has no limits"):
        read_site(path)


def test_an_editor_completes_and_checks_it(tmp_path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((data_dir() / "schema.json").read_text())
    text = FULL
    for given_as, (value, _) in LIMITS.items():
        text = text.replace(given_as, with_limits(given_as, value))
    data = YAML(typ="safe").load(text)
    schema["properties"] = {key: schema["properties"][key] for key in ("units", "roles", "suspends")}
    editor = jsonschema.Draft202012Validator({key: schema[key] for key in ("properties", "$defs")})
    assert editor.is_valid(data)
    data["units"]["u1"]["takeover_needs"][0]["missing"] = "never"
    assert not editor.is_valid(data)


CHANGES = {
    "a fence": (
        FENCE,
        "{fence: bmc_1, missing: anyway, coverage: 0.9, time: 20 s}",
        "u1: takeover needs",
        "works with 0.9",
    ),
    "what goes down too": ("    takes_down: [node_2]\n", "", "u1: takes down", "–"),
    "a quorum": ("at_least: majority", "at_least: 3", "r: holders", "quorum 3 of"),
    "what a holder needs": ("[witness, {q", "[pdu, {q", "r: holders", "takeover needs pdu"),
    "a detection time": ("node: 60 s", "node: 90 s", "r: detection[node] [h]", "0.025"),
    "a failback": ("automatic after 10 min", "automatic after 30 min", "r: failback", "automatic after 0.5 h"),
    "a drill": ("drill: 90 d", "drill: 30 d", "r: readiness: drill [h]", "720"),
    "an operator": ("operator_coverage: 0.9", "operator_coverage: 0.5", "r: failed takeover: operator coverage", "0.5"),
    "who goes on": ("    partition: moves\n", "", "r: partition", "–"),
    "who is served": ("serves: former", "serves: new", "r: split brain: serves", "new"),
    "a suspension": ("auto_recovery: 4 min", "auto_recovery: 6 min", "port", "auto-recovery after 0.1 h"),
}


@pytest.mark.parametrize(("old", "new", "entry", "after"), CHANGES.values(), ids=CHANGES)
def test_two_designs_that_differ_in_it_say_so_and_have_other_inputs(tmp_path, old, new, entry, after) -> None:
    first = study(written(tmp_path))
    second = study(written(tmp_path, FULL, old, new))
    found = differences(first, second)
    assert found["entry"].tolist() == [entry]
    assert after in found["after"].iloc[0]
    assert first.provenance.input_hash != second.provenance.input_hash


def test_whose_quorum_it_is_changes_the_inputs(tmp_path) -> None:
    at_home = FULL.replace(f", takeover_needs: [witness, {QUORUM}]", "").replace(
        "needs: [node_1]}", f"needs: [node_1], takeover_needs: [witness, {QUORUM}]}}"
    )
    hashes = {study(written(tmp_path, text)).provenance.input_hash for text in (FULL, at_home)}
    assert len(hashes) == 2


PARTS = ("witness", "bmc_1", "bmc_2", "pdu", "port", "ring", "isl")
PART = st.sampled_from(PARTS)
BRANCHES = st.lists(st.lists(PART, min_size=1, max_size=3, unique=True).map(tuple), min_size=1, max_size=4, unique=True)
COUNT = BRANCHES.flatmap(lambda of: st.integers(1, len(of)).map(lambda k: AtLeast(k, tuple(of))))
STAGES = st.lists(PART | COUNT, min_size=1, max_size=3).map(tuple)
MISSING = st.sampled_from(["wait", "anyway"])
TIME = st.floats(1e-4, 8760)
SHARE = st.floats(0.01, 1.0)
NEEDS = st.lists(
    st.builds(TakeoverNeed, st.just("heartbeat"), STAGES, MISSING)
    | st.builds(TakeoverNeed, st.just("fence"), STAGES, MISSING, SHARE, st.just(0.0) | TIME)
    | st.builds(TakeoverNeed, st.just("need"), (PART | COUNT).map(lambda stage: (stage,))),
    max_size=4,
).map(tuple)


def stage_written(stage: Stage) -> object:
    """A stage as a file has it."""
    return stage if isinstance(stage, str) else {"at_least": stage.k, "of": [list(branch) for branch in stage.of]}


def need_written(need: TakeoverNeed) -> object:
    """A need of a unit as a file has it."""
    stages = [stage_written(stage) for stage in need.stages]
    if need.kind == "need":
        return stages[0]
    told = {need.kind: stages if len(stages) > 1 else stages[0], "missing": need.missing}
    return told if need.kind == "heartbeat" else {**told, "coverage": need.coverage, "time": f"{need.time_h!r} h"}


def role_written(role: Role) -> dict[str, object]:
    """A role as a file has it."""
    after = f" after {role.failback_after_h!r} h" if role.failback_after_h else ""
    drill = {} if math.isinf(role.drill_every_h) else {"drill": role.drill_every_h}
    return {
        "detection": {"default": role.detection_h, **dict(role.detection_of)},
        "failback": role.failback + after,
        **({} if role.giveback_h is None else {"giveback": role.giveback_h}),
        "spurious": f"{role.spurious_per_h!r} /h",
        "failed_takeover": {
            "retry_after": role.retry_after_h, "retry_coverage": role.retry_coverage,
            "operator_coverage": role.operator_coverage, "restoration": role.restoration_h,
        },
        "readiness": {"drift": f"{role.drift_per_h!r} /h", "takes": role.drill_h, **drill},
        "partition": role.partition,
        "split_brain": {
            "serves": role.split_serves, "mend": role.split_mend_h,
            "restore_probability": role.split_restore_share, "restore": role.split_restore_h,
        },
        "holders": [
            {
                "side": holder.side, "on": holder.on, "units": list(holder.units), "needs": list(holder.needs),
                "takeover_needs": [
                    *map(stage_written, holder.takeover_needs),
                    *([] if holder.quorum is None else [{"quorum": stage_written(holder.quorum)}]),
                ],
            }
            for holder in role.holders
        ],
    }  # fmt: skip


@st.composite
def takeovers(draw: st.DrawFn) -> tuple[dict[str, Unit], Role, tuple[Suspension, ...]]:
    """Any rules of the two nodes that a file may have."""
    units = {f"u{n}": Unit(f"u{n}", f"node_{n}", (f"node_{n}",), None, takeover_needs=draw(NEEDS)) for n in (1, 2)}
    holders = tuple(
        Holder(
            side, f"node_{n}", (f"u{n}",), (f"node_{n}",),
            takeover_needs=draw(st.just(()) | STAGES), quorum=draw(st.none() | PART | COUNT),
        )
        for n, side in ((1, "A"), (2, "B"))
    )  # fmt: skip
    retry, operator, split = draw(st.booleans()), draw(SHARE), draw(st.booleans())
    drift, takes = draw(st.just(0.0) | st.floats(1e-9, 1e-3)), draw(TIME)
    failback: Literal["manual", "automatic"] = "automatic" if draw(st.booleans()) else "manual"
    role = Role(
        "r", "r", holders, failback, "healthy", 1.0, 0.0,
        detection_h=draw(TIME), detection_of=draw(st.just(()) | TIME.map(lambda t: (("node", t),))),
        failback_after_h=draw(TIME) if failback == "automatic" else 0.0,
        giveback_h=draw(st.none() | st.just(0.0) | TIME),
        spurious_per_h=draw(st.just(0.0) | st.floats(1e-9, 1e-3)),
        retry_after_h=draw(TIME) if retry else 0.0, retry_coverage=draw(SHARE) if retry else 0.0,
        operator_coverage=operator, restoration_h=draw(TIME),
        drift_per_h=drift, drill_every_h=takes + draw(TIME) if drift else math.inf, drill_h=takes,
        partition=draw(st.sampled_from(["keeps", "moves"])),
        split_serves=draw(st.sampled_from(["neither", "former", "new"])), split_mend_h=draw(TIME),
        split_restore_share=draw(SHARE) if split else 0.0, split_restore_h=draw(TIME),
    )  # fmt: skip
    suspended = st.builds(
        Suspension, st.just("port"), st.just(("ring",)), st.sampled_from([(), ("isl",), ("isl", "pdu")]),
        st.just(math.inf) | TIME,
    )  # fmt: skip
    return units, role, draw(st.just(()) | suspended.map(lambda one: (one,)))


@settings(max_examples=30, deadline=None)
@given(takeovers())
def test_any_rules_read_back_are_the_same_records(tmp_path_factory, rules) -> None:
    units, role, suspensions = rules
    entries = {
        "units": {
            name: {"server": unit.server, "triggers": list(unit.triggers), "takeover_needs": list(map(need_written, unit.takeover_needs))}
            for name, unit in units.items()
        },
        "roles": {"r": role_written(role)},
        "suspends": {
            one.part: {
                "lost": list(one.lost), "works": list(one.works),
                **({} if math.isinf(one.auto_recovery_h) else {"auto_recovery": one.auto_recovery_h}),
            }
            for one in suspensions
        },
    }  # fmt: skip
    text = SITE + "".join(f"{key}: {json.dumps(entry)}\n" for key, entry in entries.items())
    site = read_site(written(tmp_path_factory.mktemp("any"), text))
    assert site.units == units
    assert site.roles["r"] == replace(role, uses=())
    assert site.suspensions == suspensions


NAMES = [f"p{n}" for n in range(5)]
# each part may need later ones, so that needs lead nowhere back
NEEDED = st.tuples(
    *(st.lists(st.sampled_from(NAMES[n + 1 :]), unique=True) if n < 4 else st.just([]) for n in range(5))
)


def closed(follows: dict[str, set[str]]) -> dict[str, set[str]]:
    """What each name leads to in any number of steps (Warshall)."""
    found = {name: set(names) for name, names in follows.items()}
    for through in found:
        for name in found:
            if through in found[name]:
                found[name] |= found[through]
    return found


def refused(folder: Path, needs: tuple[list[str], ...], entries: str) -> list[str]:
    """Keys at which the site is refused with five more parts and some entries."""
    parts = "".join(
        f"  {name}: {{type: node, needs: {json.dumps(all_of)}}}\n" for name, all_of in zip(NAMES, needs, strict=True)
    )
    text = SITE.replace("links:\n", parts + "links:\n") + "roles:\n  r:\n" + HOLDERS.replace("u1", "u2") + entries
    try:
        read_site(written(folder, text))
    except InputError as error:
        return [str(problem.key) for problem in error.problems]
    return []


@settings(max_examples=15, deadline=None)
@given(NEEDED, st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
def test_a_fence_is_refused_when_it_needs_the_server_and_only_then(tmp_path_factory, needs, server, fence) -> None:
    follows = closed({name: set(all_of) for name, all_of in zip(NAMES, needs, strict=True)})
    own = any(server in {name} | follows[name] for name in fence)
    unit = (
        f"units: {{u2: {{server: {server}, triggers: [node_1], takeover_needs: [{{fence: {json.dumps(fence)}}}]}}}}\n"
    )
    found = refused(tmp_path_factory.mktemp("fence"), needs, unit)
    assert found == (["units.u2.takeover_needs.0.fence"] if own else [])


@settings(max_examples=25, deadline=None)
@given(
    NEEDED,
    st.dictionaries(
        st.sampled_from(NAMES),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
        min_size=1,
        max_size=3,
    ),
)
def test_suspensions_are_refused_when_they_lead_to_themselves_and_only_then(tmp_path_factory, needs, lost) -> None:
    follows = closed({name: set(all_of) for name, all_of in zip(NAMES, needs, strict=True)})
    asks = {
        part: {one for name in names for one in {name} | follows[name]} & lost.keys() for part, names in lost.items()
    }
    itself = any(part in names for part, names in closed(asks).items())
    entries = json.dumps({part: {"lost": names} for part, names in lost.items()})
    unit = "units: {u2: {server: node_2, triggers: [node_2]}}\n"
    found = refused(tmp_path_factory.mktemp("suspended"), needs, f"{unit}suspends: {entries}\n")
    assert bool(found) == itself
    assert all(key.startswith("suspends.") for key in found)


GARBAGE = [
    None,
    True,
    -1,
    1.5e308,
    "x",
    "ring",
    [["ring"]],
    {},
    {"value": 1},
    {"at_least": 1, "of": ["ring"]},
    "=nix",
    10**400,
]


def places(data: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in the data of a file."""
    yield at
    for key, below in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from places(below, (*at, key))


def with_other(data: object, at: tuple[str | int, ...], value: object) -> object:
    """The data with another value at a place."""
    if not at:
        return value
    if isinstance(data, dict):
        return {key: with_other(below, at[1:], value) if key == at[0] else below for key, below in data.items()}
    assert isinstance(data, list)
    return [with_other(below, at[1:], value) if index == at[0] else below for index, below in enumerate(data)]


@pytest.mark.slow
@pytest.mark.parametrize("section", ["units", "roles", "suspends"])
def test_whatever_stands_anywhere_is_read_or_refused_with_its_line(tmp_path, section) -> None:
    text = FULL
    for given_as, (number, _) in LIMITS.items():
        text = text.replace(given_as, with_limits(given_as, number))
    data = YAML(typ="safe").load(text)
    path = tmp_path / "any.yaml"
    refused_ones = 0
    for at in places(data[section]):
        for value in GARBAGE:
            path.write_text(json.dumps({**data, section: with_other(data[section], at, value)}))
            try:
                read_site(path)
            except InputError as error:
                refused_ones += 1
                assert all(one.line and "Input should" not in one.message for one in error.problems), (at, value)
    assert refused_ones > 10 * len(GARBAGE)
