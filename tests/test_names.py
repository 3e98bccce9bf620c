"""Nothing depends on what a site calls its parts, classes, roles and sides; and what a caller gives is what is meant.

`foreign_site.yaml` has no name of the bundled levels. Every public function runs over it; one that is added later and
stands in no table here makes the first test fail.
"""

# mypy: disable-error-code="arg-type, list-item"
# what is refused, and one where a list is asked for, is given on purpose

import dataclasses
import inspect
import re
from functools import cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import k2rel
from k2rel import plots
from k2rel.errors import InputError
from k2rel.field import Exposure, PartFailure, SiteLog

FILE = str(Path(__file__).with_name("foreign_site.yaml"))
FACES = (
    "k2rel",
    "k2rel.plots",
    "k2rel.report",
    "k2rel.explore",
    "k2rel.simulation",
    "k2rel.policy",
    "k2rel.site",
    "k2rel.rates",
)
K2_WORDS = re.compile(
    r"(?<![a-z])(media|control|ftp|file[ _]system|toe|nearline|isl|server_[AB]|switch_[AB])(?![a-z])", re.I
)
ORGANISATION = k2rel.Organisation(tolerance=1e-4)
PREFERRED = k2rel.Organisation(roles="ideal")
GROUP = k2rel.RaidGroup(4, 1, k2rel.Distribution.exponential(1e5), k2rel.Distribution.fixed(24))
DAMAGED = "hub_east"
LOG = SiteLog(0.0, 8760.0, (PartFailure(DAMAGED, 10.0, 18.0),))
# what does not look at a site, or holds what another function gives; what only lists the bundled levels
NOT_OF_A_SITE = """
Answer Circumstances Distribution InputError K2relError Organisation Plan Policy RaidGroup Site SiteDescription Study
UncertaintyResult Work at_least describe site.SiteDescription site.at_least site.describe
__version__ data_loss glossary
entries_compared fit_laws for_people design_names designs judgement_table level_names levels mttdl_table nomenclature parse_distribution raid_losses
raid_over_time from_cables read_cables read_circumstances read_costs read_fault_trees read_field redundant_units registry scrubbing solve
units_with_coverage
plots.Drawing plots.plot_changes plots.plot_data_loss_over_time plots.plot_front plots.plot_probability
plots.plot_rates_updated plots.plot_repairs plots.plot_scrubbing plots.plot_side_figures plots.plot_sweep
plots.plot_sweep_sample plots.plot_units plots.plot_comparison plots.plot_most_clients plots.plot_side_by_side
plots.plot_time_to_first_loss
report.Pictures report.Refused report.Rendered report.check_parameters report.open_pair report.save_results report.show_pair report.show_recommendation report.show report.show_chapter report.show_figure report.show_text
explore.LiveFigures simulation.Circumstances simulation.Plan simulation.Simulation simulation.read_circumstances
policy.Choice policy.FailoverOutcome policy.Policy policy.Route site.Site
rates.Conditions rates.Contract rates.Law rates.Moments rates.RaidModule rates.RateRow rates.RateTable rates.SiteLaws
rates.calendar_of rates.common_period_h rates.moving_moments rates.law_at rates.moments_of
rates.duplicated rates.read_rates rates.registry rates.write_rates
"""
PLAIN = """
advise assumptions availability candidate_changes case_table causes common_causes components
assumption_importance cut_set_table cut_sets downtime_split failover_cases headline importance load minimal_cut_sets modes mode_flows moments open_psa_of graphml_of dot_of raid_sets rates_used served
single_points_of_failure carrying spare_parts swing takeovers verdict failover load_after_failures
overload_after_takeover feasible_organisation
"""
ORGANISED = "downtime_causes interruptions performability modelled_and_ideal why_they_differ"
SLOW = {"render_reports", "report.render_reports", "history"}


@cache
def sheet(s):
    """Who answers, and the table of all single failures."""
    pages = import_module("k2rel.report")
    answer = pages.open_answer(FILE)
    assert answer.study.site.name == s.site.name
    return answer, pages.open_duty(answer)


