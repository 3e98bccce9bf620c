"""How often RAID groups lose data: as they really fail, and as the MTTDL formula has it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from k2rel.arguments import as_number, as_numbers, as_whole
from k2rel.distributions import Distribution
from k2rel.errors import InputError
from k2rel.rates import RaidModule
from k2rel.simulation.raid_group import DataLoss, RaidGroup, data_loss, mttdl_losses
from k2rel.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["mttdl_table", "raid_losses", "raid_over_time", "scrubbing"]


def raid_losses(
    groups: Mapping[str, RaidGroup],
    mission_h: float = 10 * HOURS_PER_YEAR,
    *,
    drive_tb: float = 1.0,
    histories: int = 200_000,
    seed: int = 1,
) -> pd.DataFrame:
    """Compare RAID groups with each other and with the MTTDL formula.

    Parameters
    ----------
    groups : mapping of str to RaidGroup
        The groups, by name.
    mission_h : float
        Length of the mission [h].
    drive_tb : float
        Capacity of a drive [TB].
    histories, seed : int
        Groups that are simulated for each entry, and the seed.

    Returns
    -------
    pandas.DataFrame
        Index ``group``; ``usable_tb``; losses of 1,000 groups in the mission with the limits of their interval;
        ``mttdl_formula`` (the same by the chain with constant rates), ``losses_ratio`` (simulated over formula),
        ``by_unread_error`` (share of losses), ``p_loss`` (of one group), ``nomdl`` (TB lost for each usable TB).

    Raises
    ------
    InputError
        If something is out of range.

    Examples
    --------
    >>> group = RaidGroup(8, 1, Distribution.weibull(1.12, 461_386), Distribution.weibull(2, 12, 6),
    ...                   latent=Distribution.exponential(9259))
    >>> raid_losses({"RAID 5": group}, histories=5000).loc["RAID 5", "losses_per_1000"].round(1)
    np.float64(1191.0)
    """
    import pandas as pd

    rows = []
    drive_tb = as_number("drive_tb", drive_tb)
    if not groups or not drive_tb > 0:
        raise InputError(f"groups, drive_tb: at least one group, and a capacity above 0; got {drive_tb:g} TB")
    for name, group in groups.items():
        found = data_loss(group, mission_h, histories=histories, seed=seed)
        losses = _of_thousand(found)
        rows.append(
            {
                "group": name,
                "usable_tb": group.usable * drive_tb,
                **losses,
                "losses_ratio": losses["losses_per_1000"] / losses["mttdl_formula"],
                "by_unread_error": found.by_latent,
                "p_loss": found.p_loss.value,
                "nomdl": found.nomdl(drive_tb).value,
            }
        )
    return pd.DataFrame(rows).set_index("group")


def _of_thousand(found: DataLoss) -> dict[str, float]:
    """Losses of 1,000 groups with the limits of their interval, and what the MTTDL formula says."""
    losses, formula = found.losses.times(1000), 1000 * mttdl_losses(found.group, found.mission_h)
    return {
        "losses_per_1000": losses.value,
        "losses_per_1000_low": losses.low,
        "losses_per_1000_high": losses.high,
        "mttdl_formula": formula,
    }


def raid_over_time(
    groups: Mapping[str, RaidGroup], mission_h: float = 10 * HOURS_PER_YEAR, *, histories: int = 200_000, seed: int = 1
) -> pd.DataFrame:
    """Give the losses of 1,000 groups until the end of each year.

    Parameters
    ----------
    groups, mission_h, histories, seed
        As for `raid_losses`.

    Returns
    -------
    pandas.DataFrame
        Index ``years``; a column for each group, and one with `` (MTTDL)`` after its name for the formula.

    Examples
    --------
    >>> group = RaidGroup(8, 1, Distribution.exponential(50_000), Distribution.fixed(24))
    >>> list(raid_over_time({"RAID 5": group}, 20_000, histories=2000).columns)
    ['RAID 5', 'RAID 5 (MTTDL)']
    """
    import pandas as pd

    columns: dict[str, pd.Series] = {}
    for name, group in groups.items():
        found = data_loss(group, mission_h, histories=histories, seed=seed)
        years = pd.Index(found.over_time[:, 0] / HOURS_PER_YEAR, name="years")
        columns[name] = pd.Series(1000 * found.over_time[:, 1], index=years)
        columns[f"{name} (MTTDL)"] = pd.Series(
            [1000 * mttdl_losses(group, float(hours)) for hours in found.over_time[:, 0]], index=years
        )
    return pd.DataFrame(columns)


def scrubbing(
    group: RaidGroup,
    scrub_h: Sequence[float] = (12, 48, 168, 336, 1000, 3000, int(HOURS_PER_YEAR)),
    mission_h: float = 10 * HOURS_PER_YEAR,
    *,
    histories: int = 100_000,
    seed: int = 1,
) -> pd.DataFrame:
    """Give the losses of 1,000 groups for several intervals of scrubbing.

    Parameters
    ----------
    group : RaidGroup
        The group; its scrubbing is replaced.
    scrub_h : sequence of float
        Scale of the time to find an error [h], of a Weibull distribution of shape 3 from 6 h on, as in the study of
        Elerath and Pecht.
    mission_h, histories, seed
        As for `raid_losses`.

    Returns
    -------
    pandas.DataFrame
        Index ``scrub_h``; ``losses_per_1000`` with ``_low`` and ``_high``, ``mttdl_formula``.

    Raises
    ------
    InputError
        If the group has no latent errors.

    Examples
    --------
    >>> group = RaidGroup(8, 1, Distribution.weibull(1.12, 461_386), Distribution.weibull(2, 12, 6),
    ...                   latent=Distribution.exponential(9259))
    >>> table = scrubbing(group, [24, 1000], histories=2000)
    >>> table["losses_per_1000"].round(1).tolist()
    [23.5, 561.5]
    """
    import pandas as pd

    if group.latent is None:
        raise InputError("scrubbing: the group has no latent errors to find")
    rows = []
    for hours in as_numbers("scrub_h", scrub_h):
        scrubbed = replace(group, scrub=Distribution.weibull(3, hours, 6))
        found = data_loss(scrubbed, mission_h, histories=histories, seed=seed)
        rows.append({"scrub_h": hours, **_of_thousand(found)})
    return pd.DataFrame(rows).set_index("scrub_h")


def mttdl_table(drives: int = 8, mttf_h: float = 461_386.0, mttr_h: float = 12.0) -> pd.DataFrame:
    """Give the mean time to data loss as formulas have it and as the chain with constant rates has it.

    Parameters
    ----------
    drives : int
        Drives of a RAID 5 or RAID 6 group.
    mttf_h, mttr_h : float
        Mean time to failure of a drive, and to its restoration [h].

    Returns
    -------
    pandas.DataFrame
        Index ``group``; ``formula_years`` (the leading term, as D. A. Patterson, G. Gibson and R. H. Katz (SIGMOD
        1988) and P. M. Chen et al. (1994) give it, every missing drive rebuilt by itself), ``chain_years``.

    Raises
    ------
    InputError
        If there are fewer than three drives, or a time is not above 0.

    Examples
    --------
    >>> mttdl_table().loc["RAID 5 of 8"].round(2).tolist()
    [36162.25, 36176.36]
    """
    import pandas as pd

    drives = as_whole("drives", drives, 3)
    mttf_h, mttr_h = as_number("mttf_h", mttf_h), as_number("mttr_h", mttr_h)
    if not 0 < mttf_h < math.inf or not 0 < mttr_h < math.inf:
        raise InputError(f"mttf_h, mttr_h: times above 0, got {mttf_h:g} h and {mttr_h:g} h")
    rows = []
    for name, count, parities in (
        ("RAID 1", 2, 1),
        (f"RAID 5 of {drives}", drives, 1),
        (f"RAID 6 of {drives}", drives, 2),
    ):
        formula = mttf_h / count
        for missing in range(1, parities + 1):
            formula *= mttf_h / ((count - missing) * mttr_h / missing)
        chain = RaidModule(count, parities, 1 / mttf_h, replace_h=mttr_h, rebuild_h=0.0, restore_h=24.0).mttdl_h
        rows.append({"group": name, "formula_years": formula / HOURS_PER_YEAR, "chain_years": chain / HOURS_PER_YEAR})
    return pd.DataFrame(rows).set_index("group")
