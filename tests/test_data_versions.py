"""Why did my number change? The bundled data have versions, and an older one gives its figures again at every door."""

import argparse
import hashlib
import math
import shutil

import pytest

import k2rel
from k2rel import bundled
from k2rel.bundled import DATA_VERSION, data_dir, data_version, level_names, rates_path, site_path
from k2rel.cli import _parser
from k2rel.errors import InputError
from k2rel.explore import LiveSite
from k2rel.rates import read_rates, registry, write_rates
from k2rel.report import open_study
from k2rel.site import read_site
from k2rel.sweep import read_sweep
from k2rel.sweep.run import compute

# Written down before there were versions: media, control and file system as modelled [min/year], and what they rest on.
FIRST = {
    "L1": ("03a1725701712d7b", 87.18548524, 49.29317398, 68.89187089),
    "L2": ("cb347644771fe1b3", 90.86405090, 49.29317398, 68.89187089),
    "L2R": ("99b3173c4eae5c99", 9.968382702, 5.960244847, 9.926908918),
    "L3": ("6576d9a6862d3198", 137.3954257, 49.29317398, 68.89187089),
    "L3R": ("ddcce561a6f0039b", 15.21146810, 5.961137816, 9.927945214),
    "nearline": ("54d5bfc3474fcb6d", math.nan, math.nan, 22.18025988),
}
FIRST_FILES = "ac20ea5bff184a78"


def downtimes(study) -> list[float]:
    found = {item.service: item.downtime_min_per_year for item in study.solve().services}
    return [found.get(name, math.nan) for name in ("media", "control", "file_system")]


@pytest.mark.parametrize("level", FIRST)
def test_the_first_data_give_the_figures_and_the_inputs_of_their_day(level) -> None:
    study = k2rel.study(level, data="0.1")
    assert downtimes(study) == pytest.approx(FIRST[level][1:], rel=1e-8, nan_ok=True)
    assert study.provenance.input_hash == FIRST[level][0]


@pytest.mark.slow
def test_so_with_as_many_clients_as_were_asked_for() -> None:
    assert downtimes(k2rel.study("L3R", clients=20, data="0.1"))[0] == pytest.approx(15.213827, rel=1e-7)


def test_nobody_touches_the_files_of_an_earlier_version() -> None:
    folder = data_dir() / "versions" / "0.1"
    files = [folder / "rates.csv", *(folder / "levels" / f"{name}.yaml" for name in FIRST)]
    assert sorted(files) == sorted(path for path in folder.rglob("*") if path.is_file())
    assert hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16] == FIRST_FILES


def test_every_version_is_listed_once_with_its_files_and_the_last_is_the_current_one() -> None:
    names = [version.name for version in bundled._VERSIONS]
    assert names == sorted(set(names)) and names[-1] == DATA_VERSION == data_version().name
    for name in names:
        assert rates_path(name).is_file() and set(level_names(name)) >= {"L1", "L2R"}
        assert data_version(name).date and data_version(name).changed
    assert {path.name for path in (data_dir() / "versions").iterdir()} == {*names} - {DATA_VERSION}


@pytest.fixture
def moved(tmp_path, monkeypatch):
    """Current data in which a switch fails ten times as often and Level 2 has seven clients; and the old Level 2 as a file."""
    home = tmp_path / "data"
    shutil.copytree(data_dir(), home)
    monkeypatch.setattr(bundled, "_home", lambda name, real=bundled._home: home if name == "data" else real(name))
    lines = (home / "rates.csv").read_text().splitlines(keepends=True)
    changed = [line.replace(",4.29e-06,", ",4.29e-05,").replace(",1.3e-05,3,", ",1.3e-04,10,") for line in lines]
    (home / "rates.csv").write_text("".join(changed))
    level = home / "levels" / "L2.yaml"
    level.write_text(level.read_text().replace("count: =clients", "count: 7"))
    own = tmp_path / "own.yaml"
    own.write_text(site_path("L2", "0.1").read_text())
    return own


SWITCH = 4.29e-6


def test_two_versions_stand_side_by_side_and_neither_is_taken_for_the_other(moved) -> None:
    for data, rate in (("0.1", SWITCH), (None, 10 * SWITCH), ("0.1", SWITCH), (DATA_VERSION, 10 * SWITCH)):
        study = k2rel.study("L2", data=data)
        assert study.law("switch_A").failure_rate_per_h == pytest.approx(rate)
        assert read_rates(data=data).row("eth_switch_hw_pred").rate_per_h == pytest.approx(rate)
        assert study.site.data == study.provenance.data == (data or DATA_VERSION)
    assert (k2rel.study("L2").site.client_count, k2rel.study("L2", data="0.1").site.client_count) == (7, 4)