def cases(s, run):
    """A call of every public function about a site, service and class left to their defaults where they have one."""
    plain = {name: lambda name=name: getattr(k2rel, name)(s) for name in PLAIN.split()}
    organised = {name: lambda name=name: getattr(k2rel, name)(s, ORGANISATION) for name in ORGANISED.split()}
    page = cache(lambda: k2rel.summary(s, 99.9, samples=16, organisation=ORGANISATION))
    after = {
        "failover": lambda: k2rel.failover(s, DAMAGED),
        "load_after_failures": lambda: k2rel.load_after_failures(s, [DAMAGED]),
        "advise": lambda: k2rel.advise(s, pairs=False, organisation=ORGANISATION),
        "best_changes": lambda: k2rel.best_changes(s, organisation=ORGANISATION),
        "contracts": lambda: k2rel.contracts(s, organisation=ORGANISATION),
        "variants": lambda: k2rel.variants(s, organisation=ORGANISATION),
        "window": lambda: k2rel.window(s, organisation=ORGANISATION),
        "risk": lambda: k2rel.risk(s, DAMAGED, organisation=ORGANISATION),
        "duty_table": lambda: k2rel.duty_table(s, organisation=ORGANISATION),
        "plots.plot_risk": lambda: plots.plot_risk(k2rel.risk(s, DAMAGED, organisation=ORGANISATION)),
        "maintenance": lambda: k2rel.maintenance(s, k2rel.Work(DAMAGED, 1.0), ORGANISATION),
        "outage": lambda: k2rel.outage(s, LOG, ORGANISATION),
        "read_alarms": lambda: k2rel.read_alarms(BytesIO(f"component,state\n{DAMAGED},down\n".encode()), s),
        "rule_effects": lambda: k2rel.rule_effects(s, organisation=ORGANISATION),
        "compare": lambda: k2rel.compare(FILE),
        "overview": lambda: k2rel.overview(FILE),
        "studies_of": lambda: list(k2rel.studies_of(FILE)),
        "study": lambda: k2rel.study(FILE),
        "overload_by_level": lambda: k2rel.overload_by_level(FILE),
        "overload_by_counts": lambda: k2rel.overload_by_counts({"site": FILE}, [2]),
        "paired_draws": lambda: k2rel.paired_draws({"site": FILE}, samples=8),
        "recommend": lambda: k2rel.recommend(FILE, samples=8),
        "roles_by_level": lambda: k2rel.roles_by_level(FILE),
        "dynamic_over_time": lambda: k2rel.dynamic_over_time(s, [0, 10], ORGANISATION),
        "over_time": lambda: k2rel.over_time(s, None, 8760, ORGANISATION),
        "differences": lambda: k2rel.differences(s, k2rel.study(FILE, clients=2)),
        "services_compared": lambda: k2rel.services_compared(s, k2rel.study(FILE, clients=2)),
        "judge": lambda: k2rel.judge(s, k2rel.read_target("99.9", s.site), samples=16),
        "read_target": lambda: k2rel.read_target("99.9", s.site),
        "most_clients": lambda: k2rel.most_clients(FILE, "25 MB/s", most=3),
        "quick_look": lambda: k2rel.quick_look(s, 1e4),
        "rare_loss": lambda: k2rel.rare_loss(s, PREFERRED, target=0.9, most_seconds=0.1),
        "sensitivity": lambda: k2rel.sensitivity(s, samples=16),
        "simulate": lambda: k2rel.simulate(s, plan=run),
        "takeover_steps": lambda: k2rel.takeover_steps(s, DAMAGED),
        "timeline": lambda: k2rel.timeline(s, years=2),
        "break_even": lambda: k2rel.break_even(s),
        "uncertainty": lambda: k2rel.uncertainty(s, samples=16),
        "summary": page,
        "report.show_summary": lambda: import_module("k2rel.report").show_summary(page(), {}).data,
        "swing": lambda: k2rel.swing(s),
        "updated": lambda: k2rel.updated(s, [Exposure("brain", 1, 1e5)]),
        "with_second": lambda: k2rel.with_second(s, DAMAGED),
        "plots.caption": lambda: plots.caption(s.site),
        "plots.draw_site": lambda: plots.draw_site(s.site, k2rel.failover(s)),
        "plots.looks": lambda: plots.looks(s.site, k2rel.failover(s)),
        "plots.plot_availability_over_time": lambda: plots.plot_availability_over_time(
            k2rel.over_time(s, None, [1, 10], ORGANISATION), "cameras"
        ),
        "plots.plot_causes": lambda: plots.plot_causes(k2rel.causes(s), sides=s.site.sides),
        "plots.plot_contracts": lambda: plots.plot_contracts(k2rel.contracts(s, organisation=ORGANISATION)),
        "plots.plot_downtime_budget": lambda: plots.plot_downtime_budget(k2rel.cut_set_table(s), 2.2),
        "plots.plot_downtime_of_a_year": lambda: plots.plot_downtime_of_a_year(
            {"cameras": k2rel.simulate(s, plan=run).distribution("cameras")}
        ),
        "plots.plot_interruptions": lambda: plots.plot_interruptions(k2rel.interruptions(s, ORGANISATION)),
        "plots.plot_load_after_failover": lambda: plots.plot_load_after_failover(
            s.site, k2rel.failover(s), k2rel.failover(s, DAMAGED)
        ),
        "plots.plot_load_against_capacity": lambda: plots.plot_load_against_capacity(k2rel.load(s), s.site),
        "plots.plot_load_distribution": lambda: plots.plot_load_distribution(k2rel.load(s), s.site),
        "plots.plot_mode_graph": lambda: plots.plot_mode_graph(
            *k2rel.mode_flows(s, ORGANISATION), sides=s.site.sides
        ),
        "plots.plot_modes": lambda: plots.plot_modes(k2rel.modes(s)),
        "plots.plot_swing": lambda: plots.plot_swing(k2rel.swing(s), 2.2),
        "plots.plot_band": lambda: plots.plot_band(k2rel.uncertainty(s, samples=16)),
        "plots.plot_bands": lambda: plots.plot_bands(k2rel.uncertainty(s, samples=16)),
        "plots.timeline_picture": lambda: plots.timeline_picture(k2rel.timeline(s, years=2)),
        "report.about": lambda: import_module("k2rel.report").about(s),
        "report.given_words": lambda: import_module("k2rel.report").given_words(k2rel.performability(s), s.site),
        "report.load_unit": lambda: import_module("k2rel.report").load_unit(s.site),
        "report.attempt": lambda: import_module("k2rel.report").attempt(s.solve().table),
        "report.open_answer": lambda: import_module("k2rel.report").open_answer(FILE).table(),
        "report.reading": lambda: import_module("k2rel.report").reading("preferred").words(),
        "report.open_study": lambda: import_module("k2rel.report").open_study(FILE, settings="brain.mttr=2 h"),
        "report.open_duty": lambda: sheet(s)[1],
        "report.show_duty": lambda: import_module("k2rel.report").show_duty(*sheet(s)).data,
        "report.worst_failure": lambda: import_module("k2rel.report").worst_failure(sheet(s)[1]),
        "report.show_cases": lambda: import_module("k2rel.report").show_cases(s).data,
        "report.show_explorer": lambda: import_module("k2rel.report").show_explorer(s).data,
        "report.show_steps": lambda: import_module("k2rel.report").show_steps(s, DAMAGED).data,
        "explore.LiveSite": lambda: import_module("k2rel.explore").LiveSite(FILE).figures().as_html(),
        "simulation.simulate": lambda: k2rel.simulate(s, plan=run).roles(),
        "policy.failover": lambda: import_module("k2rel.policy").failover(s.policy, DAMAGED),
        "read_site": lambda: k2rel.read_site(FILE),
        "site.read_site": lambda: import_module("k2rel.site").read_site(FILE),
        "rates.changed_laws": lambda: import_module("k2rel.rates").changed_laws(s.site, s.laws, lambda n, p, law: law),
        "rates.pinned_rows": lambda: import_module("k2rel.rates").pinned_rows(s.site),
        "rates.site_laws": lambda: import_module("k2rel.rates").site_laws(s.site),
        "rates.with_rate": lambda: import_module("k2rel.rates").with_rate(s.site, s.laws, "server_hw", 1e-6),
    }  # fmt: skip
    return {**plain, **organised, **after}


