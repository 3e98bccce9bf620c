"""What has to be said of results and files where parts have hidden failures that tests find."""

from __future__ import annotations

from k2rel.columns import counted
from k2rel.rates import Law
from k2rel.studies import Study

__all__ = ["exponential_tests", "mean_values", "tests_in_use"]

_NAMED = 5


def _tested(study: Study, *, together: bool | None = None) -> dict[str, tuple[Law, int]]:
    """Parts that tests find failed, with how many of them there are; on known days, on any days, or both."""
    site = study.site
    found = {name: (law, 1) for name in site.components if isinstance(law := study.law(name), Law)}
    found |= {f"each client's {name}": (law, site.count_of(name)) for name, law in study.client_laws.items()}
    return {
        name: (law, count)
        for name, (law, count) in found.items()
        if law.single.test_interval_h > 0
        and law.single.failure_rate_per_h > 0
        and together in (None, law.tested_together)
    }


def _named(parts: dict[str, tuple[Law, int]]) -> str:
    """Their number, and the first of their names."""
    count = sum(many for _, many in parts.values())
    names = ", ".join(list(parts)[:_NAMED]) + (", ..." if len(parts) > _NAMED else "")
    return f"{counted(count, 'tested part')} ({names})"


def mean_values(study: Study, *, chain: bool = False) -> str:
    """Say that a file for other tools cannot know that parts are tested on common days."""
    parts = _tested(study, together=True)
    if sum(law.parts * count for law, count in parts.values()) < 2:
        return ""
    what = (
        "an exponential time until the test instead of its days"
        if chain
        else "only the mean unavailability over the cycle"
    )
    return (
        f"{_named(parts)}: this file has {what}, so their simultaneous failures are underestimated where tests are on "
        f"the same days; k2rel availability{' --method markov' if chain else ''} follows the days"
    )


def exponential_tests(study: Study) -> list[str]:
    """Say that lengths of interruptions and times to the first loss take the time until a test as exponential."""
    parts = _tested(study)
    if not parts:
        return []
    return [
        f"{_named(parts)}: durations of interruptions and the time to first failure are computed "
        "with exponentially distributed times to a test instead of fixed test days"
    ]


def tests_in_use(study: Study) -> list[tuple[str, str, str, str, str]]:
    """Give the row on the days of tests in the register of assumptions; none where fewer than two parts have tests."""
    every = _tested(study)
    if sum(law.parts * count for law, count in every.values()) < 2:
        return []
    at: dict[str, int] = {}
    for law, count in every.values():
        if not law.tested_together:
            how = "independently"
        elif law.test_days_h == (0.0,):
            how = "on the same days, counted from a common day 0"
        else:
            how = "offset by " + " and ".join(f"{offset:g} h" for offset in law.test_days_h)
        at[how] = at.get(how, 0) + law.parts * count
    value = "; ".join(f"{counted(count, 'part')} {how}" for how, count in at.items())
    reason = (
        "the default is the same days, on which failures of several parts are hidden together; test_offset and "
        "tested: independently in the site file say otherwise"
    )
    return [("days of tests", value, "ENGINE", reason, "")]
