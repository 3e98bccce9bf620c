"""The reference SAN as a vectorised NumPy batch: what one would write without an engine, for this system alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

YEAR_H = 8760.0
HOURS = {
    "nic": (300_000, 8), "switch": (200_000, 6), "isl": (1_000_000, 4), "toe": (250_000, 8), "server": (50_000, 12),
    "hba": (400_000, 8), "fc": (800_000, 6), "controller": (120_000, 10), "drive": (300_000, 24),
}  # fmt: skip


def year_of(histories: int, clients: int, seed: int, *, isl: bool) -> tuple[float, int]:
    """Simulate years from new; gives the hours in which some client is cut off, summed, and the number of losses.

    All lives and repairs are drawn as whole arrays, events are sorted by history and time, the state of every part at
    every event is a running sum, and the structure is evaluated on all of them at once.
    """
    rng = np.random.default_rng(seed)
    kinds = ["drive"] * 5 + ["switch"] * 2 + (["isl"] if isl else []) + ["toe"] * 4
    kinds += [kind for kind in ("server", "hba", "fc", "controller") for _ in "AB"] + ["nic"] * (2 * clients)
    up = np.array([HOURS[kind][0] for kind in kinds], dtype=float)
    down = np.array([HOURS[kind][1] for kind in kinds], dtype=float)
    history, part, time, change = [], [], [], []
    fails = rng.exponential(size=(histories, len(kinds))) * up
    h, p = np.nonzero(fails < YEAR_H)
    t = fails[h, p]
    while len(h):
        back = t + rng.exponential(size=len(h)) * down[p]
        history += [h, h]
        part += [p, p]
        time += [t, np.minimum(back, YEAR_H)]
        change += [np.ones(len(h), dtype=np.int8), -np.ones(len(h), dtype=np.int8)]
        t = back + rng.exponential(size=len(h)) * up[p]
        again = t < YEAR_H
        h, p, t = h[again], p[again], t[again]
    h, p = np.concatenate(history), np.concatenate(part)
    t, c = np.concatenate(time), np.concatenate(change)
    order = np.lexsort((t, h))
    h, p, t, c = h[order], p[order], t[order], c[order]
    steps = np.zeros((len(h), len(kinds)), dtype=np.int8)
    steps[np.arange(len(h)), p] = c
    works = np.cumsum(steps, axis=0, dtype=np.int8) == 0  # every history ends with everything repaired
    column = iter(range(len(kinds)))

    def take(n: int) -> list[NDArray[np.bool_]]:
        return [works[:, next(column)] for _ in range(n)]

    drives = np.sum(take(5), axis=0) >= 4
    switch = take(2)
    link = take(1)[0] if isl else None
    toe = take(4)
    side = [np.logical_and.reduce(parts) for parts in zip(take(2), take(2), take(2), take(2), strict=True)]
    if link is not None:
        served = [side[0] & (toe[0] | toe[1]), side[1] & (toe[2] | toe[3])]
        path = [switch[x] & (served[x] | (link & switch[1 - x] & served[1 - x])) for x in (0, 1)]
    else:
        path = [switch[x] & ((toe[x] & side[0]) | (toe[2 + x] & side[1])) for x in (0, 1)]
    ok = drives
    for _ in range(clients):
        a, b = take(2)
        ok = ok & ((a & path[0]) | (b & path[1]))
    lost = ~ok
    length = np.diff(t, append=YEAR_H)
    same = np.diff(h, append=-1) == 0
    starts = lost & ~np.concatenate([[False], lost[:-1] & same[:-1]])
    return float(length[lost & same].sum()), int(starts.sum())
