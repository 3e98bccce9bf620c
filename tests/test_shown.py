"""What a person gets back shows, at a prompt and in a notebook, what it is and its main figure, and no code of a site."""

import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest

import k2rel
from k2rel.field import Exposure
from tests.test_names import FILE

# many studies are solved for these; what they give is a table, or shown below
SLOW = {
    "advise", "best_changes", "common_causes", "compare", "contracts", "overview", "roles_by_level", "rule_effects",
    "services_compared", "variants",
}  # fmt: skip
PLAN = k2rel.Plan(histories=50, years=1)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The foreign site with a title and a client's name that are code where nobody escapes them."""
    path = tmp_path_factory.mktemp("hostile") / "hostile.yaml"
    text = Path(FILE).read_text()
    title = next(line for line in text.splitlines() if line.startswith("title:"))
    path.write_text(text.replace(title, 'title: "<script>alert(1)</script> & more"'))
    return k2rel.study(path)


def test_a_line_has_the_main_figure() -> None:
    study = k2rel.study("L2R")
    found = study.solve()
    assert f"media is down {found['media'].downtime_min_per_year:.3g} min a year" in repr(found.services)
    assert repr(study.site).startswith("<Site L2R: ") and repr(study.site).endswith(" parts, 4 clients>")
    assert (
        repr(k2rel.failover(study, "switch_A")) == "<FailoverOutcome L2R: switch_A failed, ftp down; file_system at B>"
    )
    assert repr(k2rel.Organisation(crews=2)) == f"<Organisation {k2rel.Organisation(crews=2).words()}>"
    assert repr(k2rel.judge(study, {"media": 99.9}, samples=16)[0]).startswith("<Judgement media: 99.9 % is MET")


def test_a_result_that_is_more_than_a_table_has_a_card_with_its_engine_and_its_text_escaped(hostile) -> None:
    shown = SimpleNamespace(
        study=hostile,
        answer=hostile.solve(),
        availability=k2rel.availability(hostile, method="exact"),
        load=k2rel.load(hostile),
        simulation=k2rel.simulate(hostile, plan=PLAN),
        uncertainty=k2rel.uncertainty(hostile, samples=16),
        updated=k2rel.updated(hostile, [Exposure("brain", 1, 1e5)]),
        advice=k2rel.advise("L1", pairs=False),
    )
    for name, thing in vars(shown).items():
        card = thing._repr_html_()
        ET.fromstring(card)  # well formed
        assert "<script" not in card, name
        if name != "study":
            assert "<table" in card and "(k2rel " in card, name
    assert "&lt;script&gt;" in shown.study._repr_html_()
    assert "takeovers ideal" in shown.availability._repr_html_()
    assert "downtime [min/year]" in shown.availability._repr_html_()