def test_a_site_file_of_ones_own_takes_the_rates_of_the_version_asked_for(moved) -> None:
    assert k2rel.study(moved).law("switch_A").failure_rate_per_h == pytest.approx(10 * SWITCH)
    assert k2rel.study(moved, data="0.1").law("switch_A").failure_rate_per_h == SWITCH
    assert read_site(moved, data="0.1").data == "0.1"


@pytest.mark.slow
def test_every_door_of_python_gives_the_figure_of_the_version(moved, tmp_path) -> None:
    downtime = k2rel.study("L2", data="0.1").solve()["media"].downtime_min_per_year
    assert k2rel.study("L2").solve()["media"].downtime_min_per_year > downtime + 1
    spec = tmp_path / "spec.yaml"
    spec.write_text("name: s\nlevels: [L2]\ndata: 0.1\n")
    (point,) = read_sweep(spec).points
    doors = {
        "studies_of": k2rel.studies_of(["L2"], data="0.1")["L2"].solve()["media"].downtime_min_per_year,
        "compare": k2rel.compare(["L2"], data="0.1").loc["L2", "downtime_min_per_year"],
        "overview": k2rel.overview(["L2"], data="0.1").loc["L2", "downtime_min_per_year"],
        "notebook": open_study("L2", data="0.1").solve()["media"].downtime_min_per_year,
        "explorer": {one.service: one for one in LiveSite("L2", "0.1").figures().services}["media"].downtime_min_per_year,
        "sweep": compute(point)["downtime_min_per_year"],
        "registry": k2rel.entries_compared("gige_switch", level="L2", data="0.1").iloc[0]["downtime_min_per_year"],
    }  # fmt: skip
    assert doors == pytest.approx(dict.fromkeys(doors, downtime))
    assert k2rel.levels("0.1").loc["L2", "clients"] == 4 and k2rel.levels().loc["L2", "clients"] == 7


def test_a_kept_point_of_a_sweep_is_of_one_version(tmp_path) -> None:
    """The levels are the same texts in both, so nothing but the version tells the points apart."""
    spec = tmp_path / "spec.yaml"
    keys = []
    for data in ("0.1", DATA_VERSION):
        spec.write_text(f"name: s\nlevels: [L2]\ndata: {data}\n")
        (point,) = read_sweep(spec).points
        keys.append(point.key({"L2": "as it is"}, "code"))
    assert keys[0] != keys[1]


def test_what_is_read_anew_for_a_study_is_of_its_version(moved) -> None:
    """Another number of clients and another level begin at the file again."""
    from k2rel.design.changes import at_level, with_clients

    study = k2rel.study("L2", data="0.1")
    others = [with_clients(study, 5), at_level(study, "L2R")]
    assert {one.law("switch_A").failure_rate_per_h for one in others} == {SWITCH}
    assert {one.site.data for one in others} == {"0.1"}


def test_every_verb_about_a_level_or_the_registry_has_the_option() -> None:
    def with_all(parser: argparse.ArgumentParser, name: str):
        deeper = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        for action in deeper:
            for word, sub in action.choices.items():
                yield from with_all(sub, f"{name} {word}")
        if not deeper:
            yield name, {word for action in parser._actions for word in (action.dest, *action.option_strings)}

    options = dict(with_all(_parser(), "k2rel"))
    about = {name for name, words in options.items() if words & {"level", "--rates", "--level"}} | {
        "k2rel levels",
        "k2rel fit",
    }
    assert len(about) > 20
    assert {name for name, words in options.items() if "--data" in words} == about


@pytest.mark.parametrize(
    "words",
    [
        "availability L2 --format json",
        "causes L2 --format json",
        "load L2 --format json",
        pytest.param("advise L2 --no-pairs --format json", marks=pytest.mark.slow),
    ],
)
def test_the_command_says_which_data_it_used(k2, words) -> None:
    assert k2(*words.split(), "--data", "0.1").json["data"] == "0.1"
    assert k2(*words.split()).json["data"] == DATA_VERSION


def test_the_head_of_a_table_and_what_a_frame_carries_say_it_too(k2) -> None:
    assert (
        "of the bundled table, data 0.1 (k2rel components lists them)\n"
        in k2("availability", "L2", "--data", "0.1").out
    )
    study = k2rel.study("L2", data="0.1")
    assert study.solve().services.table().attrs["data"] == "0.1"
    assert k2rel.report.about(study)["data"] == "version 0.1 of the bundled data"


