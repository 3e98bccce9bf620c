"""The page of proof is what the code computes, and every published case is within its tolerance."""

import re

import pytest

from k2rel.bundled import level_names
from validation import page
from validation.engines import HISTORIES, agreements
from validation.published import CASES

NUMBER = re.compile(r"(?<![A-Za-z\d])[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_published_case_is_within_its_tolerance(case) -> None:
    checks = list(case.checks())
    assert checks
    for check in checks:
        assert check.passed, f"{case.id} {check.what}: {check.obtained!r}, expected {check.expected!r}"


def test_a_number_that_is_off_fails_its_check() -> None:
    check = next(CASES[0].checks())
    assert not type(check)(check.what, check.expected * 1.001, check.obtained, check.tolerance, check.relative).passed


@pytest.mark.parametrize("simulated", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_page_says_what_the_code_computes_today(monkeypatch, simulated) -> None:
    """Words exactly, numbers to four digits, differences to their order: other machines round in other places."""
    written = page.PAGE.read_text(encoding="utf-8").splitlines()
    if not simulated:  # the tables of the three engines and of draws made anew stay as they stand
        engines, sure, drawn, end = (
            next(i for i, line in enumerate(written) if line.startswith(heading))
            for heading in (
                "## Comparison of the three engines",
                "## Uncertainty",
                "### Draws of the levels",
                "## Assumptions of the engines",
            )
        )
        monkeypatch.setattr(page, "agreements", lambda histories: ())
        monkeypatch.setattr(page, "made_anew", lambda: ())
        monkeypatch.setattr(page, "crossed", lambda found: written[engines:sure])
        monkeypatch.setattr(page, "anew", lambda found: written[drawn:end])
    today = page.text(before="\n".join(written) + "\n").splitlines()
    assert len(today) == len(written)
    for old, new in zip(written, today, strict=True):
        assert NUMBER.sub("#", old) == NUMBER.sub("#", new)
        cells = zip(old.split("|"), new.split("|"), strict=True)
        for place, (one, other) in enumerate(cells):
            if "obtained" in old or place == 4:  # the column of differences is rounding
                continue
            ours, theirs = ([float(x.replace(",", "")) for x in NUMBER.findall(text)] for text in (one, other))
            assert theirs == pytest.approx(ours, rel=1e-4, abs=1e-9), new


@pytest.mark.parametrize(
    ("histories", "levels"),
    [(3_000, ("L1", "L2R", "nearline")), pytest.param(HISTORIES, level_names(), marks=pytest.mark.slow)],
)
def test_the_three_engines_agree_over_every_level(histories, levels) -> None:
    found = agreements(histories, levels)
    assert {one.level for one in found} == set(levels)
    for one in found:
        if one.exact is not None:
            assert one.markov == pytest.approx(one.exact, rel=1e-3, abs=1e-4), one
        assert abs(one.deviations) < 4, one


def test_the_case_whose_model_is_not_ours_stands_on_the_page() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    part = text[text.index("### V24") :].partition("\n### ")[0]
    assert part.count("| passed |") == 14
    assert "not shipped" in part
