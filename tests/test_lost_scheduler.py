"""A Dask scheduler that goes away is one sentence, which says what is kept; and Dask's own log says nothing beside it."""

import logging
import sys
from types import SimpleNamespace

import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.parallel import LostSchedulerError, connected
from k2rel.report import render_reports
from k2rel.simulation import Plan, simulate
from k2rel.sweep import read_sweep, run_sweep
from k2rel.sweep.run import _MEASURES

ADDRESS = "tcp://127.0.0.1:8786"
LOST = f"scheduler '{ADDRESS}': the connection was lost; check whether it is still running, and start again"


class Future:
    def __init__(self, result) -> None:
        self.result = result


class Client:
    """A client whose scheduler goes away when the third piece of work is asked for."""

    asked = 0

    def __init__(self, *_, **__) -> None:
        self.status, self.loop = "running", None

    def nthreads(self):
        return {"worker": 1}

    def scatter(self, what, **_):
        return what

    def submit(self, work, *args, **_):
        def result():
            self.asked += 1
            if self.asked > 2:
                self.status = "closed"
                logging.getLogger("distributed.client").error("Traceback (most recent call last)")
                raise ConnectionResetError("cancelled for reason: scheduler-connection-lost")
            return work(*args)

        return Future(result)

    def close(self, **_):
        raise TimeoutError


@pytest.fixture
def dask(monkeypatch):
    module = SimpleNamespace(Client=Client, as_completed=lambda futures, **_: iter(futures))
    monkeypatch.setitem(sys.modules, "distributed", module)


def test_a_sweep_keeps_what_came_and_goes_on_from_there(dask, tmp_path, monkeypatch, caplog) -> None:
    spec = read_sweep(data_dir() / "examples/sweeps/clients.yaml")
    kept = dict.fromkeys(_MEASURES, "")
    monkeypatch.setattr("k2rel.sweep.run._remote", lambda chunk, *_: [(key, kept) for key, _ in chunk])
    with pytest.raises(LostSchedulerError) as caught:
        run_sweep(spec, tmp_path / "out", scheduler=ADDRESS)
    there = len(list((tmp_path / "out" / "points").iterdir()))
    assert there > 0
    assert (
        str(caught.value)
        == f"{LOST}; {there} of {len(spec.points)} points are kept, and the next run continues from there"
    )
    assert not caplog.records


def test_a_simulation_and_reports_end_with_one_sentence(dask, tmp_path, monkeypatch, caplog, k2) -> None:
    with pytest.raises(LostSchedulerError, match="the connection was lost"):
        simulate(k2rel.study("L1"), plan=Plan(histories=20_000, seed=5), scheduler=ADDRESS)
    run = k2("simulate", "L1", "--histories", "20000", "--scheduler", ADDRESS)
    assert (run.code, run.err.strip()) == (2, f"k2rel: {LOST}")
    monkeypatch.setattr(Client, "asked", 2)
    with pytest.raises(LostSchedulerError, match="the connection was lost"):
        render_reports(["L1", "L2R"], tmp_path, comparison=False, scheduler=ADDRESS)
    assert "not made: the run was stopped" in (tmp_path / "index.html").read_text()
    assert not caplog.records


def test_work_that_fails_is_not_taken_for_a_lost_scheduler(dask) -> None:
    with pytest.raises(ZeroDivisionError), connected(ADDRESS):
        _ = 1 / 0
    level = logging.getLogger("distributed").level
    assert level == logging.NOTSET or level < logging.CRITICAL
