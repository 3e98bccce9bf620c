"""Failed members of populations, as numbered atoms: what each is, and its moves, as flat arrays for the kernels."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from k2rel.markov.parts import Move, Parts
from k2rel.organisation import Organisation

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_RARER = 30.0  # the more has failed at present, the less that may happen beside it is followed


class Atoms:
    """Atoms and their moves, the heaviest first."""

    def __init__(self, parts: Parts, organisation: Organisation, found_at_once: Collection[int] = ()) -> None:
        pops = parts.populations
        weights = [population.weights() for population in pops]
        for number in found_at_once:  # after a test as likely under repair as hidden before it
            weights[number] = np.maximum(weights[number], weights[number][pops[number].states.index("hidden")])
        entries = [
            (weight * population.size, weight, number, local)
            for number, population in enumerate(pops)
            for local, weight in enumerate(weights[number].tolist(), 1)
        ]
        entries.sort(key=lambda entry: (-entry[0], entry[2], entry[3]))
        self.weight = np.array([entry[1] for entry in entries])
        self.population = np.array([entry[2] for entry in entries], dtype=np.int64)
        self.local = np.array([entry[3] for entry in entries], dtype=np.int64)
        atom = {(entry[2], entry[3]): index + 1 for index, entry in enumerate(entries)}
        self.atom = atom
        self.populations = pops
        self.size = np.array([population.size for population in pops], dtype=np.int64)
        self.crews = organisation.crews if organisation.crews is not None else 1_000_000
        starts, to, rate, rank = [0], [], [], []
        jobs = []
        self.numbered: list[tuple[int, Move]] = []
        for number, local in zip(self.population.tolist(), self.local.tolist(), strict=True):
            moves = [move for move in pops[number].moves if move.before == local]
            self.numbered += [(number, move) for move in moves]
            to += [atom.get((number, move.after), 0) for move in moves]
            rate += [move.rate_per_h for move in moves]
            rank += [move.rank for move in moves]
            starts.append(len(to))
            jobs.append(sum(move.rank >= 0 for move in moves))
        self.atom_moves = (
            np.array(starts),
            np.array(to, dtype=np.int64),
            np.array(rate),
            np.array(rank, dtype=np.int64),
        )
        self.jobs = np.array(jobs, dtype=np.int64)
        self.speed = np.array([sum(rate[a:b]) for a, b in itertools.pairwise(starts)])
        starts, to, rate = [0], [], []
        for number, population in enumerate(pops):
            moves = [move for move in population.moves if move.before == 0]
            self.numbered += [(number, move) for move in moves]
            to += [atom[number, move.after] for move in moves]
            rate += [move.rate_per_h for move in moves]
            starts.append(len(to))
        self.new_moves = (np.array(starts), np.array(to, dtype=np.int64), np.array(rate, dtype=np.float64))
        # hours of repair that a failure brings, all that one member can need
        jobs_of = [
            max(
                sum(move.rank >= 0 for move in p.moves if move.before == local) for local in range(1, len(p.states) + 1)
            )
            for p in pops
        ]
        self.hours = np.array([max(1, most) * float(p.back_h().max()) for p, most in zip(pops, jobs_of, strict=True)])
        self.bits = max(1, len(entries).bit_length())
        self.deepest = min(62 // self.bits, max(1, int(self.size.sum()))) if entries else 1

    def of(self, failed: Sequence[str]) -> IntArray:
        """States of the parts in which just these have failed and are under repair: rows of atoms, smallest first."""
        ways = [self.under_repair(name) for name in failed]
        rows = [sorted(way) for way in itertools.product(*ways)]
        result = np.zeros((len(rows), max(self.deepest, len(failed))), dtype=np.int64)
        for row, way in zip(result, rows, strict=True):
            row[: len(way)] = way
        return result

    def under_repair(self, name: str) -> list[int]:
        """Atoms of a part that has failed and is under repair; none of a part that is not followed."""
        for number, population in enumerate(self.populations):
            if name in population.members:
                return [self.atom[number, local] for local in population.under_repair]
        return []

    def packed(self, rows: IntArray) -> IntArray:
        """Rows of atoms as one number each."""
        return np.asarray((np.atleast_2d(rows) << (self.bits * np.arange(np.atleast_2d(rows).shape[1]))).sum(axis=1))

    def unpacked(self, packed: IntArray) -> IntArray:
        """Rows of atoms, 0 for none, from one number each."""
        return np.asarray((packed[:, None] >> (self.bits * np.arange(self.deepest))) & ((1 << self.bits) - 1))

    def around(
        self, packed: IntArray, weight: FloatArray, present: Sequence[Sequence[str]], below_per_h: float
    ) -> tuple[IntArray, FloatArray]:
        """Add the states that parts which have failed at present lead to, with the weight of what else has failed.

        That is every part of them, with everything else that is likely enough beside it.
        """
        fastest = float(self.speed.max(initial=0.0))
        found = [(packed, weight)]
        for failed in {tuple(sorted(names)) for names in present if names}:
            likely = weight * fastest >= below_per_h * _RARER ** (len(failed) - 1)
            rows, of = self.unpacked(packed[likely]), weight[likely]
            for way in itertools.product(*([0, *self.under_repair(name)] for name in failed)):
                here = [atom for atom in way if atom]
                if not here:
                    continue
                joined = np.column_stack([rows, np.tile(np.array(here, dtype=np.int64), (len(rows), 1))])
                joined = np.sort(np.where(joined == 0, 1 << 40, joined), axis=1)
                joined[joined == 1 << 40] = 0
                good = (joined[:, self.deepest :] == 0).all(axis=1)
                member = np.where(joined > 0, self.population[joined - 1], -1)
                for number in {int(self.population[atom - 1]) for atom in here}:
                    good &= (member == number).sum(axis=1) <= self.size[number]
                found.append((self.packed(joined[good, : self.deepest]), of[good]))
        keys, place = np.unique(np.concatenate([one for one, _ in found]), return_inverse=True)
        most = np.zeros(len(keys))
        np.maximum.at(most, place, np.concatenate([one for _, one in found]))
        return keys, most