@pytest.mark.parametrize(
    "ask",
    [
        lambda path: k2rel.study("L2", data="0.7"),
        lambda path: k2rel.studies_of(["L2"], data="0.7"),
        lambda path: registry(data="0.7"),
        lambda path: read_site("L2", data="0.7"),
        lambda path: open_study("L2", data="0.7"),
        lambda path: k2rel.render_reports(["L2"], path / "out", data="0.7"),
        lambda path: read_sweep(path / "spec.yaml"),
    ],
)
def test_an_unknown_version_is_refused_with_those_that_there_are(ask, tmp_path) -> None:
    (tmp_path / "spec.yaml").write_text("name: s\nlevels: [L2]\ndata: 0.7\n")
    with pytest.raises(
        InputError, match=r"data: there is no version '0\.7' of the bundled data; there are 0\.1, 0\.2, 0\.3$"
    ):
        ask(tmp_path)
    assert not (tmp_path / "out").exists()


def test_the_command_refuses_it_in_one_sentence(k2) -> None:
    run = k2("rates", "list", "--data", "yesterday")
    assert run.code == 2
    assert run.err == "k2rel: data: there is no version 'yesterday' of the bundled data; there are 0.1, 0.2, 0.3\n"


# What moved with 0.2 -----------------------------------------------------------------------------------------------


def moved_rows(tmp_path) -> list[str]:
    """The rows of the changelog's table: 0.1, then its levels with one change of the rates after the other, then 0.2."""
    windows = tmp_path / "windows.csv"
    windows.write_text(write_rates([registry(data="0.2").row("os_windows")]))
    rows = []
    for level in FIRST:
        steps = {
            "0.1": k2rel.study(level, data="0.1"),
            "windows": k2rel.study(level, data="0.1", rates=windows),
            "rates": k2rel.study(site_path(level, "0.1"), data="0.2"),
            "0.2": k2rel.study(level, data="0.2"),
        }
        found = {step: downtimes(study) for step, study in steps.items()}
        for number, service in enumerate(("media", "control", "file_system")):
            values = [found[step][number] for step in steps]
            if not math.isnan(values[0]):
                rows.append(f"| {level} | {service} | " + " | ".join(f"{value:.4g}" for value in values) + " |")
    return rows


@pytest.mark.slow
def test_the_table_of_the_changelog_says_what_moved_and_by_what(tmp_path) -> None:
    text = (data_dir().parent / "CHANGELOG.md").read_text()
    table = text[text.index("| level | service | 0.1 |") :]
    assert table[: table.index("\n\n")].splitlines()[2:] == moved_rows(tmp_path)


def test_the_enclosure_without_a_figure_of_its_own_is_nearly_all_of_the_ideal_downtime_and_says_so() -> None:
    """8 h of repair times the rate, over the downtime with ideal takeovers: 97 % of Level 2R (98 % with the rates alone), 96 % of Level 3R."""
    row = registry().row("raid_midplane")
    assert (row.evidence, row.component_types) == ("A", ("raid_chassis",))
    assert row.low_per_h == pytest.approx(row.rate_per_h / 5, rel=0.02)
    assert row.high_per_h == pytest.approx(row.rate_per_h * 5, rel=0.02)
    for level, percent in (("L2R", 97), ("L3R", 96)):
        ideal = k2rel.study(level).solve("exact")["media"].unavailability
        assert round(100 * row.rate_per_h * row.mttr_h["4h"] / ideal) == percent
        register = k2rel.assumptions(k2rel.study(level)).set_index("assumption")
        assert "about a similar part" in str(register.loc["failure data of raid_chassis", "reason"])


def test_a_whole_windows_server_is_as_available_as_those_in_the_field() -> None:
    """99.95 to 99.97 % with its hardware; an hour and two hours a crash are the ends, a quarter of an hour is too good."""
    rows = registry().rows
    hardware = rows["server_hw"].rate_per_h * rows["server_hw"].mttr_h["4h"]
    system = rows["os_windows"]

    def available(hours: float) -> float:
        return 100 * (1 - hardware - system.rate_per_h * hours)

    assert system.mttr_h == {"onsite": 1.0, "4h": 1.0, "nbd": 2.0}
    assert round(available(system.mttr_h["4h"]), 2) == 99.97 and system.mttr_factor is not None
    assert round(available(2.0), 2) == 99.95 and available(0.25) > 99.98
    old = read_rates(data="0.1").row("os_windows")
    assert 100 * (1 - hardware - old.rate_per_h * old.mttr_h["4h"]) > 99.99


def test_drives_are_those_of_the_field_of_their_years() -> None:
    """350,000 to 1,200,000 h over the life of fleets: the middle is the geometric mean of the two."""
    row = registry().row("hdd_fc_elerath_shah")
    assert registry().defaults["drive"] == row.id
    assert 1 / row.rate_per_h == pytest.approx(math.sqrt(350_000 * 1_200_000), rel=0.003)
    assert (1 / row.high_per_h, 1 / row.low_per_h) == pytest.approx((350_000, 1_200_000), rel=0.005)
    assert row.life is not None and row.life.family == "weibull"  # an age can be given, as to the default before
