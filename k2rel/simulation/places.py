"""How long so many clients were on each side: keys that histories met, put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.records import Sums

__all__ = ["gathered", "numbers", "place_sizes"]


def place_sizes(sides: int) -> dict[str, int]:
    """Lengths of what is kept of so many sides: a site with one has an empty second one."""
    sides = max(sides, 2)
    words = -(-(sides + 1) // records.PLACE_NUMBERS)
    return {"sides": sides, "on": sides + 1, "key_words": words, "logged": records.LOG_PLACES + sides + 1}


def gathered(sums: Sums, others: Sequence[Sums]) -> Sums:
    """Give sums the places of others beside their own, each once, in order."""
    keys = np.concatenate([one.place for one in (sums, *others)])
    hours = np.concatenate([one.joint for one in (sums, *others)])
    met = keys[:, 0] > 0
    place, back = np.unique(keys[met], axis=0, return_inverse=True)
    joint = np.zeros((len(place), hours.shape[1]))
    np.add.at(joint, back.reshape(-1), hours[met])
    return sums._replace(places=np.array([len(place)]), place=place, joint=joint)


def numbers(sums: Sums) -> NDArray[np.int64]:
    """Clients on each side alone, then on several: a row for each place."""
    places = np.arange(records.PLACE_NUMBERS, dtype=np.uint64)[::-1]
    mask = np.uint64((1 << records.PLACE_BITS) - 1)
    rows = (sums.place[:, :, None] >> places * np.uint64(records.PLACE_BITS)) & mask
    return np.asarray(rows.reshape(len(rows), -1)[:, : sums.on.shape[0]], dtype=np.int64)
