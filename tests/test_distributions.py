"""One table of families: their means, quantiles and limits are SciPy's, however a distribution is given."""

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from k2rel.distributions import FAMILIES, Distribution, Uncertain, from_limits, parse_distribution, point_is
from k2rel.distributions.closed_forms import EXPONENTIAL, GAMMA, LOGNORMAL, WEIBULL
from k2rel.errors import InputError

PARAMETERS = {
    "weibull": (1.7, 40.0, 5.0), "lognormal": (0.8, 40.0), "gamma": (2.5, 40.0), "normal": (5.0, 2.0),
    "beta": (1.5, 40.0), "uniform": (1.0, 3.0), "triangular": (1.0, 1.5, 3.0),
    "histogram": (0.0, 1.0, 2.0, 3.0, 1.0),
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


RANGES = {
    "lognormal": [(2e-6, 9e-6), (1e-9, 1e-3), (3.0, 3.000001)],
    "gamma": [(2e-6, 9e-6), (1e-9, 1e-3), (3.0, 3.01)],
    "beta": [
        (0.85, 0.99), (0.67, 0.92), (0.001, 0.1), (0.9, 0.9999), (0.5, 0.500001), (1e-9, 1e-3), (1e-9, 1 - 1e-9),
        (1e-7, 2e-7),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("family", "low", "high"), [(name, *pair) for name, pairs in RANGES.items() for pair in pairs])
def test_limits_are_the_5_and_95_percent_quantiles_and_a_point_does_not_move_them(family, low, high):
    found = from_limits(family, low, high)
    assert found.quantile(np.array([0.05, 0.95])) == pytest.approx([low, high], rel=1e-9)
    if high - low < 1e-5 * low and family == "beta":
        return  # SciPy's beta distribution has lost its digits here
    assert found.frozen().cdf([low, high]) == pytest.approx([0.05, 0.95], abs=1e-6)
    assert from_limits(family, low, high, low + 0.9 * (high - low)) == found


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["lognormal", "gamma", "beta"]), st.floats(-6, -0.1), st.floats(-6, -0.1))
def test_any_two_limits_are_those_of_a_distribution(family, first, second):
    low, high = sorted((10**first, 10**second))
    assume(high > 1.001 * low)
    assert from_limits(family, low, high).quantile(np.array([0.05, 0.95])) == pytest.approx([low, high], rel=1e-8)


def test_the_beta_distribution_of_the_middle_nine_tenths_is_the_uniform_one():
    assert from_limits("beta", 0.05, 0.95).parameters == pytest.approx((1.0, 1.0), rel=1e-9)
    # I_x(a, 1) = x^a, so that limits of 0.05^(1/9) and 0.95^(1/9) are those of Beta(9, 1); mirrored of Beta(1, 9)
    low, high = 0.05 ** (1 / 9), 0.95 ** (1 / 9)
    assert from_limits("beta", low, high).parameters == pytest.approx((9.0, 1.0), rel=1e-8)
    assert from_limits("beta", 1 - high, 1 - low).parameters == pytest.approx((1.0, 9.0), rel=1e-8)


def test_limits_of_uniform_and_triangular_distributions_are_their_ends_and_the_point_is_the_mode():
    assert from_limits("uniform", 20.0, 30.0, 25.0) == Uncertain("uniform", (20.0, 30.0))
    found = from_limits("triangular", 2.0, 10.0, 4.0)
    # the area of the triangle left of its mode is (mode - low) / (high - low)
    assert found.quantile(np.array([0.0, 0.25, 1.0])) == pytest.approx([2.0, 4.0, 10.0])
    assert found.mean == pytest.approx(16 / 3)
    assert found.variance == pytest.approx((4 + 100 + 16 - 20 - 8 - 40) / 18)