def told(result):
    """Every text of a result, as a person or a program would see it."""
    if isinstance(result, str):
        return result
    if isinstance(result, pd.DataFrame | pd.Series):
        return result.to_csv()
    if isinstance(result, dict):
        return " ".join(f"{key} {told(value)}" for key, value in result.items())
    if isinstance(result, list | tuple):
        return " ".join(map(told, result))
    if hasattr(result, "findobj"):
        return " ".join(text.get_text() for text in (result.figure or result).findobj(Text))
    methods = ("to_json", "table", "effect", "further_paths", "words")
    parts = [told(getattr(result, name)()) for name in methods if callable(getattr(result, name, None))]
    parts += [result.svg] if hasattr(result, "svg") else []
    if not parts and dataclasses.is_dataclass(result):
        parts = [told({entry.name: getattr(result, entry.name) for entry in dataclasses.fields(result)})]
    return " ".join(parts)


@pytest.fixture(scope="module")
def foreign():
    return SimpleNamespace(study=k2rel.study(FILE), run=k2rel.Plan(histories=200, years=1))


def test_every_public_function_stands_in_a_table(foreign) -> None:
    public = set()
    for face in FACES:
        prefix = face.removeprefix("k2rel").removeprefix(".")
        module = import_module(face)
        names = [name for name in module.__all__ if not isinstance(getattr(module, name), ModuleType)]
        public |= {f"{prefix}.{name}" if prefix else name for name in names}
    named = {*cases(foreign.study, foreign.run), *NOT_OF_A_SITE.split(), *SLOW}
    assert public - named == set()
    assert named - public == set()


