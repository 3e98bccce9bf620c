"""Inputs by the thousand, in processes whose time and memory are watched from outside: what hangs in a compiled loop ends too."""

from __future__ import annotations

import collections
import contextlib
import math
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import k2rel
from tests.fuzz import held
from tests.fuzz.kinds import KINDS, drawn, written

try:
    import resource
except ImportError:  # no POSIX, where `tried` alone is used
    resource = None  # type: ignore[assignment]

MOST_SECONDS, MOST_BYTES = 10.0, 2e9
_CHUNK = 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_COMMAND_SECONDS = 60.0  # after which a command is ended
_ASKED_FOR_MORE = {
    "sweeps": 20.0,
    "parameters": 180.0,
}  # seconds after which a sweep or a notebook that was accepted is let alone


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that was neither refused by a sentence nor answered as it must be."""

    kind: str
    number: int
    what: str

    @property
    def like(self) -> str:
        """What findings of one cause have in common."""
        last = self.what.strip().splitlines()[-1]
        return f"{self.kind}: {re.sub('[0-9.e+-]+', '0', last)[:70]}"


@dataclass(slots=True)
class Seen:
    """What became of inputs of a kind."""

    kind: str
    tried: int = 0
    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)
    findings: list[Finding] = field(default_factory=list)
    slowest: list[tuple[float, int]] = field(default_factory=list)
    seconds: float = 0.0
    most_bytes: float = 0.0

    def add(
        self, tried: int, outcomes: collections.Counter[str], slowest: Sequence[tuple[float, int]], seconds: float
    ) -> None:
        """Add what a process reports."""
        self.tried += tried
        self.outcomes += outcomes
        self.slowest = sorted([*self.slowest, *slowest], reverse=True)[:5]
        self.seconds += seconds

    def line(self) -> str:
        """One line of the table."""
        refused = self.outcomes["refused"]
        others = ", ".join(f"{name} {count:,}" for name, count in self.outcomes.most_common() if name != "refused")
        slow = f"slowest {self.slowest[0][0]:.2f} s (number {self.slowest[0][1]})" if self.slowest else ""
        return f"{self.kind:14s} {self.tried:>8,} tried, {refused:,} refused; {others}; {self.seconds:,.0f} s, {slow}, {self.most_bytes / 1e6:.0f} MB; {len(self.findings)} findings"


def tried(kind: str, number: int, folder: Path, *, say: bool = False) -> str:
    """Try one input here: ``refused``, what was answered, or whatever k2rel should not have raised."""
    case, chance = drawn(kind, number)
    written(case, folder)
    try:
        return KINDS[kind].use(folder, case, chance)
    except k2rel.K2relError as error:
        held.readable(str(error))
        return f"refused: {error}" if say else "refused"


def _work(kind: str, first: int, end: int, now: Any, pipe: Connection, folder: Path) -> None:
    """Try inputs one after another, and say at which; `now` is seen from outside: the input, its begin, the memory inherited."""
    now[2] = _bytes_of(os.getpid())
    warnings.simplefilter("error")
    warnings.filterwarnings("default", category=DeprecationWarning)
    for start in range(first, end, _CHUNK):
        outcomes: collections.Counter[str] = collections.Counter()
        times = []
        for number in range(start, min(start + _CHUNK, end)):
            now[0], now[1] = number, time.monotonic()
            began = time.process_time()
            try:
                outcomes[tried(kind, number, folder)] += 1
            except held.BrokenError as broken:
                outcomes["finding"] += 1
                pipe.send(Finding(kind, number, f"does not hold: {broken}"))
            except (Exception, SystemExit):
                outcomes["finding"] += 1
                pipe.send(Finding(kind, number, traceback.format_exc(limit=-6)))
            times.append((time.process_time() - began, number))
        pipe.send((len(times), outcomes, sorted(times)[-3:], sum(spent for spent, _ in times)))
    pipe.send(None)


def _bytes_of(process: int) -> float:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
    return 0.0


class _Worker:
    """A process that tries a range; whoever is too slow or too large is ended, and the range goes on behind it."""

    def __init__(self, kind: str, first: int, end: int, top: str) -> None:
        self.kind, self.end = kind, end
        context = multiprocessing.get_context("fork")
        self.now = context.RawArray("d", [first, time.monotonic(), math.inf])
        self.pipe, theirs = context.Pipe(duplex=False)
        folder = Path(tempfile.mkdtemp(dir=top))  # the watcher's: a process that is killed leaves its files
        self.process = context.Process(target=_work, args=(kind, first, end, self.now, theirs, folder), daemon=True)
        self.process.start()
        theirs.close()

    def wrong(self, seen: Seen) -> str:
        """Why it must be ended, if it must."""
        # a fork begins with the memory of whoever started it, here of all tests before
        used = max(_bytes_of(self.process.pid or 0) - self.now[2], 0.0)
        seen.most_bytes = max(seen.most_bytes, used)
        if used > MOST_BYTES:
            return f"takes {used / 1e9:.1f} GB"
        return f"takes more than {MOST_SECONDS:g} s" if time.monotonic() - self.now[1] > MOST_SECONDS else ""

    def stop(self) -> None:
        """Stop it, whatever it is doing."""
        self.process.kill()
        self.process.join()


def in_process(kind: str, first: int, count: int, workers: int, most_findings: int = 200) -> Seen:
    """Try so many inputs of a kind, in as many processes."""
    seen = Seen(kind)
    size = max(-(-count // workers), 1)
    ranges = [(a, min(a + size, first + count)) for a in range(first, first + count, size)]
    with tempfile.TemporaryDirectory() as top:
        running = [_Worker(kind, a, b, top) for a, b in ranges]
        while running and len(seen.findings) <= most_findings:
            wait([one.pipe for one in running], 0.1)
            for one in list(running):
                said = _said(one, seen)
                why = (
                    ""
                    if said == "ended"
                    else f"the process ended with {one.process.exitcode}"
                    if said == "died"
                    else one.wrong(seen)
                )
                if not why and said != "ended":
                    continue
                running.remove(one)
                one.stop()
                if why:
                    number = int(one.now[0])
                    seen.findings.append(Finding(kind, number, why))
                    if number + 1 < one.end:
                        running.append(_Worker(kind, number + 1, one.end, top))
        for one in running:
            one.stop()
    return seen


def _said(one: _Worker, seen: Seen) -> str:
    """Take everything a process has reported: ``ended`` if it is done, ``died`` if it is not there any more."""
    while one.pipe.poll():
        try:
            item = one.pipe.recv()
        except (EOFError, OSError):
            return "died"
        if item is None:
            return "ended"
        if isinstance(item, Finding):
            seen.findings.append(item)
        else:
            seen.add(*item)
    return ""


def _command(kind: str, number: int, folder: Path) -> subprocess.Popen[bytes]:
    case, _ = drawn(kind, number)
    written(case, folder)
    words = ["-m", "k2rel.cli", *case.words]
    if kind == "parameters":
        notebook = k2rel.bundled.notebook_dir() / f"{case.words[0]}.ipynb"
        words = [
            "-m",
            "papermill",
            str(notebook),
            "out.ipynb",
            "--no-progress-bar",
            "--log-level",
            "ERROR",
            *case.words[1:],
        ]
    words = [word.replace("\0", "")[:100_000].encode("utf-8", "replace").decode() for word in words]
    with (folder / ".out").open("wb") as out, (folder / ".err").open("wb") as err:
        return subprocess.Popen([sys.executable, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                env={**os.environ, "PYTHONPATH": str(Path(k2rel.__file__).parents[1])})  # fmt: skip


def _became(kind: str, code: int) -> str:
    if code == -9 and kind in _ASKED_FOR_MORE:
        return "still at it"
    return "refused" if code == 2 or (code and kind == "parameters") else f"exit {code}"


def _judged(kind: str, code: int, seconds: float, used: float, err: str) -> str:
    """What is wrong with how a command ended, if anything is."""
    if kind in _ASKED_FOR_MORE and code == -9:
        return ""  # ended from here: it computed what it was asked for
    if seconds > MOST_SECONDS and kind not in _ASKED_FOR_MORE:
        return f"takes {seconds:.1f} s of processor"
    if used > MOST_BYTES:
        return f"takes {used / 1e9:.1f} GB"
    if kind == "parameters":  # papermill shows whatever a cell raised; ours is a sentence and no traceback
        raised = [
            line for line in err.splitlines() if "Error: " in line and not line.startswith(("papermill.", "Exception"))
        ]
        return (
            ""
            if code == 0 or any("InputError" in line or "K2relError" in line or "TooLarge" in line for line in raised)
            else f"exit code {code}: {err[-1500:]}"
        )
    if code not in (0, 1, 2) or "Traceback" in err:
        return f"exit code {code}: {err[-1500:]}"
    if code == 2:
        held.readable(err)
    return ""


def _resident(process: int) -> float:
    """The most memory that a process that runs has had since its program began, in bytes; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) * 1024.0 for line in lines if line.startswith("VmHWM:")), 0.0)


