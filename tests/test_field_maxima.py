"""Where a likelihood has a maximum and where it has none, and what is found where lives lie close to each other."""

import math

import numpy as np
import pytest
from scipy import special

from k2rel.errors import InputError
from k2rel.field import Lives, fit_law, fits_and_reasons

WORKED = math.inf


def of(*rows):
    low, high, count = np.array(rows, dtype=float).T
    return Lives("parts", low, high, count)


@pytest.mark.parametrize(
    "lives",
    [
        # a step at one time explains these as well as any law: the share of those before it is all that is known
        of((4380, 8760, 3), (8760, WORKED, 40)),
        of((600, 1000, 5), (1000, WORKED, 100)),
        of((4380, 8760, 3), (8760, 13140, 9)),
        of((0, 4380, 3), (4380, 8760, 9)),
        of((500, 600, 5), (600, 700, 2)),
        of((0, 4380, 3), (4380, WORKED, 40)),
        # the density at the one time of failure grows without bound
        of((600, 600, 5), (500, 800, 2)),
        of((600, 600, 5), (600, 800, 2)),
        of((8760, 8760, 3), (8760, 9500, 9)),
        of((8760, 8760, 3), (0, 9500, 9)),
    ],
)
def test_a_law_without_a_largest_likelihood_is_refused(lives) -> None:
    fits, reasons = fits_and_reasons(lives)
    assert [one.law for one in fits] == ["exponential"]
    assert all("no maximum" in reasons[name] for name in ("weibull", "lognormal", "gamma"))


def test_a_location_does_not_help_where_a_step_explains_all() -> None:
    _, reasons = fits_and_reasons(of((4380, 8760, 3), (8760, WORKED, 40)), ["weibull3"])
    assert "no maximum" in reasons["weibull3"]


def test_three_intervals_tell_every_law() -> None:
    """Two parameters give two shares exactly: 3, 4 and 5 of 12."""
    fits, _ = fits_and_reasons(of((0, 4380, 3), (4380, 8760, 4), (8760, WORKED, 5)))
    assert len(fits) == 4
    for one in fits:
        if one.law != "exponential":
            assert one.failed_by([4380.0, 8760.0]) == pytest.approx([3 / 12, 7 / 12], abs=1e-6)


def gamma_shape(times):
    """Ln a - digamma(a) = ln mean - mean of ln, for large a 1/2a + 1/12a^2, from relative deviations."""
    off = times / times.mean() - 1
    gap = -np.mean(np.log1p(off) - off)
    return (1 + math.sqrt(1 + 4 * gap / 3)) / (4 * gap)


@pytest.mark.parametrize(("apart", "close"), [(1e-4, 1e-5), (1e-2, 1e-7), (1.0, 1e-7)])
def test_gamma_keeps_its_digits_where_lives_are_close(apart, close) -> None:
    times = np.repeat([600.0, 600.0 + apart], 5)
    found = fit_law("gamma", Lives.of(times))
    assert found.parameters["shape"].value == pytest.approx(
        1 / np.var(times / times.mean()) if apart < 1 else gamma_shape(times), rel=max(close, apart * 1e-5)
    )
    # the lognormal law tends to the same normal one
    sigma = np.std(np.log(times))
    normal = -10 * math.log(sigma * math.sqrt(2 * math.pi)) - 5 - np.log(times).sum()
    assert found.aic == pytest.approx(4 - 2 * normal, abs=1e-3 if apart < 1 else 1e-2)


@pytest.mark.parametrize(
    "lives",
    [
        of((8784, 8784, 3), (8760, 8760, 1)),
        of((1000, 1000, 3), (1003, 1003, 9)),
        of((1000, 1000, 5), (1001, 1001, 5)),
        of((10000, 10000, 1), (10001, 10001, 1), (10002, 10002, 1)),
    ],
)
def test_weibull_of_close_lives_solves_its_equation(lives) -> None:
    """The derivatives of the likelihood vanish: 1/k = sum t^k ln t / sum t^k - mean ln t; scale^k = mean t^k."""
    found = fit_law("weibull", lives)
    shape, scale = (found.parameters[key].value for key in ("shape", "scale_h"))
    middle = float(lives.lower_h.mean())
    logs, share = np.log(lives.lower_h / middle), lives.count / lives.count.sum()
    power = share * np.exp(shape * logs)
    assert power @ logs / power.sum() - share @ logs == pytest.approx(1 / shape, rel=1e-5)
    assert math.log(scale / middle) == pytest.approx(special.logsumexp(shape * logs, b=share) / shape, abs=1e-9)
    low, high = found.parameters["shape"].low, found.parameters["shape"].high
    assert low < shape < high < 10 * shape


def test_lives_closer_than_digits_tell_are_refused() -> None:
    _, reasons = fits_and_reasons(Lives.of([1e6, 1e6 + 1e-3] * 3))
    assert all("16 digits" in reasons[name] for name in ("weibull", "lognormal", "gamma"))


def test_a_rate_of_parts_that_were_all_found_failed_is_refused() -> None:
    _, reasons = fits_and_reasons(of((0, 4380, 3), (0, 5000, 2)))
    assert "no part is known to have been in operation" in reasons["exponential"]


def test_an_entry_whose_limits_are_no_rates_is_not_written() -> None:
    fit = fit_law("exponential", Lives.of([2.0, 3.0]))
    assert fit.rate_per_h.value == 0.4
    assert fit.rate_per_h.high > 1  # chi-square: 0.1 * 12.6
    with pytest.raises(InputError, match=r"do not determine the rate, 0\.0711 to 1\.26 /h"):
        fit.entry("mine")
