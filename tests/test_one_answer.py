"""One answer: whoever is asked, exact engine, chain or simulation, in the same words, says the same of a site."""

import math

import pytest

import k2rel
from k2rel.errors import InputError
from k2rel.organisation import Organisation
from k2rel.simulation import Circumstances, Plan
from k2rel.simulation.circumstances import Window
from k2rel.units import HOURS_PER_YEAR
from tests.random_sites import random_study, two_pairs

QUICK = ["L1", "L2R", "data/examples/ab_8_2.yaml", "tests/foreign_site.yaml", 2, 16]
LONG = ["L2", "L3", "L3R", "nearline", "data/examples/reference_san.yaml", "data/examples/reference_san_dual.yaml",
        *(seed for seed in range(200) if seed not in QUICK)]  # fmt: skip
SITES = [*QUICK, *(pytest.param(site, marks=pytest.mark.slow) for site in LONG)]

PREFERRED = Organisation(roles="ideal")
SURE = 1 - 1e-6  # of thousands of intervals with fixed seeds none should miss
ENOUGH = 400  # losses, so that the sum of their lengths is all but normal


@pytest.fixture(scope="module", params=SITES, ids=str)
def study(request, tmp_path_factory):
    """Levels and files as they are; parts of random sites fail every few hundred hours."""
    if isinstance(request.param, int):
        return random_study(tmp_path_factory.mktemp("sites"), request.param)
    return k2rel.study(request.param)


@pytest.fixture(scope="module")
def plan(study):
    """As many histories as a fraction of a second allows; few losses of very different lengths need more."""
    histories = {"harbour": 30_000}.get(study.site.name, 60 if study.site.name.startswith("random") else 1000)
    return Plan(histories=histories, seed=11, confidence=SURE)


@pytest.fixture(scope="module")
def exact(study):
    return study.solve("exact")


@pytest.fixture(scope="module")
def ideal(study):
    """The chain with takeovers that are at once and certain, roles at the preferred side."""
    return study.solve("markov", PREFERRED)


@pytest.fixture(scope="module")
def modelled(study):
    return study.solve("markov")


@pytest.fixture(scope="module")
def counted(study, plan):
    return study.solve("simulation", plan=plan)


@pytest.fixture(scope="module")
def counted_ideal(study, plan):
    return study.solve("simulation", PREFERRED, plan=plan)


def near(found, expected, bound):
    return found == pytest.approx(expected, rel=1e-7, abs=bound, nan_ok=True)


def shared(found):
    """Clients by side, with their probability."""
    return {(a, b, lost): p for a, b, lost, p in found.load().side_distribution if p > 0}


def same(found, expected, bound):
    return all(near(found.get(key, 0.0), expected.get(key, 0.0), bound) for key in {*found, *expected})


