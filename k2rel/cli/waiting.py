"""What is being done meanwhile: a line on the terminal's error stream, from the second second on; nothing in a pipe."""

from __future__ import annotations

import argparse
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from k2rel.cli.terminal import obeys
from k2rel.doing import under_way
from k2rel.signs import plain_signs

__all__: list[str] = []

_AFTER_S = 2.0
_EVERY_S = 0.2
_OWN = {"report", "sweep", "explore"}  # they show themselves how far they are


class _Watch:
    """A thread that says what is under way, and how long all has taken, while nothing is printed."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.began = time.monotonic()
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.shown = ""
        self.line_ended = True
        self.compiling = 0
        self.leave: Callable[[], None] | None = None
        self.thread = threading.Thread(target=self._run, name="k2rel-waiting", daemon=True)

    def _run(self) -> None:
        while not self.done.wait(_EVERY_S):
            if self.leave is None:
                self._listen()
            spent = time.monotonic() - self.began
            words = "compiling once on this machine, about 10 s" if self.compiling else plain_signs(under_way(), "")
            with self.lock:
                if not words:
                    self._clear()
                elif spent >= _AFTER_S and self.line_ended:
                    self._show(f"k2rel: {words} ({spent:.0f} s)"[: shutil.get_terminal_size().columns - 1])

    def _show(self, line: str) -> None:
        if line != self.shown:
            self.out.write(f"\r\x1b[K{line}")
            self.out.flush()
            self.shown = line

    def _listen(self) -> None:
        """Hear of compilations as soon as Numba is there, which a short question never loads."""
        events: Any = sys.modules.get("numba.core.event")
        if not hasattr(events, "install_recorder"):  # the last name of that module: it is there as a whole
            return
        watch = self

        class Listener(events.Listener):  # type: ignore[misc]
            def on_start(self, event: object) -> None:
                watch.compiling += 1

            def on_end(self, event: object) -> None:
                watch.compiling -= 1

        listener = Listener()
        events.register("numba:compile", listener)
        self.leave = lambda: events.unregister("numba:compile", listener)

    def _clear(self) -> None:
        if self.shown:
            self.out.write("\r\x1b[K")
            self.out.flush()
            self.shown = ""

    def printed(self, text: str) -> None:
        """Make room for what is printed."""
        with self.lock:
            self._clear()
            if text:
                self.line_ended = text.endswith("\n")

    def __enter__(self) -> _Watch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()
        if self.leave is not None:
            self.leave()
        self.printed("")


class _Output:
    """Standard output beside such a line."""

    def __init__(self, out: TextIO, watch: _Watch) -> None:
        self.out = out
        self.watch = watch

    def write(self, text: str) -> int:
        self.watch.printed(text)
        return self.out.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.out, name)


@contextmanager
def patience(args: argparse.Namespace) -> Iterator[None]:
    """Say what takes long, where a person waits at a terminal and has not asked for quiet."""
    if args.verb in _OWN or getattr(args, "quiet", False) or not obeys(sys.stderr):
        yield
        return
    with _Watch(sys.stderr) as watch, redirect_stdout(_Output(sys.stdout, watch)):
        yield
