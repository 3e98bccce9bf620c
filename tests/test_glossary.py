"""Each term of art is defined once, and whoever meets it in a table or on a page is led to the definition."""

import csv
import re

import pytest

import k2rel
from k2rel import InputError
from k2rel.bundled import data_dir
from k2rel.cli.printing import records
from k2rel.columns import COLUMNS
from k2rel.quantities import quantities
from k2rel.report.glossed import linked
from k2rel.report.page import Entry, index_page, report_page
from k2rel.terms import find_term, plural, terms
from tests.visiting import CHROMIUM


def test_each_term_is_defined_once_in_one_or_two_sentences() -> None:
    with (data_dir() / "glossary.csv").open(encoding="utf-8", newline="") as file:
        names = [row["term"].lower() for row in csv.DictReader(file)]
    assert names == sorted(set(names)), "in the order of the alphabet, each once"
    forms = [form for term in terms().values() for form in term.forms]
    assert len(forms) == len(set(forms)), "a form of a name belongs to one term"
    for term in terms().values():
        assert term.definition.endswith("."), term.key
        assert 1 <= len(re.findall(r"\.(?: |$)", term.definition)) <= 2, term.key
        assert set(term.see) <= set(terms()) - {term.key}, term.key


def test_terms_have_the_clauses_of_the_vocabulary_of_dependability() -> None:
    """IEC 60050-192:2015, electropedia.org."""
    for word, clause in {
        "availability": "192-01-23",
        "MTTR": "192-07-23",
        "MTBF": "192-05-13",
        "common cause": "192-03-18",
    }.items():
        assert clause in find_term(word).standard


def test_the_glossary_says_the_same_at_every_door(k2) -> None:
    frame = k2rel.glossary()
    assert k2("glossary", "--format", "json").json == records(frame)
    assert k2("glossary", "--format", "csv").out.count("\n") >= len(frame)
    run = k2("glossary", "single", "points", "of", "failure")
    assert run.code == 0
    assert frame.loc["single point of failure", "definition"] in run.out
    assert k2("glossary", "spof").out == run.out
    assert k2("glossary", "SPOF", "--format", "json").json[0]["term"] == "single point of failure"
    assert "k2rel glossary coverage" in re.sub(r"\s+", " ", k2("--help").out)


def test_an_unknown_term_is_answered_with_the_nearest(k2) -> None:
    run = k2("glossary", "revertiv")
    assert (run.code, run.out) == (2, "")
    assert "there is no term 'revertiv'; did you mean 'revertive'" in run.err
    with pytest.raises(InputError, match=r"there is no term '<U\+001B>x'$"):
        find_term("\x1bx")


def test_every_column_that_has_a_term_has_one_that_is_defined() -> None:
    named = {quantity.term for quantity in quantities().values() if quantity.term}
    assert len(named) >= 30
    assert named <= set(terms())


def test_a_page_has_the_terms_that_stand_on_it_and_no_others() -> None:
    page = report_page("t", "<h2 id='x'>X</h2><p>Coverage &lt; 1: the coverage of a takeover.</p>", "")
    assert re.findall(r"<dt id='([^']*)'", page) == ["term-coverage", "term-takeover"]
    assert page.count("href='#term-coverage' title='Probability that a takeover succeeds") == 1, "where it first stands"
    assert "<a href='#glossary'>Glossary</a>" in page
    assert page.index("id='x'") < page.index("id='glossary'")
    assert "id='glossary'" not in report_page("t", "<p>nothing here</p>", "")


def test_a_plural_means_its_term_and_an_abbreviation_is_no_word_in_lower_case() -> None:
    _, used = linked("<p>Two SPOFs, drills and priorities.</p><p>It fits; sets of raws, services and contracts.</p>")
    assert [term.key for term in used] == ["drill", "priority", "single point of failure"]
    assert find_term("minimal cut sets") is find_term("cut set")
    for term in terms().values():
        assert not {plural(name) for name in (term.term, *term.also)} & set(term.also), f"{term.term}: needs no plural"


def test_headings_lead_to_the_term_of_their_column() -> None:
    title = COLUMNS["failed_takeovers_per_year"][0]
    text, used = linked(f"<table><thead><tr><th class='n'>{title}</th><th>A</th></tr></thead></table>")
    assert "<th class='n'><a class='term' href='#term-failed-takeover'" in text
    assert text.endswith("<th>A</th></tr></thead></table>"), "a side is no evidence code"
    assert [term.key for term in used] == ["failed takeover"]
    page = index_page([Entry("L1", "L1.html", {"title": "Level 1", "downtime_min_per_year": 1.0})], [], "")
    assert "#term-downtime" in page


def test_names_of_parts_drawings_and_scripts_are_left_alone() -> None:
    body = (
        "<p>role_a takeover-x <code>coverage</code><a href='#y'>coverage</a></p><svg><text>coverage</text></svg>"
        "<script>'<p>coverage</p>'</script><p title='coverage'>A/B non-revertive</p>"
    )
    text, used = linked(body)
    assert [term.key for term in used] == ["non-revertive"]
    assert re.sub(r"<a class='term'[^>]*>(.*?)</a>", r"\1", text) == body


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_heading_is_a_link_with_a_button_that_sorts_beside_it(browser, tmp_path) -> None:
    import pandas as pd

    from k2rel.report import show

    frame = pd.DataFrame({"coverage": [0.9, 0.8], "clients": [1, 2]}, index=pd.Index(["x", "y"], name="part"))
    file = tmp_path / "page.html"
    file.write_text(report_page("t", str(show(frame).data), ""))
    page = browser.new_page()
    page.goto(file.as_uri())
    page.wait_for_selector("button.sort")
    page.get_by_role("button", name="sort by coverage").click()
    assert page.locator("tbody tr").first.inner_text().startswith("y")
    link = page.get_by_role("link", name="coverage", exact=True).first
    link.focus()
    page.keyboard.press("Enter")
    assert page.url.endswith("#term-coverage")
    assert page.locator("dt:target").inner_text() == "coverage"
    page.close()
