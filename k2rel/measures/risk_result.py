"""What the next hours hold, as people and programs get it: services, what must not fail, what to do, in which order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from k2rel.arguments import as_whole
from k2rel.columns import probability_text
from k2rel.errors import InputError, closest, not_computed
from k2rel.measures.ahead_of import MOST_ORDERED, Action, AheadOf
from k2rel.measures.must_not_fail import Critical
from k2rel.policy.present import Present
from k2rel.studies import Provenance
from k2rel.tables import ShownTable
from k2rel.units import format_duration

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WORTH", "Risk", "RiskOfService", "action_words"]


WORTH = 0.95
"""Of the downtime, what an action that is worth being named leaves at most."""


@dataclass(frozen=True, slots=True)
class RiskOfService:
    """What the horizon holds for one service, beside a usual day: one at any time, of the years that the model means.

    Probabilities of a service that is down now are None; the mean time to its return stands instead. So they are where
    the downtime alone was asked for.
    """

    service: str
    title: str
    up_now: bool
    p_failure_within: float | None
    p_failure_usual: float
    p_longer: tuple[float, ...]  # that an outage begins that is longer than each length; down now: that this one is
    p_longer_usual: tuple[float, ...]
    downtime_h: float
    downtime_usual_h: float
    back_h: float | None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # where it is simulated

    @property
    def times(self) -> float:
        """Downtime as a multiple of the usual one."""
        return self.downtime_h / self.downtime_usual_h if self.downtime_usual_h > 0 else math.nan


@dataclass(frozen=True, eq=False, repr=False)
class Risk(ShownTable):
    """What the next hours hold.

    Parameters
    ----------
    present : Present
        The state at present, as it was described.
    roles : dict of str to str
        Where each role is that can move, by the rules where nobody said.
    out_of_service : tuple of str
        Servers that are out of service.
    horizon_h : float
        How far it looks ahead [h].
    lengths_h : tuple of float
        Lengths of outages [h], the client's buffer first.
    services : tuple of RiskOfService
    critical : tuple of Critical
        Parts whose failure alone takes a service down from here, those that do so only now first.
    actions : tuple of Action
        What can be done, what helps most first, each done now and later.
    redundancy : tuple of (str, float)
        Failed parts and the mean time until each is repaired [h].
    redundancy_back_h : float
        Mean time until nothing has failed, roles are held and all servers in service [h].
    error_bound : float
        Bound of every probability: what the states that are not followed can add.
    notes : tuple of str
    """

    present: Present
    roles: dict[str, str]
    out_of_service: tuple[str, ...]
    horizon_h: float
    lengths_h: tuple[float, ...]
    principal: str
    services: tuple[RiskOfService, ...]
    critical: tuple[Critical, ...]
    actions: tuple[Action, ...]
    redundancy: tuple[tuple[str, float], ...]
    redundancy_back_h: float
    error_bound: float
    provenance: Provenance
    notes: tuple[str, ...] = ()
    _ahead: AheadOf | None = field(default=None, repr=False)

    def __getitem__(self, service: str) -> RiskOfService:
        return next(each for each in self.services if each.service == service)

    @property
    def orders_can_be(self) -> bool:
        """Whether orders of repairs can be compared: of the chain, in which every part is repaired at once."""
        return self._ahead is not None and self._ahead.places.dynamics.organisation.crews is None

    @property
    def is_exact(self) -> bool:
        """Whether the chain answers, with a bound; else it is simulated, with intervals."""
        return self._ahead is not None

    def table(self) -> pd.DataFrame:
        """Give the services.

        Returns
        -------
        pandas.DataFrame
            Index ``service``; ``up_now``, ``back_h``, ``expected_downtime_min``, ``expected_downtime_usual_min``,
            ``times_usual``, ``p_failure_within``, ``p_failure_usual``, for each length ``p_longer_than_...`` and
            ``..._usual``.

        Examples
        --------
        >>> import k2rel
        >>> k2rel.risk("L2R", "server_A").table().loc["media", "times_usual"].round(1)
        np.float64(2.9)
        """
        import pandas as pd

        rows = [
            {
                "service": each.service,
                "up_now": each.up_now,
                "back_h": math.nan if each.back_h is None else each.back_h,
                "expected_downtime_min": each.downtime_h * 60,
                "expected_downtime_usual_min": each.downtime_usual_h * 60,
                "times_usual": each.times,
                "p_failure_within": math.nan if each.p_failure_within is None else each.p_failure_within,
                "p_failure_usual": each.p_failure_usual,
                **_longer(self.lengths_h, each),
                **{
                    f"p_failure_within_{end}": value
                    for end, value in zip(("low", "high"), each.intervals.get("p_failure_within", ()), strict=False)
                },
                **{
                    f"expected_downtime_{end}_min": 60 * value
                    for end, value in zip(("low", "high"), each.intervals.get("downtime_h", ()), strict=False)
                },
            }
            for each in self.services
        ]
        return self.provenance.signed(pd.DataFrame(rows).set_index("service"), notes=list(self.notes))

    def critical_table(self) -> pd.DataFrame:
        """Give what must not fail now.

        Returns
        -------
        pandas.DataFrame
            Index ``part``; ``services``, ``p_part_failure``, ``always``.

        Examples
        --------
        >>> import k2rel
        >>> k2rel.risk("L2R", "server_A").critical_table().index[0]
        'software_B'
        """
        import pandas as pd

        rows = [
            {"part": e.part, "services": ", ".join(e.services), "p_part_failure": e.p_within, "always": e.always}
            for e in self.critical
        ]
        frame = pd.DataFrame(rows, columns=["part", "services", "p_part_failure", "always"]).set_index("part")
        return self.provenance.signed(frame)

    def action_table(self) -> pd.DataFrame:
        """Give what can be done, and what it leaves of the risk of the principal traffic.

        Returns
        -------
        pandas.DataFrame
            Index ``action``; ``after_h``, ``p_failure_within``, ``expected_downtime_min``.

        Examples
        --------
        >>> import k2rel
        >>> k2rel.risk("L2R", "server_A").action_table().index[0]
        'repair server_A'
        """
        import pandas as pd

        rows = [
            {
                "action": action_words(each),
                "after_h": each.after_h,
                "p_failure_within": each.p_failure_within,
                "expected_downtime_min": each.downtime_h * 60,
            }
            for each in self.actions
        ]
        columns = ["action", "after_h", "p_failure_within", "expected_downtime_min"]
        return self.provenance.signed(pd.DataFrame(rows, columns=columns).set_index("action"))

    def orders(self, technicians: int = 1) -> pd.DataFrame:
        """Compare the orders in which the failed parts can be repaired.

        Parameters
        ----------
        technicians : int
            How many parts are repaired at the same time.

        Returns
        -------
        pandas.DataFrame
            Index ``order_of_repairs``, the best first; ``p_failure_within``, ``expected_downtime_min`` of the principal
            traffic. Repair times are those of the model, and what fails further is taken one failure deep.

        Raises
        ------
        InputError
            If more than five parts have failed, or there are no technicians.

        Examples
        --------
        >>> import k2rel
        >>> k2rel.risk("L2R", ["server_A", "isl_1"]).orders().index[0]
        'server_A, isl_1'
        """
        import pandas as pd

        technicians = as_whole("technicians", technicians, 1, 1000)
        if len(self.present.failed) > MOST_ORDERED:
            raise InputError(
                f"orders of repairs: at most {MOST_ORDERED} failed parts are put into every order, "
                f"{len(self.present.failed)} have failed; `actions` says what helps most"
            )
        if self._ahead is None:
            raise self._not_simulated("orders of repairs")
        if not self.orders_can_be:
            raise InputError(
                f"{self.provenance.site}: orders of repairs are compared where no part waits for a crew by itself; "
                "leave crews out and say how many technicians there are"
            )
        found = self._ahead.orders(_place(self), technicians)
        rows = [
            {
                "order_of_repairs": ", ".join(each.parts),
                "p_failure_within": each.p_failure_within,
                "expected_downtime_min": each.downtime_h * 60,
            }
            for each in found
        ]
        columns = ["order_of_repairs", "p_failure_within", "expected_downtime_min"]
        return self.provenance.signed(pd.DataFrame(rows, columns=columns).set_index("order_of_repairs"))

    def curve(self, service: str | None = None, points: int = 49) -> pd.DataFrame:
        """Follow the risk over the horizon.

        Parameters
        ----------
        service : str, optional
            By default the principal traffic.
        points : int
            Times, evenly spread, with 0 and the horizon.

        Returns
        -------
        pandas.DataFrame
            Index ``hours``; ``p_failure_within``, ``expected_downtime_min`` until then, and the same with nothing
            failed (``..._nothing_failed``).

        Examples
        --------
        >>> import k2rel
        >>> k2rel.risk("L2R", "server_A").curve(points=3)["expected_downtime_min"].round(2).tolist()
        [0.0, 0.2, 0.28]
        """
        import pandas as pd

        if self._ahead is None:
            raise self._not_simulated("the risk over the horizon")
        times = np.linspace(0.0, self.horizon_h, as_whole("points", points, 2, 10_000))
        place = _place(self, service)
        here = self._ahead.curve(place, times.tolist())
        good = self._ahead.outlook.curve(place, times.tolist())[:, self._ahead.outlook.rows.index(0)]
        down = not self._ahead.up_now(place)
        frame = pd.DataFrame(
            {
                "p_failure_within": np.full(len(times), np.nan) if down else here[:, 0],
                "expected_downtime_min": here[:, 1] * 60,
                "p_failure_within_nothing_failed": good[:, 0],
                "expected_downtime_min_nothing_failed": good[:, 1] * 60,
            },
            index=pd.Index(times, name="hours"),
        )
        return self.provenance.signed(frame, service=service or self.principal)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data.

        Examples
        --------
        >>> import k2rel
        >>> found = k2rel.risk("L2R", "server_A").to_json()
        >>> found["state"]["roles"], found["services"][0]["up_now"]
        ({'file_system': 'server_B'}, True)
        """

        def given(value: float | None) -> float | None:
            return None if value is None or math.isnan(value) or math.isinf(value) else value

        return {
            **self.provenance.heading(),
            "site": self.provenance.site,
            "horizon_h": self.horizon_h,
            "error_bound": given(self.error_bound),
            "state": {
                "failed": list(self.present.failed),
                "failed_since_h": list(self.present.since_h),
                "roles": self.roles,
                "out_of_service": list(self.out_of_service),
            },
            "services": [
                {
                    "service": e.service,
                    "up_now": e.up_now,
                    "p_failure_within": e.p_failure_within,
                    "p_failure_usual": given(e.p_failure_usual),
                    "p_longer_than_buffer": given(e.p_longer[0]),
                    "p_longer_than_10_min": given(e.p_longer[1]),
                    "p_longer_than_1_h": given(e.p_longer[2]),
                    "p_longer_than_buffer_usual": given(e.p_longer_usual[0]),
                    "p_longer_than_10_min_usual": given(e.p_longer_usual[1]),
                    "p_longer_than_1_h_usual": given(e.p_longer_usual[2]),
                    "expected_downtime_min": e.downtime_h * 60,
                    "expected_downtime_usual_min": e.downtime_usual_h * 60,
                    "back_h": given(e.back_h),
                    **({"intervals": {name: list(ends) for name, ends in e.intervals.items()}} if e.intervals else {}),
                }
                for e in self.services
            ],
            "buffer_h": self.lengths_h[0],
            "critical": [
                {"part": e.part, "services": list(e.services), "p_part_failure": e.p_within, "always": e.always}
                for e in self.critical
            ],
            "actions": [
                {
                    "action": each.action,
                    "part": each.part,
                    "to": each.to or None,
                    "after_h": each.after_h,
                    "p_failure_within": given(each.p_failure_within),
                    "expected_downtime_min": each.downtime_h * 60,
                }
                for each in self.actions
            ],
            "redundancy": [{"part": part, "repaired_after_h": given(hours)} for part, hours in self.redundancy],
            "redundancy_back_h": given(self.redundancy_back_h),
            "notes": list(self.notes),
        }

    def _not_simulated(self, what: str) -> InputError:
        return not_computed(self.provenance.site, "simulation", what, "auto or markov")

    def state_words(self) -> str:
        """Say what state it is."""
        failed = [
            f"{name} failed" + (f" {format_duration(hours)} ago" if hours > 0 else "")
            for name, hours in zip(self.present.failed, self.present.since_h, strict=True)
        ]
        placed = [f"{role.replace('_', ' ')} at {place}" for role, place in self.roles.items()]
        out = [f"{name} out of service" for name in self.out_of_service if name not in self.present.failed]
        return ", ".join([*(failed or ["nothing has failed"]), *placed, *out])

    def words(self) -> str:
        """Say in a few sentences what the state means for the principal traffic.

        Examples
        --------
        >>> import k2rel
        >>> k2rel.risk("L2R", "server_A").words()[:71]
        'Down now: ftp (mean time to restoration 7.5 h). Media is up; expected d'
        """
        main, horizon = self[self.principal], format_duration(self.horizon_h)
        usual = f"{_times(main.times)} the usual" if math.isfinite(main.times) else "usually none"
        lost = f"expected downtime in the next {horizon}: {_minutes(main.downtime_h)} min, {usual}"
        if not main.up_now:
            back = "never by itself" if math.isinf(main.back_h or 0.0) else format_duration(main.back_h or 0.0)
            text = f"{self.principal} is down, mean time to restoration {back}; {lost}"
        elif main.p_failure_within is None:  # nobody asked for probabilities
            text = f"{self.principal} is up; {lost}"
        else:
            chances = [
                _chance("P(failure)", main.p_failure_within, main.p_failure_usual),
                *(
                    _chance(f"P(longer than {format_duration(hours)})", p, usual)
                    for hours, p, usual in zip(
                        self.lengths_h[1:], main.p_longer[1:], main.p_longer_usual[1:], strict=True
                    )
                ),
            ]
            text = f"{self.principal} is up; {lost}; {', '.join(chances)}"
        if down := [e for e in self.services if not e.up_now and e.service != self.principal]:
            said = [e.service.replace("_", " ") + _back_words(e.back_h) for e in down]
            text = f"Down now: {', '.join(said)}. {text[0].upper()}{text[1:]}"
        now = [each.part for each in self.critical if not each.always]
        must = f"single points of failure now: {_listed(now)}" if now else "no additional single point of failure now"
        return f"{text}. {must[0].upper()}{must[1:]}. {self._first_words()}"

    def _first_words(self) -> str:
        first = next((each for each in self.actions if each.after_h == 0.0), None)
        main = self[self.principal]
        if first is None:
            return "No action is needed."
        if first.downtime_h > WORTH * main.downtime_h:
            return "No action now lowers the expected downtime by more than 5 %."
        back = f" Mean time to full redundancy: {format_duration(self.redundancy_back_h)}."
        return f"First action: {action_words(first)}; done now, it leaves {_minutes(first.downtime_h)} min." + (
            back if math.isfinite(self.redundancy_back_h) else ""
        )

    def _shown_table(self) -> pd.DataFrame:
        return self.table()[["up_now", "p_failure_within", "p_failure_usual", "expected_downtime_min", "times_usual"]]

    def _line(self) -> str:
        return f"{self.provenance.site}, {self.state_words()}: {self.words()}"


