"""How many clients a level carries: with nothing failed, after any single failure, and on average over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from k2rel.errors import InputError
from k2rel.measures.comparison import studies_of
from k2rel.measures.load import load
from k2rel.policy.failover import failover, principal_traffic
from k2rel.studies import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["most_clients"]


def most_clients(
    levels: Sequence[str | Path],
    bit_rates: Sequence[str],
    *,
    most: int = 40,
    bound: float = 1e-3,
    settings: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Find how many clients levels carry, each client asking for a bit rate of its principal traffic.

    Parameters
    ----------
    levels : sequence of str or pathlib.Path
        Levels by name, or site files.
    bit_rates : sequence of str
        Demand of one client, such as ``"50 Mb/s"``.
    most : int
        Largest number of clients that is tried.
    bound : float
        Largest accepted share of time in which anything is overloaded.
    settings : mapping of str to str, optional
        Changes by hand, applied where a level has that type.

    Returns
    -------
    pandas.DataFrame
        For each level and ``bit_rate`` the most clients with ``nothing_failed``, ``after_one_failure`` (any one that
        leaves every client its service) and ``within_bound``; what would be overloaded first with one client more
        after a failure (``limited_by``, ``after_failure_of``). Where a number is `most`, more may be possible; 0: not
        even one. More clients never mean less load on an element, so halving finds the number.

    Raises
    ------
    InputError
        If a level or bit rate cannot be read, or a number is out of range.

    Examples
    --------
    >>> most_clients(["L2R"], ["25 MB/s"], most=10)["after_one_failure"].tolist()
    [7]
    """
    import pandas as pd

    if not 1 <= most <= 1000:
        raise InputError(f"most: from 1 to 1000 clients, got {most}")
    if not 0 <= bound < 1:
        raise InputError(f"bound: a probability from 0 to below 1, got {bound:g}")
    rows = []
    for level in levels:
        (plain,) = studies_of([level], settings=settings).values()
        name = principal_traffic(plain.site)
        for rate in bit_rates:
            made: dict[int, Study] = {}

            def with_clients(
                count: int, level: str | Path = level, key: str = f"{name}.demand", rate: str = rate,
                made: dict[int, Study] = made,
            ) -> Study:  # fmt: skip
                if count not in made:
                    chosen = {**(settings or {}), key: rate}
                    (made[count],) = studies_of([level], clients=count, settings=chosen).values()
                return made[count]

            def intact(count: int, get: Callable[[int], Study] = with_clients) -> bool:
                return _overloaded(get(count), None) is None

            def single(count: int, get: Callable[[int], Study] = with_clients) -> bool:
                return _first_overload(get(count)) is None

            def bounded(count: int, get: Callable[[int], Study] = with_clients) -> bool:
                return load(get(count)).p_any_overload <= bound

            normal, after = _largest(most, intact), _largest(most, single)
            element, failed = (_first_overload(with_clients(after + 1)) if after < most else None) or ("–", "–")
            rows.append((plain.site.name, rate, normal, after, _largest(normal, bounded), element, failed))
    columns = [
        "level",
        "bit_rate",
        "nothing_failed",
        "after_one_failure",
        "within_bound",
        "limited_by",
        "after_failure_of",
    ]
    return pd.DataFrame(rows, columns=columns)


def _largest(most: int, holds: Callable[[int], bool]) -> int:
    """Largest number up to `most` that holds, 0 where none does; what holds for more holds for less."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = most if low == 0 and high == most + 1 else (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def _overloaded(one: Study, part: str | None) -> str | None:
    """The element that is most above its capacity; None where none is, or the service is lost anyway."""
    outcome = failover(one.policy, [] if part is None else [part])
    if part is not None and not outcome.services[outcome.principal]:
        return None
    over = [item for item in outcome.loads if item.overloaded]
    return max(over, key=lambda item: item.load_mb_s / item.capacity_mb_s).element if over else None


def _first_overload(one: Study) -> tuple[str, str] | None:
    """What is overloaded after which single failure, nothing failed first."""
    element = _overloaded(one, None)
    if element is not None:
        return element, "nothing"
    site = one.site
    own = [site.client_part_id(1, key) for key in site.client_parts]
    drives = {drive for entry in site.raid_sets.values() for drive in (*entry.drives, *entry.spares)}
    for part in (*own, *(name for name in site.components if name not in drives)):
        element = _overloaded(one, part)
        if element is not None:
            return element, part
    return None
