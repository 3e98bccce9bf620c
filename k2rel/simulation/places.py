"""How long so many clients were on each side: keys that histories met, put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.records import Sums

__all__ = ["gathered", "numbers"]


def gathered(sums: Sums, others: Sequence[Sums]) -> Sums:
    """Give sums the places of others beside their own, each once, in order."""
    keys = np.concatenate([one.place for one in (sums, *others)])
    hours = np.concatenate([one.joint for one in (sums, *others)])
    met = keys > 0
    place, back = np.unique(keys[met], return_inverse=True)
    joint = np.zeros((len(place), hours.shape[1]))
    np.add.at(joint, back.reshape(-1), hours[met])
    return sums._replace(places=np.array([len(place)]), place=place, joint=joint)


def numbers(sums: Sums) -> NDArray[np.int64]:
    """Clients on the first side alone, on the second alone, on both: a row for each place."""
    shifts = np.array([2, 1, 0], dtype=np.uint64) * np.uint64(records.PLACE_BITS)
    mask = np.uint64((1 << records.PLACE_BITS) - 1)
    return np.asarray((sums.place[:, None] >> shifts) & mask, dtype=np.int64)
