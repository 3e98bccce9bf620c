"""Failed members of populations, as numbered atoms: what each is, and its moves, as flat arrays for the kernels."""

from __future__ import annotations

import itertools
from collections.abc import Collection

import numpy as np

from k2rel.markov.parts import Move, Parts
from k2rel.organisation import Organisation

__all__: list[str] = []


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
