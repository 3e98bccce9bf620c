"""One name a quantity, with its unit and what it means; former names stand beside the new ones until they go."""

import csv
import io
import json
import re
from functools import cache

import pandas as pd
import pytest

import k2rel
from k2rel.cli import main
from k2rel.columns import COLUMNS
from k2rel.quantities import REMOVED_IN, quantities, quantity, with_former, with_former_columns
from k2rel.report.workbook import write_tables
from k2rel.tables import for_people

QUANTITIES = quantities().values()
ENDS = {
    "_min_per_year": "min/year", "_per_year": "1/year", "_per_h": "1/h", "_mb_s": "MB/s", "_min": "min", "_h": "h",
    "_s": "s", "_tb": "TB", "_years": "years", "_percent": "%",
}  # fmt: skip
NO_UNIT_IN_THE_END = {"losses_per_1000", "client_hours_lost_per_year", "hours_per_year", "share_longer_than_10_s",
                      "slope_rate_h", "slope_mttr_min_per_year", "slope_min_per_year"}  # fmt: skip
RETIRED = re.compile(
    r"\b(a year|is lost|losses a year|stick|preferred side|ways?|persons?|somebody|stands? by|(?<!failure )law|tells?"
    r"|told|said|asked|arrives|good|there now|meanwhile so|so far out|at once)\b"
)


def ends_in(key: str) -> str:
    """The unit that the end of a key names."""
    return next((unit for end, unit in ENDS.items() if key.endswith(end)), "")


# the table itself -----------------------------------------------------------------------------------------------------


def test_every_quantity_has_a_definition_in_one_sentence() -> None:
    for one in QUANTITIES:
        assert re.fullmatch(r"[A-Z].+\.", one.definition), one.key
        assert one.title, one.key
        assert COLUMNS[one.key][1] is not None


def test_the_end_of_a_key_is_the_unit_and_the_title_names_it() -> None:
    """A duration has its unit in the cell, and a rate a year its own words; all others have it in the title."""
    for one in QUANTITIES:
        if "*" in one.key or one.key.startswith(("share_longer", "by_clients")):
            continue
        if one.key not in NO_UNIT_IN_THE_END and ends_in(one.key):
            assert one.unit == ends_in(one.key), one.key
        written_with_it = one.written in {"duration", "start"}
        per_year = one.unit == "1/year" and "per year" in one.title
        if one.unit and not written_with_it and not per_year:
            assert f"[{one.unit}]" in one.title, one.key


def test_a_quantity_with_a_unit_has_it_in_its_key() -> None:
    for one in QUANTITIES:
        if one.unit in {"min/year", "min", "1/h", "MB/s", "s"} and one.key not in NO_UNIT_IN_THE_END:
            assert any(end.strip("_") in one.key for end, unit in ENDS.items() if unit == one.unit), one.key


def test_no_two_quantities_have_one_title() -> None:
    """What a table has twice must be told apart by its title alone."""
    titles: dict[str, list[str]] = {}
    for one in QUANTITIES:
        titles.setdefault(one.title, []).append(one.key)
    shared = [keys for keys in titles.values() if len(keys) > 1]
    assert shared == [["input", "about"]], "the second takes the place of the first"


def test_no_title_has_a_word_that_the_vocabulary_retires() -> None:
    found = {one.key: one.title for one in QUANTITIES if RETIRED.search(one.title)}
    assert not found


def test_terms_are_written_as_the_glossary_has_its_keys() -> None:
    for one in QUANTITIES:
        assert one.term is None or one.term == one.term.lower().strip(), one.key


def test_a_former_name_has_not_become_the_name_of_something_else_in_the_same_answer() -> None:
    """A program that still reads the former name gets the quantity that it had, and no other."""
    for one in QUANTITIES:
        for former in one.former:
            assert former.name != one.key
            clash = quantities().get(former.name)
            if clash is not None:  # general names, or the same quantity in another unit
                assert former.name in {"low", "high", "failures", "id", "takeovers", "expected_downtime_min"}, (
                    one.key,
                    former.name,
                )


def test_the_nomenclature_is_a_table_for_everybody() -> None:
    table = k2rel.nomenclature()
    assert list(table.columns) == ["title", "unit", "definition", "term", "former_names"]
    assert table.loc["mean_downtime_h", "former_names"] == "mean_min, mean_interruption_h"
    assert len(table) == len(quantities())


# what people see ------------------------------------------------------------------------------------------------------


@cache
def public_tables() -> dict[str, pd.DataFrame]:
    """Tables of one site, one of each kind."""
    answer = k2rel.study("L2R").solve()
    risk = answer.risk("server_A")
    works = answer.maintenance([k2rel.Work("switch_A", 2.0, 2000.0), k2rel.Work("switch_B", 1.0)])
    drawn = k2rel.uncertainty("L1", ["media"], samples=16)
    return {
        "availability": answer.services.table(), "load": answer.load().table(), "sides": answer.load().side_table(),
        "interruptions": answer.interruptions("media", first_loss=True), "causes": answer.causes(),
        "downtime_causes": answer.downtime_causes(), "cut_sets": answer.cut_sets(), "modes": answer.modes(),
        "swing": k2rel.swing("L1"), "served": answer.served(), "risk": risk.table(), "critical": risk.critical_table(),
        "actions": risk.action_table(), "works": works.table(), "orders": works.order_table(),
        "pairs": works.pair_table(), "plan": works.plan_table(), "how_sure": drawn.table(),
        "inputs": drawn.inputs_table(), "both": k2rel.modelled_and_ideal("L2R"),
        "components": k2rel.components("L2R"), "rates_used": k2rel.rates_used("L2R"),
        "spares": k2rel.spare_parts(["L2R"]), "overview": k2rel.overview(["L2R"]), "compare": k2rel.compare(["L2R"]),
        "split": answer.downtime_split(), "over_time": answer.over_time("media", [1.0]),
        "common_causes": k2rel.common_causes("L2R", method="exact"), "raid_sets": k2rel.raid_sets("L2R"),
    }  # fmt: skip


