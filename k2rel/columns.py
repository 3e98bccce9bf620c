"""How numbers are written for people, and the columns of tables: titles with units, digits worth reading.

One dictionary of columns serves the command line, the notebooks and the reports.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from k2rel.units import format_duration

__all__ = ["COLUMNS", "percentage", "probability_text", "quantity_text"]

_LENGTHS = ("10_s", "1_min", "10_min", "1_h", "8_h")
_ONE = 1 - 1e-13
"""From here on a probability is one but for the rounding of sums."""


def probability_text(value: float) -> str:
    """Write a probability with three significant digits, as a power of ten where it is small.

    Examples
    --------
    >>> probability_text(7.634e-6), probability_text(0.25), probability_text(1 - 7.63e-6)
    ('7.63e-06', '0.25', '99.99924 %')
    """
    if value == 0 or value >= _ONE:
        return str(round(value))
    if value < 1e-3:
        return f"{value:.2e}"
    return _availability(value) if 0.999 < value < 1 else f"{value:.3g}"


def percentage(probability: float) -> str:
    """Write a probability as a percentage that is 0 or 100 only where it is.

    Examples
    --------
    >>> percentage(0.494), percentage(0.9999)
    ('49.4 %', 'above 99.9 %')
    """
    if 0.0 < probability < 0.001 or 0.999 < probability < 1.0:
        return "below 0.1 %" if probability < 0.5 else "above 99.9 %"
    return f"{100.0 * probability:.3g} %"


def quantity_text(value: float, unit: str) -> str:
    """Write a number with its unit; a time in the unit that fits, and what has no unit as a percentage.

    Examples
    --------
    >>> quantity_text(0.95, ""), quantity_text(0.25, "h"), quantity_text(9.4e-7, "/h")
    ('95 %', '15 min', '9.4e-07 /h')
    """
    if unit == "h":
        return format_duration(value)
    return f"{value:.3g} {unit}" if unit else f"{100.0 * value:.3g} %"


def _nines(value: float) -> int:
    """Decimals of a probability near one: what is missing to one has two digits."""
    return max(4, math.ceil(-math.log10(1 - value)) + 1)


def _availability(value: float) -> str:
    """As a percentage, which is 100 only where it is."""
    if value >= _ONE or value <= 0:
        return f"{100 * value:.0f} %"
    return f"{100 * value:.{_nines(value) - 2}f} %"


def probabilities(values: Sequence[Any]) -> list[str]:
    """A column of probabilities: those near one as the others, not as percentages, where there are others."""
    shares = [value for value in values if not missing(value) and 0 < value <= 0.999]
    return [
        "–" if missing(value)
        else f"{value:.{_nines(value)}f}" if shares and 0.999 < value < _ONE
        else probability_text(value)
        for value in values
    ]  # fmt: skip


def _amount(value: float) -> str:
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "never"
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-3:
        return f"{value:.2e}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _load(value: float) -> str:
    return f"{value:,.1f}".rstrip("0").rstrip(".")


def _percent(value: float) -> str:
    return "below 0.1 %" if 0 < value < 1e-3 else f"{100 * value:.1f} %"


def _duration(value: float) -> str:
    return "–" if math.isnan(value) else format_duration(value)


def plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def missing(value: object) -> bool:
    return value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and math.isnan(value))


def _yes(value: object) -> str:
    return "yes" if value else "NO"


COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "down_now": ("down until repaired", lambda v: v.replace("_", " ") or "–"),
    "redundancy_back_h": ("redundant again after", _duration),
    "must_not_fail": ("must not fail then", lambda v: v or "–"),
    "do_first": ("do first", lambda v: v or "–"),
    "for_h": ("out for", _duration),
    "own_min": ("its own interruption [min]", _amount),
    "risk_min": ("risk meanwhile [min]", _amount),
    "not_back_min": ("may not come back [min]", _amount),
    "excess_min": ("costs [min]", _amount),
    "by_hand_min": ("roles moved before [min]", _amount),
    "p_failure": ("P(failure meanwhile)", probability_text),
    "down_meanwhile": ("down meanwhile", lambda v: v.replace("_", " ") or "–"),
    "together_min": ("together [min]", _amount),
    "apart_min": ("one after the other [min]", _amount),
    "may_be_done_together": ("may be done together", _yes),
    "adds_min_per_year": ("adds [min/year]", _amount),
    "caused_min_per_year": ("by failures of the part [min/year]", _amount),
    "saved_min_per_year": ("saved by what it finds [min/year]", _amount),
    "break_even": ("share of failures it must prevent", lambda v: "never pays" if v > 1 else percentage(max(v, 0.0))),
    "up_now": ("there now", _yes),
    "back_h": ("back after", _duration),
    "p_failure_within": ("P(failure)", probability_text),
    "p_failure_within_low": ("interval from", probability_text),
    "p_failure_within_high": ("to", probability_text),
    "downtime_h_low": ("from", _amount),
    "downtime_h_high": ("to ", _amount),
    "p_failure_usual": ("usual", probability_text),
    **{f"p_longer_{t}": (f"P(longer than {t.replace('_', ' ')})", probability_text) for t in _LENGTHS},
    **{f"p_longer_{t}_usual": (f"usual{' ' * n}", probability_text) for n, t in enumerate(_LENGTHS, 1)},
    "expected_downtime_min": ("expected downtime [min]", _amount),
    "expected_downtime_usual_min": ("usual [min]", _amount),
    "p_within": ("P(it fails while so)", probability_text),
    "always": ("also with nothing failed", lambda v: "yes" if v else "only now"),
    "after_h": ("done", lambda v: "now" if v == 0 else f"after {format_duration(v)}"),
    "period_availability": ("availability", _availability),
    "period_downtime_min": ("downtime [min]", _amount),
    "p_downtime": ("P(downtime so far out)", _amount),
    "period_failures": ("failures", _amount),
    "expected_failures": ("expected failures", _amount),
    "p_failures": ("P(failures so far out)", _amount),
    "lasted_min": ("lasted [min]", _amount),
    "expected": ("expected", _amount),
    "p_so_many": ("P(so many)", _amount),
    "p_holm": ("of all looked at", _amount),
    "p_so_few": ("P(so few)", _amount),
    "seen_mean_h": ("mean in the log [h]", _amount),
    "p_so_long": ("P(so long)", _amount),
    "p_so_short": ("P(so short)", _amount),
    "as_given": ("inputs as given [min/year]", _amount),
    "failures_mean": ("losses a year, mean", _amount),
    "failures_q05": ("losses a year, 5 %", _amount),
    "failures_q95": ("losses a year, 95 %", _amount),
    "first_low": ("first order, 90 % from", lambda v: f"{v:.3f}"),
    "first_high": ("first order, 90 % to", lambda v: f"{v:.3f}"),
    "met_if": ("met if it is", str),
    "p_carries": ("P(site carries its clients)", probability_text),
    "p_met": ("P(target met)", percentage),
    "verdict": ("verdict", lambda v: str(v).upper() or "–"),
    "default_for": ("default for", str),
    "times_default": ("times the default", _amount),
    "b10_h": ("B10 life [h]", _amount),
    "mean_h": ("mean [h]", lambda v: _amount(v) if math.isfinite(v) else "none"),
    "p_value": ("p-value", _amount),
    "distance": ("distance", _amount),
    "aic": ("AIC", lambda v: f"{v:.2f}"),
    "afr": ("a year", _percent),
    "before_per_h": ("before [1/h]", _amount),
    "mean_per_h": ("mean within limits [1/h]", _amount),
    "point": ("value is their", lambda v: v or "–"),
    "before_mean_per_h": ("mean before [1/h]", _amount),
    "before_low_per_h": ("from", _amount),
    "before_high_per_h": ("to", _amount),
    "seen_per_h": ("log alone [1/h]", _amount),
    "alone_per_h": ("alone [1/h]", _amount),
    "after_per_h": ("after [1/h]", _amount),
    "after_low_per_h": ("after, from", _amount),
    "after_high_per_h": ("after, to", _amount),
    "surprise": ("P(log so far out)", _amount),
    "variance_share": ("share of variance", _percent),
    "variance_low": ("share, from", _amount),
    "variance_high": ("share, to", _amount),
    "deviation_if_known": ("deviation if known [min/year]", _amount),
    "demands_per_year": ("failures a year", _amount),
    "spares_uncertain": ("spares, rates in limits", str),
    "spares_together": ("together", str),
    "sites_alone": ("each site alone", str),
    "p_short": ("P(one missing)", probability_text),
    "after_takeover": ("after a takeover", _count),
    "clients_carried": ("clients carried", _count),
    "clients_normally": ("clients carried, nothing failed", _count),
    "load_state": ("load of its clients", lambda v: str(v) or "–"),
    "p_chosen_better": ("P(the one named is down less)", lambda v: "–" if math.isnan(v) else percentage(v)),
    "ideal_min_per_year": ("with ideal takeovers [min/year]", _amount),
    "normal_share_a": ("normally on A", _percent),
    "worst_failure": ("worst single failure", str),
    "worst_share_a": ("then on A", _percent),
    "worst_share_cut_off": ("then cut off", _percent),
    "comparable": ("comparable with now", _yes),
    "why_empty": ("why empty", lambda v: v or "–"),
    "cost": ("cost", lambda v: "–" if math.isnan(v) else f"{v:,.6g}"),
    "cost_per_minute": ("cost per min/year", _amount),
    "usable_tb": ("usable [TB]", _load),
    "losses_per_1000": ("losses of 1,000 groups", _amount),
    "low": ("interval from", _amount),
    "high": ("to", _amount),
    "mttdl_formula": ("MTTDL formula", _amount),
    "by_unread_error": ("by an unread error", _percent),
    "p_loss": ("P(loss) of a group", probability_text),
    "nomdl": ("NOMDL [TB per usable TB]", _amount),
    "formula_years": ("formula [years]", lambda v: f"{v:,.0f}"),
    "chain_years": ("chain [years]", lambda v: f"{v:,.0f}"),
    "target_percent": ("target [%]", lambda v: f"{v:.6g}"),
    "allowed_min_per_year": ("allowed [min/year]", _amount),
    "low_min_per_year": ("5 % [min/year]", _amount),
    "high_min_per_year": ("95 % [min/year]", _amount),
    "removed_min_per_year": ("removed [min/year]", _amount),
    "removed_share": ("removed", _percent),
    "before_min_per_year": ("before [min/year]", _amount),
    "after_min_per_year": ("after [min/year]", _amount),
    "change_min_per_year": ("change [min/year]", _amount),
    "nothing_failed": ("nothing failed", str),
    "after_one_failure": ("after any single failure", str),
    "within_bound": ("P(overload) within the bound", _count),
    "alike": ("alike", lambda v: f"{v:,}"),
    "availability": ("availability", _availability),
    "birnbaum": ("Birnbaum importance, all clients' parts together", _amount),
    "capacity_mb_s": ("capacity [MB/s]", _load),
    "clients": ("clients", lambda v: f"{v:,}"),
    "coverage": ("coverage", lambda v: f"{v:.3g}"),
    "cut_off": ("cut off", lambda v: f"{v:,}"),
    "downtime_high": ("downtime at the upper [min/year]", _amount),
    "downtime_low": ("downtime at the lower limit [min/year]", _amount),
    "downtime_min_per_year": ("downtime [min/year]", _amount),
    "entries_per_year": ("entries a year", _amount),
    "failed_takeovers_per_year": ("failed takeovers a year", _amount),
    "failure_rate_per_h": ("failure rate [1/h]", _amount),
    "failures_per_year": ("losses a year", _amount),
    "high_per_h": ("high [1/h]", _amount),
    "hours_per_year": ("hours a year", _amount),
    "interruption_min_per_year": ("interruption [min/year]", _amount),
    "dif": ("failed when the service is lost", probability_text),
    "deviation": ("standard deviation [min/year]", _amount),
    "first_order": ("first order", lambda v: f"{v:.3f}"),
    "mean": ("mean [min/year]", _amount),
    "mean_low": ("mean, 90 % from", _amount),
    "mean_high": ("mean, 90 % to", _amount),
    "or_fewer": ("or fewer", probability_text),
    "q05": ("5 % [min/year]", _amount),
    "q50": ("50 % [min/year]", _amount),
    "q95": ("95 % [min/year]", _amount),
    "total": ("total", lambda v: f"{v:.3f}"),
    "total_low": ("total, 90 % from", lambda v: f"{v:.3f}"),
    "total_high": ("total, 90 % to", lambda v: f"{v:.3f}"),
    "independent": ("independent parts [min/year]", _amount),
    "times": ("times as much", _amount),
    "twins": ("A/B twins with common causes [min/year]", _amount),
    "largest_mb_s": ("largest [MB/s]", _load),
    "mean_downtime_h": ("mean downtime", _duration),
    "mean_mb_s": ("mean [MB/s]", _load),
    "mean_stay_h": ("mean stay", _duration),
    "low_per_h": ("low [1/h]", _amount),
    "losses_per_year": ("data losses a year", _amount),
    "mttdl_years": ("time to data loss [years]", _amount),
    "mtbf_h": ("time between losses", _duration),
    "mttr_h": ("time to restoration [h]", _amount),
    "test_interval_h": ("test interval [h]", _amount),
    "normal_mb_s": ("normal state [MB/s]", _load),
    "load_mb_s": ("load [MB/s]", _load),
    "on_a": ("on A", lambda v: f"{v:,}"),
    "on_a_mb_s": ("on A [MB/s]", _load),
    "order": ("order", str),
    "demand_mb_s": ("asked [MB/s]", _load),
    "delivered_mb_s": ("arrives [MB/s]", _load),
    "p95_mb_s": ("95 % [MB/s]", _load),
    "p99_9_mb_s": ("99.9 % [MB/s]", _load),
    "p_overload": ("P(overload)", probability_text),
    "probability": ("probability", probability_text),
    "raw": ("RAW", _amount),
    "rrw": ("RRW", _amount),
    "share": ("share of downtime", _percent),
    "takeover_in_progress_min_per_year": ("takeover on its way [min/year]", _amount),
    "failed_takeover_min_per_year": ("takeover failed [min/year]", _amount),
    "no_backup_min_per_year": ("no backup [min/year]", _amount),
    "no_takeover_helps_min_per_year": ("no takeover helps [min/year]", _amount),
    "slope_min_per_year": ("for each unit more [min/year]", _amount),
    "elasticity": ("elasticity", _amount),
    "slope_mttr_min_per_year": ("for each hour of restoration [min/year]", _amount),
    "slope_rate_h": ("slope by failure rate [h]", _amount),
    "switchover_s": ("switchover [s]", _amount),
    "failbacks_per_year": ("failbacks a year", _amount),
    "takeovers_per_year": ("takeovers a year", _amount),
    "by_clients_per_year": ("by a client's own parts, a year", _amount),
    "path_failovers_per_year": ("path failovers of any client, a year", _amount),
    "path_failovers_on_air_per_year": ("of them on air", _amount),
    "path_failovers_bridged_per_year": ("bridged", _amount),
    "path_failover_min_per_year": ("path failover of any client [min/year]", _amount),
    "unsuccessful_path_failovers_per_year": ("unsuccessful of any client, a year", _amount),
    "unsuccessful_path_failover_min_per_year": ("unsuccessful [min/year]", _amount),
    "client_path_failovers_per_year": ("of all clients, added up, a year", _amount),
    "first_loss_h": ("first loss after", _duration),
    **{f"longer_than_{t}": (f"longer than {t.replace('_', ' ')}", _percent) for t in _LENGTHS},
    "mean_min": ("mean [min]", _amount),
    "median_min": ("median [min]", _amount),
    "on_air_per_year": ("on air, a year", _amount),
    "per_year": ("a year", _amount),
    "preferred_min_per_year": ("takeovers ideal [min/year]", _amount),
    "preferred_per_year": ("losses a year, ideal", _amount),
    "sticky_min_per_year": ("as modelled [min/year]", _amount),
    "sticky_per_year": ("losses a year, as modelled", _amount),
    "unavailability": ("unavailability", probability_text),
    "unavailability_low": ("interval from", probability_text),
    "unavailability_high": ("interval to", probability_text),
    "up": ("there", _yes),
    "share_last_side": ("share of clients on the last side", _percent),
    "client_hours_lost_per_year": ("hours that clients are cut off, all together [h/year]", _amount),
    "p_overload_after_takeover": ("P(overload after a takeover)", probability_text),
    "p_any_overload": ("P(any overload) by the foreground", probability_text),
}
