"""A site ready to run: its arrays, what its histories have learnt, the room that they run in."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from k2rel.errors import K2relError
from k2rel.organisation import Organisation
from k2rel.simulation.circumstances import Circumstances
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.histories import run
from k2rel.simulation.kernel.layout import allocated
from k2rel.simulation.kernel.records import Sums, Tables, Work
from k2rel.simulation.kernel.records_abi import laid_out
from k2rel.simulation.model import SiteModel
from k2rel.simulation.outcomes import Outcomes
from k2rel.simulation.places import gathered, place_sizes
from k2rel.simulation.plan import Plan
from k2rel.studies import Study

__all__ = ["LOOK_AHEAD", "Prepared", "prepare"]

LOOK_AHEAD = 400  # histories that are run ahead to find out what else is not known
_Histories = Callable[[Tables, Work, Sums, int], int]  # runs those of a room up to a number, as far as it can


class Prepared:
    """A site ready to run, with what its histories have learnt."""

    def __init__(self, site: SiteModel) -> None:
        self.site = site
        model = site.arrays
        parts, words = len(site.parts), _words(len(site.shared))
        self._sizes = {
            "parts": parts,
            "words": words,
            "key": words + 1,
            "clients": max(len(model.group), len(model.group_size), 1),
            "places": records.PLACES,
            "traffic": len(site.traffic),
            "moves": model.moves,
            "shelves": len(model.stock),
            "queue": 2 * parts + 1,
            # each part, window, event and move has one entry that counts; ordered spares may be many
            "heap": 256
            + 6 * (parts + len(model.window_part) + len(model.shock_lasts) + model.moves)
            + 2000 * len(model.stock),
            "gates": max(len(model.gate), 1),
            "conditions": (len(site.conditions) + 63) // 64 + 1,
            "roots": _words(len(site.roots)),
            "controls": len(model.control_value),
            "services": model.services,
            "elements": len(site.elements),
            **place_sizes(len(site.study.site.sides)),
        }
        self.outcomes = Outcomes(site, self.room())

    def room(self, log: int = 0) -> Work:
        """Room in which histories run, with a log of so many events."""
        work = allocated(Work, **self._sizes, log=log)
        work.cache_pair[:] = -1
        work.first[:] = -1.0
        return work

    def empty_sums(self) -> Sums:
        """Sums of nothing."""
        return allocated(Sums, **self._sizes)

    def chunk(self, plan: Plan, first: int, last: int) -> Sums:
        """Run histories from `first` on, without the last."""
        work, sums = self.room(), self.empty_sums()
        work.i[records.HISTORY] = first
        sums = self.follow(plan, work, sums, last, ahead=LOOK_AHEAD)
        self.outcomes.add_loads(work.mode_time, sums.element)
        return sums

    def follow(self, plan: Plan, work: Work, sums: Sums, last: int, *, ahead: int) -> Sums:
        """Run histories of a plan, from everything new, to the last one."""
        model = laid_out(self.site.arrays)

        def go(tables: Tables, where: Work, into: Sums, to: int) -> int:
            return int(run(model, tables, where, into, plan.seed, to, plan.warm_up_h, plan.windows, plan.window_h))

        return self.led(go, work, sums, last, ahead=ahead)

    def led(self, go: _Histories, work: Work, sums: Sums, last: int, *, ahead: int) -> Sums:
        """Let histories go to the last one; evaluate the policy where its tables do not know a state.

        A scout runs some histories `ahead` each time, so that many states are asked for at once; as fewer turn up, it
        goes less far.
        """
        here, counted = laid_out(work), laid_out(sums)
        scout: tuple[Work, Sums] | None = None
        asked = b""
        crowded: list[Sums] = []
        while True:
            tables = laid_out(self.outcomes.tables)
            code = go(tables, here, counted, last)
            if code == records.DONE:
                return gathered(sums, crowded)
            if code == records.CROWDED:
                crowded.append(gathered(sums, []))
                _empty(sums)
                continue
            if code == records.FULL:
                raise K2relError("simulation: the event calendar of a history overflowed; use fewer spares or parts")
            if code == records.ENDLESS:
                raise K2relError(
                    "simulation: a service that is down in the present state is not restored within 1e9 h or millions "
                    "of events; use shorter repair times"
                )
            if code != records.UNKNOWN:
                raise K2relError("simulation: the rules of the site do not reach a stable state in some case")
            wanted = work.wanted[: work.i[records.WANTED]].copy()
            work.i[records.WANTED] = 0
            if wanted.tobytes() == asked:
                raise K2relError("simulation: a state is not recognised twice; this is a defect")
            asked = wanted.tobytes()
            if ahead:
                scout = scout or (self.room(), self.empty_sums())
                other = scout[0]
                other.i[records.HISTORY] = work.i[records.HISTORY] + 1
                other.i[records.SCOUTING], other.i[records.STOPPED] = 1, 0
                _empty(scout[1])
                go(tables, laid_out(other), laid_out(scout[1]), int(min(work.i[records.HISTORY] + ahead, last)))
                found = np.unique(other.wanted[: other.i[records.WANTED]], axis=0)
                other.i[records.WANTED] = 0
                wanted = np.concatenate([wanted, found])
                ahead = min(2 * ahead, LOOK_AHEAD) if len(found) > 4 else ahead // 2
            self.outcomes.learn(wanted)


@lru_cache(maxsize=8)
def prepare(study: Study, organisation: Organisation, circumstances: Circumstances) -> Prepared:
    """Make a site ready, once for the same inputs, so that what its histories have learnt is kept."""
    return Prepared(SiteModel(study, organisation, circumstances))


def _empty(sums: Sums) -> None:
    """Forget the places that were met."""
    for array in (sums.places, sums.place, sums.joint):
        array[:] = 0


def _words(bits: int) -> int:
    """Words of 64 bits that hold so many, at least one."""
    return max(1, (bits + 63) // 64)