def test_every_column_of_a_public_table_is_in_the_nomenclature_or_a_text() -> None:
    unknown = {}
    for name, frame in public_tables().items():
        for column in map(str, frame.columns):
            of_a_side = re.fullmatch(r"(on|normal_share|worst_share)_[a-l](_mb_s)?", column)
            of_a_service = column.endswith("_min_per_year")  # such as ftp_min_per_year
            numbers = pd.api.types.is_float_dtype(frame[column])
            in_its_unit = "unit" in frame.columns  # of which a column beside it says what it is
            if numbers and not (quantity(column) or of_a_side or of_a_service or in_its_unit):
                unknown.setdefault(name, []).append(column)
    assert not unknown


def test_a_table_for_people_loses_no_column_to_another_with_its_title() -> None:
    for name, frame in public_tables().items():
        shown = for_people(frame)
        hidden = {"about", "unit"} & set(frame.columns)
        assert len(shown.columns) == len(frame.columns) - len(hidden), name


# what programs read ---------------------------------------------------------------------------------------------------

ANSWERS = {
    "interruptions": ["--service", "media"],
    "causes": [],
    "served": [],
    "risk": ["--failed", "server_A"],
    "maintenance": ["--part", "switch_A", "--for", "2 h", "--every", "90 d"],
    "uncertainty": ["--samples", "16"],
    "components": [],
}


def rows_of(data: object, path: tuple[str, ...] = ()):
    """All objects of an answer with the keys above them."""
    if isinstance(data, list):
        for item in data:
            yield from rows_of(item, path)
    elif isinstance(data, dict):
        yield path, data
        for key, item in data.items():
            yield from rows_of(item, (*path, key))


@pytest.mark.parametrize("verb", ANSWERS)
def test_former_names_stand_beside_the_new_ones(verb, capsys) -> None:
    site = "L1" if verb in {"causes", "uncertainty"} else "L2R"
    assert main([verb, site, *ANSWERS[verb], "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    seen = set()
    for path, row in rows_of(data):
        if "former_names" in path:
            continue
        for key in row:
            for former in quantity(key).former if quantity(key) else ():
                if any(place.has(verb, "json", path) for place in former.places):
                    assert former.name in row, (path, key)
                    seen.add(former.name)
                    if isinstance(row[key], float):
                        assert row[former.name] == pytest.approx(row[key] * former.factor, rel=1e-12)
    if seen and isinstance(data, dict):
        assert data["former_names"]["removed_in"] == REMOVED_IN
        listed = data["former_names"]["names"]
        assert {entry["former"] for entry in listed} == seen
        assert all(entry["times"] == (60.0 if entry["name"].endswith("downtime_h") else 1.0) for entry in listed
                   if verb == "interruptions")  # fmt: skip
    assert main([verb, site, *ANSWERS[verb], "--format", "csv"]) == 0
    heads = next(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert len(heads) == len(set(heads))
    old = [former.name for head in heads if quantity(head) for former in quantity(head).former
           if any(place.has(verb, "csv", ()) for place in former.places)]  # fmt: skip
    assert heads[len(heads) - len(set(old)) :] == list(dict.fromkeys(old)), "former columns come after the new ones"


def test_minutes_stay_minutes_under_the_former_name(capsys) -> None:
    main(["interruptions", "L2R", "--service", "media", "--format", "json"])
    (row,) = json.loads(capsys.readouterr().out)["interruptions"]
    assert row["mean_min"] == pytest.approx(13.6, abs=0.05)
    assert row["mean_downtime_h"] == pytest.approx(13.6 / 60, abs=1e-3)
    assert row["per_year"] == row["failures_per_year"] == pytest.approx(2.62, abs=0.005)


def test_a_name_is_former_only_where_it_stood() -> None:
    assert with_former({"failures_per_year": 2.0}, "availability") == {"failures_per_year": 2.0}
    assert with_former({"failures_per_year": 2.0}, "simulate")["interruptions_per_year"] == 2.0
    assert "low" not in with_former({"low_min_per_year": 1.0}, "compare")


def test_tables_of_a_report_have_the_former_columns_too(tmp_path) -> None:
    frame = pd.DataFrame({"failures_per_year": [2.0], "mean_downtime_h": [0.5]}, index=pd.Index(["=x"], name="service"))
    assert list(with_former_columns(frame, "interruptions").columns)[2:] == ["per_year", "mean_min"]
    write_tables(tmp_path, "site", {"interruptions": frame, "availability": frame}, {})
    heads = (tmp_path / "site_interruptions.csv").read_text().split("\n")[0]
    assert heads == "service,failures_per_year,mean_downtime_h,per_year,mean_min"
    assert "per_year," not in (tmp_path / "site_availability.csv").read_text().split("\n")[0].partition("mean")[2]


@pytest.mark.parametrize(("new", "old"), [("modelled", "sticky"), ("ideal", "preferred")])
def test_both_spellings_of_the_reading_are_taken(new, old, k2) -> None:
    one, other = (k2("availability", "L2R", "--roles", word, "--format", "json").json for word in (new, old))
    assert one == other


def test_a_former_name_of_a_function_works_until_the_release_without_former_names() -> None:
    former, text = "sticky_and_preferred", r"k2rel\.modelled_and_ideal now; the former name goes with release 0\.3"
    with pytest.warns(DeprecationWarning, match=text):
        assert getattr(k2rel, former) is k2rel.modelled_and_ideal
    assert former not in dir(k2rel)