@pytest.mark.parametrize(
    ("family", "low", "high", "point", "says"),
    [
        ("weibull", 0.1, 0.2, None, "lognormal, gamma, beta, uniform, triangular, not 'weibull'"),
        ("beta", 0.1, 1.2, None, "must be below 1, got 0.1 and 1.2"),
        ("beta", 0.0, 0.2, None, "must be above 0, got 0 and 0.2"),
        ("beta", 0.3, 0.3 + 1e-9, None, "0.3 and 0.300000001 are too near or too far apart"),
        ("gamma", 1.0, 1.0, None, "must be apart, got 1 twice"),
        ("lognormal", 2.0, 1.0, None, "must be finite and in order, got 2 and 1"),
        ("uniform", 1.0, float("inf"), None, "must be finite and in order"),
        ("triangular", 1.0, 2.0, None, "give the value itself too; it is the mode"),
        ("triangular", 1.0, 2.0, 3.0, "1 to 2 must contain the value itself, 3"),
        ("beta", 0.85, 0.99, 0.8, "0.85 to 0.99 must contain the value itself, 0.8"),
    ],
)
def test_limits_that_no_distribution_has_are_refused_in_a_sentence(family, low, high, point, says):
    with pytest.raises(InputError, match=re.escape(says)):
        from_limits(family, low, high, point)


def test_a_published_value_is_named_by_what_it_is_to_the_distribution_of_its_limits():
    rate = from_limits("lognormal", 1e-6, 9e-6)
    mean = 3e-6 * np.exp((np.log(3) / stats.norm.ppf(0.95)) ** 2 / 2)
    assert [point_is(rate, value) for value in (3.1e-6, 0.96 * mean, 2e-6)] == ["median", "mean", "estimate"]
    # of a probability near 1 what is missing to 1 counts: 0.9402 and 0.9372 are its median and mean
    takeover = from_limits("beta", 0.85, 0.99)
    frozen = stats.beta(*takeover.parameters)
    assert [point_is(takeover, value) for value in (frozen.median(), frozen.mean(), 0.95)] == [
        "median", "mean", "estimate",
    ]  # fmt: skip


QUANTITIES = {
    "lognormal": (3e-6, 4.0, 0.95), "normal": (5.0, 2.0), "gamma": (0.3, 40.0), "beta": (9.0, 1.3),
    "uniform": (1.0, 3.0), "triangular": (1.0, 1.2, 3.0), "weibull": (1.7, 40.0), "histogram": (0.0, 1.0, 3.0, 3.0, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("family", QUANTITIES)
def test_quantiles_are_those_of_scipy_also_far_out(family):
    found = Uncertain(family, QUANTITIES[family])
    u = np.array([0.0, 1e-30, 1e-16, 1e-6, 0.05, 0.4999, 0.5, 0.77, 1 - 1e-9, 1.0])
    assert found.quantile(u) == pytest.approx(found.frozen().ppf(u), rel=1e-8)
    assert float(found.quantile(0.77)) == found.quantile(u)[7]


@settings(max_examples=40, deadline=None)
@given(st.floats(-1.3, 6), st.floats(-1.3, 6), st.floats(1e-9, 1 - 1e-9))
def test_the_share_below_a_quantile_of_a_beta_or_gamma_distribution_is_its_probability(log_a, log_b, u):
    a, b = 10**log_a, 10**log_b
    x = float(Uncertain("beta", (a, b)).quantile(u))
    if 1e-300 < x < 1 - 1e-9:  # nearer to the ends the number itself is rounded
        assert float(special.betainc(a, b, x)) == pytest.approx(u, rel=1e-5)
    x = float(Uncertain("gamma", (a, b)).quantile(u))
    assert x <= 1e-300 or float(special.gammainc(a, x / b)) == pytest.approx(u, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lognormal(mean=3 h, cv=1e200)", "the sigma of this cv is beyond the range"),
        ("gamma(mean=3 h, cv=1e-200)", "beyond the range of a number"),
        ("weibull(shape=2, mean=1 h, location=2 h)", "the mean must be above the location"),
        ("gamma(shape=inf, mean=1 h)", "finite"),
        ("lognormal(mean=3 h, median=3 h)", "have the same meaning"),
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
        ("lognormal(sigma=50)", "the median of this mean is beyond the range of a number"),
        ("weibull(shape=1e-3)", "the scale of this mean is beyond the range of a number"),
        ("weibull(shape=nan)", "'shape' must be a finite number"),
        ("weibull(location=5 d)", "'shape' is missing"),
        ("empirical()", "no values; give at least one observed time"),
        ("lognormal(cv=-1)", "cv must be above 0, got -1"),
    ],
)
def test_what_is_wrong_with_a_distribution_is_said_of_what_was_written(text: str, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        parse_distribution(text, mean_h=100.0)
