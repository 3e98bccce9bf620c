"""What a valid file says without effect is warned of, with its line and what to write instead; other files are silent."""

import re

import pytest

import k2rel
from k2rel.bundled import data_dir, level_names

FILES = [*level_names(), *sorted((data_dir() / "examples").glob("*.yaml"))]
# true, and said in the file: the control cable of the second server is a part that no service of Level 3 needs
TRUE_OF_LEVELS = {"L3": ["links.control_link_2"]}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_levels_and_examples_are_silent_but_where_it_is_true(file) -> None:
    plain = k2rel.study(file)
    for variant in (None, *(one.name for one in plain.site.variants)):
        found = k2rel.study(file, variant=variant).site.warnings
        assert [one.key for one in found] == TRUE_OF_LEVELS.get(str(file), []), variant


ROLE_B = "      - {side: B, on: server_B, units: [unit_B], needs: [server_B, fs_database_B, fc_hba_B, fc_link_B,"
SECOND = (
    "      - {side: A, via: [client, media_A, switch_A, media_link_A1, toe_A1, server_A, fc_hba_A, fc_link_A, "
    "raid_controller_A, raid_chassis, media_raid]}\n"
)
FIRST_PATH = '      - {side: A, via: [client, media_A, switch_A, "@media_link_A"'
CASES = {
    "a capacity that no path crosses": (
        "  psu_A_1: {type: psu, side: A, in: server_A}",
        "  psu_A_1: {type: psu, side: A, in: server_A, capacity: 5 MB/s}",
        "components.psu_A_1.capacity", "limits nothing.*name it in 'via'",
    ),
    "the same on a cable": (
        "title: heartbeat cable,", "title: heartbeat cable, capacity: 1 MB/s,",
        "links.heartbeat.capacity", "limits nothing",
    ),
    "a capacity under types": (
        "\ncomponents:\n", "\ntypes:\n  toe: {capacity: 5 MB/s}\ncomponents:\n",
        "types.toe.capacity", "has no effect; write it at each part",
    ),
    "outside the boundary, under types": (
        "\ncomponents:\n", "\ntypes:\n  psu: {external: true}\ncomponents:\n", "types.psu.external", "has no effect",
    ),
    "failure data of a type that no part has": (
        "\ncomponents:\n", "\ntypes:\n  tow: {mttf: 5000 h, mttr: 4 h}\ncomponents:\n", "types.tow", "no part is of this type",
    ),
    "two holders on one side": (
        ROLE_B, "      - {side: A, on: server_B, units: [unit_B], needs: [server_B]}\n" + ROLE_B, "roles.file_system.holders",
        r"server_A \(A\) and server_B \(A\) are both on side 'A'.*give each holder a name",
    ),
    "alike paths on a side": (
        FIRST_PATH, SECOND + SECOND.replace("A1", "A2") + FIRST_PATH,
        "traffic.media.paths.0", r"carries all the load.*the 2nd and 3rd path are equivalent; .*write 'share: equal'",
    ),
    "alike paths where no side is preferred": (
        "    prefer: role file_system\n", "", "traffic.media.paths.0", "the 2nd path is equivalent.*write 'prefer: listed'",
    ),
    "a part that nothing names": (
        "\nlinks:\n", "\n  fan_A: {type: psu, side: A, in: server_A}\nlinks:\n", "components.fan_A", "change no service",
    ),
    "a cable that nothing names": (
        "\nraid_sets:\n", "\n  isl_3: {type: isl, between: [switch_A, switch_B]}\nraid_sets:\n", "links.isl_3", "change no service",
    ),
    "drives that nothing names": (
        "\nraid_sets:\n",
        "\nraid_sets:\n  scratch: {level: 1, drives: 2, in: raid_chassis, rebuild: 6 h, restore: 1 d}\n",
        "raid_sets.scratch", "change no service",
    ),
    "a client's part that nothing names": (
        "    control_B: {type: client", "    tally: {type: client_control_link, side: B, between: [client, switch_B]}\n    control_B: {type: client",
        "clients.parts.tally", "name it in 'via'",
    ),
    "a subscription that nobody has": (
        "    toe_B: [toe_B1, toe_B2]", "    toe_B: [toe_B1, toe_B2]\n    toe_C: [toe_B1, toe_B2]",
        "clients.subscriptions.toe_C", "nothing names '@toe_C'",
    ),
    "a change of path where there is one": (
        "  control:\n    prefer: home", "  tally:\n    path_failover: {time: 3 s}\n    paths: [{side: A, via: [client, control_A]}]\n  control:\n    prefer: home",
        "traffic.tally.path_failover", "one path only",
    ),
    "a unit of no holder": (
        "\nroles:\n", "\n  unit_C: {server: server_B, triggers: [isl_1]}\nroles:\n", "units.unit_C", "moves no role",
    ),
    "a role that nothing asks for": (
        "\nclients:\n  count: =clients", "\n  idle: {holders: [{side: A, on: server_A}, {side: B, on: server_B}]}\nclients:\n  count: =clients",
        "roles.idle", "has no effect",
    ),
    "a need that is no trigger": (
        "server_A, fs_database_A, fc_hba_A, fc_link_A, raid_controller_A]\n", "server_A, fs_database_A, fc_hba_A, raid_controller_A]\n",
        "roles.file_system.holders.0.needs", "fc_link_A here, which no unit.*does not move; add it to the triggers",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "words"), CASES.values(), ids=CASES)