@pytest.mark.slow
def test_every_public_function_speaks_of_the_site_that_it_is_given(foreign) -> None:
    wrong = {}
    for name, call in cases(foreign.study, foreign.run).items():
        found = K2_WORDS.findall(told(call()))
        if found:
            wrong[name] = sorted(set(found))
    assert not wrong


def of_a_study() -> list[str]:
    """Public functions that are asked about a study."""
    functions = {name: thing for name in dir(k2rel) if inspect.isfunction(thing := getattr(k2rel, name))}
    return [name for name, thing in functions.items() if next(iter(inspect.signature(thing).parameters), "") == "study"]


def test_a_study_may_be_given_by_its_name_or_as_what_was_solved(foreign) -> None:
    s = foreign.study
    slow = {"advise", "best_changes", "rule_effects", "contracts", "variants", "common_causes"}
    asked = {*of_a_study()} - slow - {"history"}
    assert len(asked) > 45
    as_solved = SimpleNamespace(study=s, site=s.site)  # nothing but what the calls of the table take beside it
    for name, call in cases(as_solved, foreign.run).items():
        if name in asked:
            call()
    for name in ("assumptions", "causes", "components", "headline", "load", "modes", "rates_used", "swing"):
        by_name, by_study = (getattr(k2rel, name)(given) for given in ("L1", k2rel.study("L1")))
        assert told(by_name) == told(by_study), name
    assert k2rel.failover("L2R", "switch_A").roles == k2rel.failover(k2rel.study("L2R").solve(), "switch_A").roles
    assert k2rel.swing(s.solve().solution).equals(k2rel.swing(FILE))
    assert k2rel.spare_parts(["L1", Path(FILE)]).equals(k2rel.spare_parts([k2rel.study("L1"), s.solve()]))


@pytest.mark.parametrize("bad", [None, 3, {"L2R": 1}, pd.DataFrame({"a": [1]})], ids=["None", "3", "dict", "frame"])
def test_what_is_no_study_is_refused_in_one_sentence(bad) -> None:
    given = {
        "failed": DAMAGED,
        "exposures": [Exposure("brain", 1, 1e5)],
        "targets": {"cameras": 99.0},
        "times_h": [1.0],
    }
    for name in of_a_study():
        function = getattr(k2rel, name)
        needed = [
            given.get(key, "cameras")
            for key, parameter in list(inspect.signature(function).parameters.items())[1:]
            if parameter.default is parameter.empty
        ]
        with pytest.raises(InputError, match=r"^study: a study, an answer, a level's name .* is needed, got .*$"):
            function(bad, *needed)


@pytest.mark.slow
def test_reports_of_a_site_with_other_names(tmp_path) -> None:
    rendered = k2rel.render_reports(FILE, tmp_path)
    assert rendered.failures == ()
    for page in rendered.reports:
        text = re.sub(r"<script.*?</script>|<style.*?</style>|data:[^\"']*", "", page.read_text(), flags=re.S)
        assert not K2_WORDS.findall(text), page.name
    assert len(k2rel.history(k2rel.study(FILE), tmp_path)) == 2