class TestOneAnswer:
    """The same words to three engines."""

    def test_exact_engine_and_chain_say_the_same_of_ideal_takeovers(self, study, exact, ideal) -> None:
        assert exact.takeovers == ideal.takeovers
        bound = ideal.provenance.error_bound + 1e-13
        per_year = bound * HOURS_PER_YEAR  # a state that is left out is entered about once an hour at most
        assert [item.service for item in ideal.services.services] == [item.service for item in exact.services.services]
        for item in exact.services.services:
            assert near(ideal[item.service].unavailability, item.unavailability, bound), item.service
            assert near(ideal[item.service].failures_per_year, item.failures_per_year, per_year), item.service
        assert same(shared(ideal), shared(exact), bound)
        load, other = exact.load(), ideal.load()
        assert near(other.p_any_overload, load.p_any_overload, bound)
        assert near(other.delivered_fraction, load.delivered_fraction, bound)
        for found, expected in zip(other.elements, load.elements, strict=True):
            assert (found.element, found.normal_mb_s) == (expected.element, expected.normal_mb_s)
            assert near(found.mean_mb_s, expected.mean_mb_s, bound * max(found.largest_mb_s, 1.0))
            assert near(found.p_overload, expected.p_overload, bound)
        modes, told = (frame.set_index("mode") for frame in (ideal.modes(), exact.modes()))
        assert {*modes.index} == {*told.index}
        for mode, row in told.iterrows():
            assert near(modes.loc[mode, "probability"], row["probability"], bound)
            assert near(modes.loc[mode, "entries_per_year"], row["entries_per_year"], per_year)
            assert modes.loc[mode, "cut_off"] == row["cut_off"]
        for number, row in exact.served().iterrows():
            assert near(ideal.served().loc[number, "probability"], row["probability"], bound)
        given, expected = ideal.performability(), exact.performability()
        count = study.site.client_count
        for name, value in expected.items():
            scale = HOURS_PER_YEAR * count if name.endswith("per_year") else max(1.0, expected["demand_mb_s"])
            if name != "p_overload_after_takeover":  # where they land is known to the chain alone
                assert near(given[name], value, bound * scale), name

    def test_both_follow_a_service_from_new_alike(self, study, exact, ideal) -> None:
        times = [0.0, 3.0, 50.0]
        columns = ["point_unavailability", "interval_unavailability"]
        laws = dict(study.laws.used())
        if any(getattr(law, "test_interval_h", 0) > 0 and name not in study.tested for name, law in laws.items()):
            times = [0.0, 1e5]  # the chain lets a test come at an exponential time, where its day is known to nobody
            columns = columns[:1]
        found, expected = ideal.over_time(None, times), exact.over_time(None, times)
        bound = 1e-7 + 1e-13  # what is followed over time is followed to this
        for column in columns:
            assert near(found[column].to_numpy(), expected[column].to_numpy(), bound), column

    def test_both_find_the_same_causes_and_verdicts(self, study, exact, ideal) -> None:
        bound = ideal.provenance.error_bound
        found, expected = ideal.causes(), exact.causes()
        for part, row in expected.iterrows():
            if row["unavailability"] > 0 and row["share_of_downtime"] > 1e-3:
                assert near(found.loc[part, "share_of_downtime"], row["share_of_downtime"], 1e-4), part
        assert ideal.cut_sets().equals(exact.cut_sets())
        verdicts = [[judged.verdict for judged in answer.target(99.9, samples=16)] for answer in (exact, ideal)]
        assert verdicts[0] == verdicts[1]
        assert bound < 1e-4

    def test_the_simulation_counts_what_the_exact_engine_says(self, exact, counted_ideal) -> None:
        agree(counted_ideal, exact)

    def test_the_simulation_counts_what_the_chain_says(self, modelled, counted) -> None:
        agree(counted, modelled)

    def test_figures_of_one_answer_are_one_number(self, study, modelled, exact, counted) -> None:
        for answer in (exact, modelled, counted):
            consistent(study, answer)

    def test_each_takeover_goes_the_same_steps_whoever_answers(self, study, exact, modelled, counted) -> None:
        part = next(name for name in study.site.components if study.law(name) is not None)
        titles = [[step.title for step in answer.steps(part)] for answer in (exact, modelled, counted)]
        assert titles[0] == titles[1] == titles[2]

    def test_what_the_simulation_cannot_give_names_who_can(self, study, counted) -> None:
        asks = [lambda: counted.over_time(None, 1.0), counted.modes, counted.causes,
                lambda: counted.interruptions(first_loss=True)]  # fmt: skip
        for ask in asks:
            with pytest.raises(InputError, match=r"the simulation engine does not compute .*; use method .*markov"):
                ask()


def agree(counted, expected):
    """Everything that was counted lies in intervals that hold the true value all but certainly."""
    bound = (expected.provenance.error_bound or 0.0) + 1e-13
    found = counted.histories()
    clients = counted.study.site.client_count
    assert counted.takeovers == expected.takeovers
    for item in expected.services.services:
        name = item.service
        low, high = counted[name].limits
        if item.failures_per_year * found.years > ENOUGH:
            assert low - bound <= item.unavailability <= high + bound, name
        often = found[name].interruptions_per_year
        assert often.low - bound * HOURS_PER_YEAR <= item.failures_per_year <= often.high + bound * HOURS_PER_YEAR, name
        assert counted[name].failures_per_year == pytest.approx(often.value)
    load, means = expected.load(), found.load()
    low, high = counted.load().p_any_overload_limits
    assert low - bound <= load.p_any_overload <= high + bound
    given = expected.performability()
    for name, value in given.items():
        if name in means and not math.isnan(value):
            slack = bound * HOURS_PER_YEAR * clients * max(1.0, given["demand_mb_s"])
            assert means[name].low - slack <= value <= means[name].high + slack, name