def _longer(lengths_h: Sequence[float], each: RiskOfService) -> dict[str, float]:
    """Probabilities of outages by their length, each beside the usual one."""
    result: dict[str, float] = {}
    for hours, p, usual in zip(lengths_h, each.p_longer, each.p_longer_usual, strict=True):
        result |= {f"p_longer_than_{_word(hours)}": p, f"p_longer_than_{_word(hours)}_usual": usual}
    return result


def action_words(action: Action) -> str:
    """Name an action."""
    return f"{action.action.replace('place in service', 'place')} {action.part}" + (
        " in service" if action.action == "place in service" else f" to {action.to}" if action.to else ""
    )


def _chance(what: str, p: float, usual: float) -> str:
    times = "" if not usual > 0 else ", as usual" if 0.95 < p / usual < 1.05 else f", {_times(p / usual)} the usual"
    return f"{what} = {probability_text(p)}{times}"


def _times(ratio: float) -> str:
    return f"{ratio:.2g} times" if ratio < 100 else f"{ratio:,.0f} times"


def _back_words(back_h: float | None) -> str:
    known = back_h is not None and math.isfinite(back_h)
    return f" (mean time to restoration {format_duration(back_h)})" if known and back_h is not None else ""


def _minutes(hours: float) -> str:
    return f"{hours * 60:.2g}" if hours < 1 else f"{hours * 60:,.0f}"


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _word(hours: float) -> str:
    return format_duration(hours).replace(" ", "_")


def _place(found: Risk, service: str | None = None) -> int:
    wanted = found.principal if service is None else service
    names = [each.service for each in found.services]
    if wanted not in names:
        raise InputError(f"{found.provenance.site} has no service '{wanted[:60]}' of the site{closest(wanted, names)}")
    return names.index(wanted)