def by_command(kind: str, first: int, count: int, workers: int) -> Seen:
    """Try so many inputs of a kind through the command, each in a process of its own."""
    seen = Seen(f"{kind} (command)")
    most: dict[int, float] = {}

    def ended(number: int, process: subprocess.Popen[bytes], folder: Path, began: float) -> bool:
        most[process.pid] = max(most.get(process.pid, 0.0), _resident(process.pid))
        found, status, usage = os.wait4(process.pid, os.WNOHANG)
        if found == 0:
            if time.monotonic() - began < _ASKED_FOR_MORE.get(kind, _COMMAND_SECONDS):
                return False
            process.kill()
            found, status, usage = os.wait4(process.pid, 0)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        # what the system counts begins with the memory of whoever started the command, here the watcher's
        spent, counted, used = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024.0, most.pop(process.pid)
        if counted > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0:
            used = max(used, counted)
        seen.most_bytes = max(seen.most_bytes, used)
        seen.add(1, collections.Counter([_became(kind, code)]), [(spent, number)], spent)
        err = (folder / ".err").read_bytes().decode("utf-8", "replace")
        try:
            why = _judged(kind, code, spent, used, err)
        except held.BrokenError as broken:
            why = str(broken)
        if why:
            seen.findings.append(Finding(kind, number, why))
        return True

    for running in _started(kind, first, count, workers):
        for item in list(running):
            if ended(*item):
                running.remove(item)
        time.sleep(0.02)
    return seen


def _started(
    kind: str, first: int, count: int, workers: int
) -> Iterator[list[tuple[int, subprocess.Popen[bytes], Path, float]]]:
    """Keep so many commands running; whoever takes one from the list has seen its end."""
    running: list[tuple[int, subprocess.Popen[bytes], Path, float]] = []
    numbers = iter(range(first, first + count))
    with tempfile.TemporaryDirectory() as top:
        more = True
        while more or running:
            while more and len(running) < workers:
                number = next(numbers, None)
                more = number is not None
                if number is not None:
                    folder = Path(top, str(number))
                    folder.mkdir()
                    running.append((number, _command(kind, number, folder), folder, time.monotonic()))
            yield running