def consistent(study, answer):
    """What stands in two tables of an answer is the same in both."""
    site = study.site
    principal = next(name for name, flow in site.traffic.items() if flow.scope == "client")
    main = answer[principal]
    served, sides, given = answer.served()["probability"], answer.load().side_distribution, answer.performability()
    assert served.sum() == pytest.approx(1.0)
    assert 1 - served.iloc[-1] == pytest.approx(main.unavailability, rel=1e-6, abs=1e-12)
    cut_off = sum(p * lost for _, _, lost, p in sides)
    assert (served * (site.client_count - served.index)).sum() == pytest.approx(cut_off, rel=1e-6, abs=1e-12)
    assert given["client_hours_lost_per_year"] == pytest.approx(cut_off * HOURS_PER_YEAR, rel=1e-9)
    assert given["p_any_overload"] == answer.load().p_any_overload
    if site.client_count > 1:
        least = answer[f"lost_{site.client_count}_or_more_clients"].unavailability
        assert served.iloc[0] == pytest.approx(least, rel=1e-6, abs=1e-12)
    if answer.method == "simulation":
        assert answer.interruptions()["failures_per_year"].to_dict() == pytest.approx(
            {item.service: item.failures_per_year for item in answer.services.services if item.scope == "site"}
        )
        return
    modes = answer.modes()
    assert modes["probability"].sum() == pytest.approx(1.0)
    assert modes["hours_per_year"].sum() == pytest.approx(HOURS_PER_YEAR)
    if answer.method == "markov":
        rows = answer.interruptions()
        for name, row in rows.iterrows():
            both, often = row["failures_per_year"] + row["by_clients_per_year"], answer[str(name)].failures_per_year
            # shared parts interrupt too what clients' own parts have taken already; that counts once as a failure
            assert both >= often * (1 - 1e-6), name
            if row["by_clients_per_year"] > 0:
                assert both == pytest.approx(often, rel=1e-6, abs=1e-12), name
        split = answer.downtime_causes()
        assert split["downtime_min_per_year"].sum() == pytest.approx(main.downtime_min_per_year, rel=1e-6, abs=1e-6)
    for item in answer.services.services:
        if item.failures_per_year > 0:
            lost = item.mean_downtime_h * item.failures_per_year * 60
            assert lost == pytest.approx(item.downtime_min_per_year)


# what takes time and who moves ------------------------------------------------------------------------------------


def test_in_the_long_run_a_service_is_lost_as_often_as_it_says(tmp_path) -> None:
    study = random_study(tmp_path, 16)
    assert any(law.unavailability > 0 for law in study.client_laws.values()), "clients' own parts fail too"
    answer = study.solve("markov")
    for item in answer.services.services:
        found = answer.over_time(item.service, [20_000.0])["point_unavailability"].iloc[0]
        assert found == pytest.approx(item.unavailability, rel=1e-5), item.service


def test_takeovers_of_roles_that_move_apart_are_all_counted(tmp_path) -> None:
    lives = {"a": (300, 7), "b": (500, 5), "c": (200, 9), "d": (800, 3)}
    study = random_study(tmp_path, 0, two_pairs(lives))

    def leaves(first: str, second: str) -> float:
        """A role moves when the first fails while the second is good, and when the second is back before the first."""
        (life, repair), (other_life, other_repair) = lives[first], lives[second]
        good, other_good = life / (life + repair), other_life / (other_life + other_repair)
        return good / life * other_good + (1 - good) * (1 - other_good) / other_repair

    expected = (leaves("a", "b") + leaves("c", "d")) * HOURS_PER_YEAR
    for answer in (study.solve("exact"), study.solve("markov", PREFERRED)):
        assert answer.performability()["takeovers_per_year"] == pytest.approx(expected, rel=1e-9)


# who is chosen ------------------------------------------------------------------------------------------------------

IDEAL_ROLE = {"switchover": "0 s", "coverage": 1, "failback": "automatic"}


def pair(tmp_path, **role):
    """Two servers and a role that moves, as ideal as a role can be but for what is given."""
    document = two_pairs({"a": (300, 7), "b": (500, 5)})
    document["roles"]["first"] |= IDEAL_ROLE | role
    return random_study(tmp_path, 0, document)