def test_one_name_is_a_list_of_one(foreign) -> None:
    s = foreign.study
    same = [
        (k2rel.failover(s, DAMAGED).to_json(), k2rel.failover(s, [DAMAGED]).to_json()),
        (k2rel.compare(FILE).to_csv(), k2rel.compare([FILE]).to_csv()),
        (k2rel.compare("L2").index.tolist(), ["L2"]),
        (k2rel.uncertainty(s, "tides", samples=8).to_json(), k2rel.uncertainty(s, ["tides"], samples=8).to_json()),
        (k2rel.load_after_failures(s, DAMAGED).index.tolist(), ["nothing", DAMAGED]),
        (k2rel.interruptions(s, ORGANISATION, "archive").index.tolist(), ["archive"]),
        (k2rel.with_second(s, DAMAGED).law(DAMAGED), k2rel.with_second(s, (DAMAGED,)).law(DAMAGED)),
        (
            k2rel.most_clients("L2", "25 MB/s", most=2).to_csv(),
            k2rel.most_clients(["L2"], ["25 MB/s"], most=2).to_csv(),
        ),
        (k2rel.Organisation(crews=1, priority="brain").priority, ("brain",)),
        (k2rel.over_time(s, "tides", 10.0).to_csv(), k2rel.over_time(s, "tides", [10.0]).to_csv()),
        (k2rel.availability(s, 2).to_json(), k2rel.availability(s, [2]).to_json()),
    ]
    for one, other in same:
        assert one == other
    for refused in (
        lambda: k2rel.failover(s, 3),
        lambda: k2rel.failover(s, {DAMAGED: False}),
        lambda: k2rel.failover(s, [DAMAGED, None]),
        lambda: k2rel.causes(s, ["cameras"]),
        lambda: k2rel.compare(None),
        lambda: k2rel.study(FILE, settings="brain.mttr=2 h"),
        lambda: k2rel.judge(s, "99.9"),
    ):
        with pytest.raises(InputError, match="needed"):
            refused()


NAN = float("nan")


@pytest.mark.parametrize("bad", [1.5, True, NAN, "7", None, [3], -1, np.inf, np.float64(2.5), 10**400], ids=repr)
def test_a_number_that_cannot_be_meant_is_refused_by_the_name_of_its_argument(foreign, bad) -> None:
    s = foreign.study
    whole = [
        ("histories", lambda: k2rel.Plan(histories=bad)),
        ("years", lambda: k2rel.Plan(years=bad)),
        ("seed", lambda: k2rel.Plan(seed=bad)),
        ("seed", lambda: k2rel.rare_loss(s, seed=bad)),
        ("seed", lambda: k2rel.uncertainty(s, seed=bad)),
        ("samples", lambda: k2rel.uncertainty(s, samples=bad)),
        # None is as many as the engine affords
        ("samples", lambda: k2rel.sensitivity(s, samples="many" if bad is None else bad)),
        ("samples", lambda: k2rel.judge(s, {"cameras": 99.0}, samples=bad)),
        ("samples", lambda: k2rel.quick_look(s, bad)),
        ("order", lambda: k2rel.cut_sets(s, order=bad)),
        ("history", lambda: k2rel.timeline(s, history=bad)),
        ("histories", lambda: k2rel.data_loss(GROUP, histories=bad)),
        ("drives", lambda: k2rel.RaidGroup(bad, 1, GROUP.life, GROUP.rebuild)),
        ("parities", lambda: k2rel.RaidGroup(4, bad, GROUP.life, GROUP.rebuild)),
        ("drives", lambda: k2rel.mttdl_table(bad)),
        ("most", lambda: k2rel.most_clients("L2", "25 MB/s", most=bad)),
        ("most", lambda: k2rel.best_changes(s, most=bad)),
        ("units", lambda: k2rel.redundant_units(bad, 0.9)),
        ("lost_clients", lambda: k2rel.availability(s, [bad])),
    ]
    optional = [
        ("clients", lambda: k2rel.study(FILE, clients=bad)),
        ("crews", lambda: k2rel.Organisation(crews=bad)),
        ("workers", lambda: k2rel.quick_look(s, 100, workers=bad)),
        ("spares", lambda: k2rel.RaidGroup(4, 1, GROUP.life, GROUP.rebuild, spares=bad, refill=GROUP.life)),
        ("sets", lambda: k2rel.advise(s, sets=bad)),
    ]
    for argument, call in [*whole, *(optional if bad is not None else [])]:
        with pytest.raises(InputError, match=f"^{argument}: "):
            call()
    if bad in (1.5, 2.5):
        return  # these are numbers, though not whole ones
    for argument, call in (
        ("warm_up_h", lambda: k2rel.Plan(warm_up_h=bad)),
        ("confidence", lambda: k2rel.Plan(confidence=bad)),
        ("mission_h", lambda: k2rel.data_loss(GROUP, bad)),
        ("years", lambda: k2rel.spare_parts(s, years=bad)),
        ("buffer_h", lambda: k2rel.interruptions(s, buffer_h=bad)),
        ("buffer_h", lambda: k2rel.risk(s, buffer_h=bad)),
        ("times_h", lambda: k2rel.over_time(s, None, [bad])),
        ("wrong_unit", lambda: k2rel.Circumstances(wrong_unit=bad)),
        ("mttf_h", lambda: k2rel.mttdl_table(mttf_h=bad)),
    ):
        if bad == 10**400 or not isinstance(bad, list) or argument != "times_h":
            with pytest.raises(InputError, match=f"^{argument}"):
                call()


