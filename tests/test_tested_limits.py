"""Tested parts where there are many of them, in many kinds, or where the answer can be said only with a word."""

import time

import numpy as np
import pytest

from k2rel.rates import Law, moments_of


def curve(rate, mttr, interval, at, offset=0.0):
    """Unavailability at a time of the cycle of a part that runs on untested until its day: written apart."""
    since, repair = (at - offset) % interval, 1.0 / mttr

    def works(found, time):  # of the share found down at a test, and of the rest, which runs or fails unseen
        back = repair / (repair - rate) * (np.exp(-rate * time) - np.exp(-repair * time))
        return (1.0 - found) * np.exp(-rate * time) + found * back

    found = 0.0
    for _ in range(200):  # until the cycle repeats
        found = 1.0 - works(found, interval)
    return 1.0 - works(found, since)


@pytest.mark.parametrize(("clients", "rate"), [(200, 1e-4), (1000, 3e-5), (1000, 1e-4), (5000, 3e-5)])
def test_many_alike_tested_parts_work_together_as_their_cycle_says(clients, rate):
    edges = np.concatenate([[0.0], np.geomspace(1e-3, 8760.0, 3000)])
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(edges)[:, None] / 2
    at, share = edges[:-1, None] + half * (nodes + 1), half * weights / 8760.0
    all_work = (share * (1.0 - curve(rate, 8.0, 8760.0, at)) ** clients).sum()
    found = moments_of({"nic": Law(rate, 8.0, 8760.0)}, {"nic": clients})
    assert found.weight @ (1.0 - found.unavailability["nic"]) ** clients == pytest.approx(all_work, rel=1e-9)


def test_many_clients_beside_another_tested_kind():
    edges = np.concatenate([[0.0], np.geomspace(1e-3, 4380.0, 1500)])
    edges = np.concatenate([edges, 4380.0 + edges[1:]])
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(edges)[:, None] / 2
    at, share = edges[:-1, None] + half * (nodes + 1), half * weights / 8760.0
    wanted = (share * (1.0 - curve(3e-5, 8.0, 8760.0, at)) ** 1000 * curve(5e-5, 20.0, 4380.0, at)).sum()
    laws = {"nic": Law(3e-5, 8.0, 8760.0), "link": Law(5e-5, 20.0, 4380.0)}
    found = moments_of(laws, {"nic": 1000})
    q = found.unavailability
    assert found.weight @ ((1.0 - q["nic"]) ** 1000 * q["link"]) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("kinds", [5, 6, 8])
def test_kinds_with_offsets_of_their_own_are_averaged_in_seconds(kinds):
    laws = {f"u{i}": Law((i + 1) * 1e-6, 4.0 + i, 8760.0, test_offsets_h=(730.0 * i,)) for i in range(kinds)}
    begin = time.process_time()
    found = moments_of(laws)
    assert time.process_time() - begin < 10.0
    edges = np.concatenate([730.0 * i + np.concatenate([[0.0], np.geomspace(1e-2, 730.0, 40)]) for i in range(12)])
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.maximum(np.diff(edges), 0.0)[:, None] / 2
    at, share = edges[:-1, None] + half * (nodes + 1), half * weights / 8760.0
    curves = [curve((i + 1) * 1e-6, 4.0 + i, 8760.0, at, 730.0 * i) for i in range(kinds)]
    down = np.prod([found.unavailability[f"u{i}"] for i in range(kinds)], axis=0)
    assert found.weight @ down == pytest.approx(float((share * np.prod(curves, axis=0)).sum()), rel=1e-9)
