"""Every result shows as a line; tables are frames under one rule: numbers are numbers, and attrs say who computed."""

import numpy as np
import pandas as pd
import pytest

import k2rel
from k2rel.field import Exposure, Lives
from k2rel.sweep import SweepSpec
from tests.test_names import FILE, GROUP, PLAIN, cases
from tests.test_shown import PLAN, SLOW

SIGNED = {"method", "engine", "takeovers", "error_bound", "input_hash"}
# what a site is made of, what its rules say and what its log says, before any engine; what is not of a site
OF_NO_ENGINE = {
    "assumptions",
    "case_table",
    "components",
    "differences",
    "levels",
    "load_after_failures",
    "mttdl",
    "raid_losses",
    "raid_over_time",
    "raid_sets",
    "rates_used",
    "registry",
    "scrubbing",
    "spare_parts",
    "units",
    "updated",
}
# a row for each site or row of the registry: method and reading are columns, or stand in their names
OF_SEVERAL = {"entries_compared", "judgement_table", "most_clients", "overload_by_counts", "recommend"}
UNITS = ("_h", "_s", "_min", "_per_year", "_per_h", "_mb_s", "_tb", "_years", "_percent", "_share", "unavailability")


def frames(name, result):
    """The tables of a result: itself, or what its methods give."""
    if isinstance(result, pd.DataFrame):
        yield name, result
        return
    for method in ("table", "side_table", "elements", "roles", "sides", "client_hours_in_a_year"):
        if callable(give := getattr(result, method, None)) and isinstance(frame := give(), pd.DataFrame):
            yield f"{name}.{method}" if method != "table" else name, frame


@pytest.fixture(scope="module")
def study():
    return k2rel.study(FILE)


@pytest.fixture(scope="module")
def results(study):
    """What every public function gives of the foreign site; nobody changes it."""
    return {name: call() for name, call in cases(study, PLAN).items() if name not in SLOW}


@pytest.fixture(scope="module")
def tables(study, results):
    simulated = k2rel.simulate(study, plan=PLAN)
    given = {name: result for name, result in results.items() if "." not in name} | {
        "levels": k2rel.levels(),
        "mttdl": k2rel.mttdl_table(),
        "raid_losses": k2rel.raid_losses({"group": GROUP}, histories=200),
        "raid_over_time": k2rel.raid_over_time({"group": GROUP}, histories=200),
        "entries_compared": k2rel.entries_compared("media_server", level="L1"),
        "units": k2rel.units_with_coverage(0.9),
        "registry": k2rel.registry(),
        "judgement_table": k2rel.judgement_table(k2rel.judge(study, {"cameras": 99.9}, samples=16)),
        "of a year": simulated.distribution("cameras"),
        "counts": simulated.interruptions_in_a_year("cameras"),
        "simulated over time": simulated.over_time("cameras"),
        "answer": study.solve(),
    }
    plain = set(PLAIN.split()) - SLOW - {"failover", "load_after_failures"}
    given |= {f"{name} L1": getattr(k2rel, name)("L1") for name in plain}
    return {name: frame for whose, result in given.items() for name, frame in frames(whose, result)}


def things(result):
    """What a person sees one by one: the members of a list, the values of a dict."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple):
        return [thing for item in result[:3] for thing in things(item)]
    return (
        []
        if isinstance(result, pd.DataFrame | pd.Series | np.ndarray | str) or hasattr(result, "findobj")
        else [result]
    )


def test_what_comes_back_shows_as_one_line(study, results) -> None:
    answer = study.solve()
    lives = Lives("drives", *np.array([[100.0, 2000.0, 300.0], [100.0, 2000.0, np.inf], [1.0, 2.0, 5.0]]))
    everything = results | {
        "answer": answer,
        "solution": answer.solution,
        "chain": answer.solution.dynamics,
        "chain of units": k2rel.redundant_units(3, 0.9),
        "registry": k2rel.registry(),
        "law": study.law("brain_east"),
        "laws": study.laws,
        "site": study.site,
        "policy": study.policy,
        "provenance": answer.provenance,
        "group": GROUP,
        "data_loss": k2rel.data_loss(GROUP, histories=100),
        "circumstances": k2rel.Circumstances(wrong_unit=0.1),
        "organisation": k2rel.Organisation(crews=1, priority=("brain",)),
        "lives": lives,
        "fits": k2rel.fit_laws(lives),
        "exposure": Exposure("brain", 1, 1e5),
        "advice": k2rel.advise("L1", pairs=False),
        "sweep": SweepSpec("s", (), (99.9,), ("clients",), {}, False, 1),
    }
    wrong = {name: shown for name, result in everything.items() for thing in things(result)
             if len(shown := repr(thing)) > 200 or "\n" in shown or " object at 0x" in shown}  # fmt: skip
    assert not wrong


def test_every_column_is_numbers_or_texts(tables) -> None:
    assert len(tables) > 60
    mixed = {}
    for name, frame in tables.items():
        for column in frame.columns:
            values = frame[column]
            texts = all(isinstance(value, str) for value in values.dropna()) and not values.isna().all()
            number = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
            if not (number or (texts and not str(column).endswith(UNITS))):
                mixed[name, column] = (values.dtype, values.iloc[:1].tolist())
    assert not {key: found for key, found in mixed.items() if len(tables[key[0]])}


def test_every_table_of_an_engine_says_who_computed_it(tables) -> None:
    silent = {}
    for name, frame in tables.items():
        whose = name.split()[0].split(".")[0]
        if whose not in OF_NO_ENGINE | OF_SEVERAL and not set(frame.attrs) >= SIGNED:
            silent[name] = SIGNED - set(frame.attrs)
    assert not silent
    for name, frame in tables.items():
        if set(frame.attrs) >= SIGNED:
            said = frame.attrs
            assert said["engine"].startswith(said["method"]), name
            assert said["takeovers"] in ("ideal", "as modelled"), name
            assert said["error_bound"] is None or 0 <= said["error_bound"] < 1e-3, name
    assert tables["swing"].attrs["takeovers"] == "as modelled"
    assert tables["simulate"].attrs["method"] == "simulation" and tables["simulate"].attrs["error_bound"] is None
    assert np.isnan(tables["components L1"]["test_interval_h"]).sum() == 0


def test_aliases_of_the_field_are_the_functions_themselves() -> None:
    assert k2rel.importance is k2rel.causes and k2rel.minimal_cut_sets is k2rel.cut_sets
    assert {"importance", "minimal_cut_sets"} <= set(dir(k2rel))