def test_each_is_warned_of_with_its_place(k2, spoiled, old, new, key, words) -> None:
    path, line = spoiled(old, new)
    run = k2("check", path, "--format", "json")
    assert run.code == 0, run.err
    found = {one["key"]: one for one in run.json["warnings"]}
    assert list(found) == [key]
    assert re.search(words, found[key]["message"])
    assert found[key]["file"] == str(path) and found[key]["line"] >= line - (key == "roles.file_system.holders") * 10
    text = path.read_text().splitlines()[found[key]["line"] - 1]
    last = key.rsplit(".", 1)[-1]
    assert last in text or (last.isdigit() and "via" in text) or last == "needs"
    assert f"warning: {path}:{found[key]['line']}: {key}: " in k2("check", path).out
    assert k2rel.study(path).site.warnings[0].key == key


def test_the_first_of_alike_paths_takes_everything_indeed(spoiled) -> None:
    """What the warning says is what the load says: 25 MB/s of each of four clients on the first, nothing on its twin."""
    path, _ = spoiled(FIRST_PATH, SECOND + SECOND.replace("A1", "A2") + FIRST_PATH)
    loads = {item.element: item.load_mb_s for item in k2rel.failover(k2rel.study(path)).loads}
    assert (loads["toe_A1"], loads["toe_A2"]) == (100.0, 0.0)


def test_clients_that_are_dealt_over_alike_parts_share_the_load(spoiled) -> None:
    """Such a second path is a way out, not a way that stands idle."""
    second = FIRST_PATH + ', "@toe_A", server_A, fc_hba_A, fc_link_A, raid_controller_A, raid_chassis, media_raid]}\n'
    other = second.replace("@media_link_A", "@other_link_A").replace("@toe_A", "@other_toe_A")
    path, _ = spoiled(second, second + other)
    text = path.read_text().replace(
        "    toe_A: [toe_A1, toe_A2]\n",
        "    toe_A: [toe_A1, toe_A2]\n    other_toe_A: [toe_A2, toe_A1]\n    other_link_A: [media_link_A2, media_link_A1]\n",
    )
    path.write_text(text)
    study = k2rel.study(path)
    assert study.site.warnings == ()
    loads = {item.element: item.load_mb_s for item in k2rel.failover(study).loads}
    assert (loads["toe_A1"], loads["toe_A2"]) == (50.0, 50.0)


def test_the_holder_that_is_asked_first_is_the_one_that_the_warning_names(spoiled) -> None:
    """Format 1 asks by the order of the sides whatever the list says, and warns; format 2 asks as listed."""
    swapped = "sides:\n  B: {title: B side}\n  A: {title: A side}"
    path, _ = spoiled("sides:\n  A: {title: A side}\n  B: {title: B side}", swapped, data="0.1")
    study = k2rel.study(path)
    (warning,) = study.site.warnings
    assert (
        warning.key == "roles.file_system.holders"
        and path.read_text().splitlines()[warning.line - 1].strip() == "holders:"
    )
    assert "the order is server_B (B), server_A (A); list them so, or write 'format: 2'" in warning.message
    assert k2rel.failover(study).roles["file_system"] == "B"
    path, _ = spoiled("sides:\n  A: {title: A side}\n  B: {title: B side}", swapped)
    study = k2rel.study(path)
    assert study.site.warnings == ()
    assert k2rel.failover(study).roles["file_system"] == "A"


def test_a_need_that_is_no_trigger_ends_the_role(spoiled) -> None:
    path, _ = spoiled(*CASES["a need that is no trigger"][:2])
    outcome = k2rel.failover(k2rel.study(path), "fc_link_A")
    assert outcome.roles["file_system"] == "A" and not outcome.services["file_system"]