@pytest.mark.parametrize("count", [200, 200.0, np.int32(200), np.float64(200)], ids=repr)
def test_a_whole_number_may_be_written_in_any_way(foreign, count) -> None:
    plan = k2rel.Plan(histories=count, years=1, seed=np.int64(3))
    assert plan == k2rel.Plan(histories=200, years=1, seed=3) and type(plan.histories) is int
    assert hash(plan) == hash(k2rel.Plan(histories=200, years=1, seed=3))


def test_modes_are_coloured_by_the_clients_that_a_side_serves(foreign) -> None:
    words, *_ = k2rel.mode_flows(foreign.study)
    assert {word.side for word in words if not word.cut_off} >= {"east", "eastern"}
    drawn = {}
    for one in words:
        ax = plots.plot_mode_graph([one], np.ones(1), np.zeros((1, 1)), sides=foreign.study.site.sides)
        (node,) = (text.get_bbox_patch() for text in ax.texts if text.get_text() == "1")
        drawn[one] = tuple(np.round(255 * np.asarray(node.get_facecolor())[:3]).astype(int).tolist())
    blue, orange, vermilion = (0, 114, 178), (230, 159, 0), (213, 94, 0)
    for one, colour in drawn.items():
        if one.cut_off:
            assert colour == vermilion
        elif one.side is not None:
            assert colour == (blue if one.side == "east" else orange), one


def test_further_classes_of_the_clients_have_columns_and_lines(foreign) -> None:
    s = foreign.study
    assert list(k2rel.case_table(s)) == [
        "failed", "effect", "cameras clients of client 1", "tides of client 1", "same for",
    ]  # fmt: skip
    assert k2rel.case_table(s)["tides of client 1"].iloc[0] == "hub_east → lead_east → brain_east"
    assert "control of client 1" in k2rel.case_table(k2rel.study("L2R"))
    assert {"cameras_min_per_year", "tides_min_per_year", "recorder_min_per_year"} <= set(k2rel.headline(s))
    dashed = {part for part, look in plots.looks(s.site, k2rel.failover(s)).items() if look.further}
    assert dashed == {"client_1_seat", "client_1_cord_east", "hub_east", "lead_east", "brain_east"} & dashed
    assert "lead_east" in dashed
    # a class whose name begins with that of another is not taken for it
    services = [item.service for item in k2rel.availability(s).services]
    assert {"cameras_client", "cameras_clients_client"} <= set(services)
    assert [cut.parts for cut in k2rel.cut_sets(s, "cameras_clients_client", 1)] == []


def test_names_of_json_keys_stay_where_a_site_has_such_classes(foreign) -> None:
    assert {"media_side", "media_path", "control_path"} <= set(
        k2rel.failover(k2rel.study("L2R")).to_json()["clients"][0]
    )
    assert set(k2rel.failover(foreign.study).to_json()["clients"][0]) == {"client", "sides", "paths", "routes"}