def test_a_role_that_leaves_nothing_to_be_modelled_needs_no_chain(tmp_path) -> None:
    answer = pair(tmp_path).solve()
    assert (answer.method, answer.takeovers, answer.reason) == (
        "exact",
        "as modelled",
        "no role moves, and nothing else needs a chain",
    )
    assert answer.ideal is None or answer.ideal.takeovers == "as modelled"
    assert answer.provenance.error_bound == 0


@pytest.mark.parametrize(
    ("role", "reasons"),
    [
        ({"switchover": "30 s"}, "takeovers take time"),
        ({"coverage": 0.9}, "takeovers can fail"),
        ({"failback": "manual"}, "roles stay where a takeover put them and servers wait for operator action"),
    ],
    ids=["switchover", "coverage", "failback"],
)
def test_each_thing_that_a_role_does_leads_to_the_chain_and_is_its_reason(tmp_path, role, reasons) -> None:
    study = pair(tmp_path, **role)
    answer = study.solve()
    assert (answer.method, answer.takeovers, answer.reason) == ("markov", "as modelled", reasons)
    ideal = study.solve("exact")
    assert (ideal.method, ideal.takeovers, ideal.reason) == ("exact", "ideal", "requested")
    preferred = study.solve(organisation=PREFERRED)
    assert (preferred.method, preferred.takeovers) == ("exact", "ideal")
    assert answer["first"].unavailability > ideal["first"].unavailability


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"crews": 1}, "a limited number of crews (1)"),
        ({"priority": ("part",)}, "an order of repairs"),
        ({"maintenance_every_h": 4000.0}, "maintenance"),
        ({"repair_variation": 0.5}, "repair times that are not exponential"),
        (
            {"crews": 2, "repair_variation": 0.5},
            "a limited number of crews (2) and repair times that are not exponential",
        ),
    ],
    ids=lambda given: ",".join(given) if isinstance(given, dict) else "",
)
def test_what_people_do_leads_to_the_chain_whatever_the_roles(tmp_path, given, reason) -> None:
    study = pair(tmp_path)
    for roles in ("sticky", "preferred"):
        answer = study.solve(organisation=Organisation(roles=roles, **given))
        assert (answer.method, answer.reason) == ("markov", reason)
    with pytest.raises(InputError, match="only method markov and simulation follow that, not exact"):
        study.solve("exact", Organisation(**given))


def test_circumstances_lead_to_the_simulation_and_nobody_else_takes_them(tmp_path) -> None:
    study, given = pair(tmp_path), Circumstances(windows=(Window("a", 1000.0, "fixed(5 h)"),))
    answer = study.solve(circumstances=given)
    assert (answer.method, answer.reason) == ("simulation", "circumstances are followed by the simulation alone")
    for method in ("exact", "markov"):
        with pytest.raises(InputError, match=f"by the simulation alone, not by method {method}"):
            study.solve(method, circumstances=given)
        with pytest.raises(InputError, match=f"the {method} engine needs none"):
            study.solve(method, plan=Plan(histories=10))


def test_where_there_is_no_chain_the_same_rules_are_simulated_and_the_reason_is_said() -> None:
    study = k2rel.study("L2R", settings={"psu.mttr": "90000 h"})
    answer = study.solve(plan=Plan(histories=20, warm_up_h=400_000.0))
    assert (answer.method, answer.takeovers) == ("simulation", "as modelled")
    assert answer.reason.startswith("takeovers take time, ")
    assert ", and there is no chain: " in answer.reason
    assert answer.provenance.error_bound is None
    assert answer["media"].limits is not None


def test_a_word_that_is_no_method_is_one_sentence_with_what_was_meant(tmp_path) -> None:
    study = pair(tmp_path)
    with pytest.raises(InputError) as caught:
        study.solve("markow")
    assert "did you mean 'markov'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_engine_that_was_named_says_who_else_could(tmp_path) -> None:
    exact = pair(tmp_path, failback="manual").solve("exact")
    for ask in (exact.interruptions, lambda: exact.solution.dynamics):
        with pytest.raises(InputError, match="the exact engine does not compute figures by states of a chain"):
            ask()
