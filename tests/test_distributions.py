"""One table of families: their means, quantiles and limits are SciPy's, however a distribution is given."""

import re

import numpy as np
import pytest
from scipy import stats

from k2rel.distributions import FAMILIES, Distribution, Uncertain, from_limits, parse_distribution
from k2rel.distributions.closed_forms import EXPONENTIAL, GAMMA, LOGNORMAL, WEIBULL
from k2rel.errors import InputError

PARAMETERS = {
    "weibull": (1.7, 40.0, 5.0), "lognormal": (0.8, 40.0), "gamma": (2.5, 40.0), "normal": (5.0, 2.0),
    "beta": (1.5, 40.0), "uniform": (1.0, 3.0), "histogram": (0.0, 1.0, 2.0, 3.0, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_mean_of_a_family_is_that_of_scipys_distribution(name):
    family = FAMILIES[name]
    assert family.mean_of(PARAMETERS[name]) == pytest.approx(family.scipy(PARAMETERS[name]).mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("forms", "parameters", "frozen"),
    [
        (EXPONENTIAL, (40.0,), stats.expon(scale=40)),
        (WEIBULL, (1.7, 40.0), stats.weibull_min(1.7, scale=40)),
        (LOGNORMAL, (0.8, 40.0), stats.lognorm(0.8, scale=40)),
        (GAMMA, (2.5, 40.0), stats.gamma(2.5, scale=40)),
    ],
)
def test_closed_forms_are_those_of_scipy_and_invert_each_other(forms, parameters, frozen):
    u, p = np.array([0.001, 0.3, 0.9]), np.array(parameters)
    t = forms.quantile(u, p)
    assert t == pytest.approx(frozen.ppf(u), rel=1e-12)
    assert forms.cumulative(t, p) == pytest.approx(u, rel=1e-12)
    assert forms.log_survival(t, p) == pytest.approx(np.log1p(-u), rel=1e-10)
    assert forms.log_density(t, p) == pytest.approx(frozen.logpdf(t), rel=1e-10)


@pytest.mark.parametrize("frozen", [stats.gamma(2, 0, 3), stats.gamma(a=2, scale=3), stats.gamma(2, scale=3, loc=0)])
def test_a_distribution_of_scipy_is_read_whether_given_by_place_or_by_name(frozen):
    assert Distribution.of(frozen).words == "gamma(2, scale=3)"


@pytest.mark.parametrize("family", ["lognormal", "gamma"])
def test_limits_are_kept_or_with_a_mean_their_ratio(family):
    found = from_limits(family, 2e-6, 9e-6)
    assert found.quantile(np.array([0.05, 0.95])) == pytest.approx([2e-6, 9e-6], rel=1e-9)
    moved = from_limits(family, 2e-6, 9e-6, mean=1e-5)
    low, high = moved.quantile(np.array([0.05, 0.95]))
    assert moved.mean == pytest.approx(1e-5, rel=1e-12)
    assert high / low == pytest.approx(4.5, rel=1e-9)
    with pytest.raises(InputError, match="family lognormal or gamma"):
        from_limits("beta", 0.1, 0.2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lognormal(mean=3 h, cv=1e200)", "no number can hold the sigma"),
        ("gamma(mean=3 h, cv=1e-200)", "no number can hold the shape"),
        ("weibull(shape=2, mean=1 h, location=2 h)", "the mean must be above the location"),
        ("gamma(shape=inf, mean=1 h)", "finite"),
        ("lognormal(mean=3 h, median=3 h)", "say the same"),
    ],
)
def test_a_text_and_a_quantity_are_checked_by_the_same_rules(text, message):
    with pytest.raises(InputError, match=message):
        parse_distribution(text)
    with pytest.raises(InputError, match="shape must be above 0"):
        Uncertain("gamma", (-1.0, 1.0))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fixed(mean=0 h)", "mean must be above 0, got 0"),
        ("weibull(shape=2, location=1e9 h)", "the mean must be above the location"),
        ("lognormal(sigma=50)", "no number can hold the median that this mean gives"),
        ("weibull(shape=1e-3)", "no number can hold the scale that this mean gives"),
        ("weibull(shape=nan)", "'shape' must be a finite number"),
        ("weibull(location=5 d)", "'shape' is missing"),
        ("empirical()", "no values; give at least one observed time"),
        ("lognormal(cv=-1)", "cv must be above 0, got -1"),
    ],
)
def test_what_is_wrong_with_a_distribution_is_said_of_what_was_written(text: str, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        parse_distribution(text, mean_h=100.0)
