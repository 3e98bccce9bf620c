"""A process that has everything imported and loaded, and makes a kernel of a copy of itself, at each request.

Run as ``python -m k2rel.report.forkserver``. A request is a line of JSON with the connection file and the folder; the
answer is a line with the process number. A kernel starts as a copy of a process that has never run a notebook, so
notebooks know nothing of each other. It ends when its input ends, and its kernels end with it.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import NoReturn

from k2rel.errors import K2relError

__all__: list[str] = []

_MODULES = (
    "numpy", "pandas", "scipy.special", "scipy.sparse.linalg", "scipy.stats", "networkx", "matplotlib.figure",
    "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "matplotlib.textpath", "PIL.Image",
    "IPython.display", "ipykernel.kernelapp", "xlsxwriter",
    "k2rel.report.notebook", "k2rel.report.explorer", "k2rel.report.workbook", "k2rel.plots",
    "k2rel.report.pictures", "k2rel.design.summary", "k2rel.design.choice", "k2rel.design.overview",
    "k2rel.design.comparison", "k2rel.measures.dynamic", "k2rel.measures.inventory", "k2rel.measures.modes",
    "k2rel.design.targets", "k2rel.design.verdict",
    "k2rel.design.changes", "k2rel.measures.uncertainty", "k2rel.markov.engine",
)  # fmt: skip


_LOOK_S = 0.25
_SMALL = "nearline"
"""A level with roles that move, whose chain is small."""


def preload() -> None:
    """Import what reports need. No decision diagram is built here: its threads would be missing in a copy."""
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for name in _MODULES:
        import_module(name)


def warm_up() -> None:
    """Load, once for all copies, the compiled loops of chains and histories, and the fonts of pictures.

    Loops in several threads do not run here, for the same reason: the chain is solved, and nothing asked of it.
    """
    from k2rel.markov.engine import forget, solved
    from k2rel.organisation import Organisation
    from k2rel.plots.inline import png_of, svg_of
    from k2rel.plots.style import new_axes, tidy
    from k2rel.simulation.engine import simulate
    from k2rel.simulation.plan import Plan
    from k2rel.studies import study

    with suppress(K2relError, OSError):  # what is wrong there is for a notebook to say, if it meets it
        small, who = study(_SMALL), Organisation()
        solved(small, who)
        simulate(small, who, None, Plan(histories=2, seed=1), workers=1)
        ax = tidy(new_axes(None, (4, 3)), "a title")
        svg_of(ax)
        png_of(ax)
        forget()  # what is loaded is shared, no figures: a level is the same whoever was solved before


def become_kernel(connection_file: str, folder: str, environment: dict[str, str]) -> NoReturn:
    """Turn this process into a kernel; it does not come back."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    code = 1
    try:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        from ipykernel.kernelapp import IPKernelApp

        IPKernelApp.launch_instance(["-f", connection_file, f"--IPKernelApp.parent_handle={os.getppid()}"])
        code = 0
    finally:
        os._exit(code)


def _reap(*_: object) -> None:
    """Let ended kernels vanish, so that who asks whether one runs sees that it does not."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


@contextmanager
def _ending_with_its_input() -> Iterator[None]:
    """End at once when nobody can ask any more, also in the middle of something; each look takes microseconds."""
    waiting = select.poll()
    waiting.register(sys.stdin.fileno(), 0)  # what is asked waits; that whoever asks is gone is told in any case

    def look(*_: object) -> None:
        if waiting.poll(0):
            os._exit(1)

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def main() -> None:
    """Answer requests until the input ends."""
    with _ending_with_its_input():
        preload()
        warm_up()
    gc.collect()
    gc.freeze()  # what all copies share is never garbage: no copy looks through it, and its memory stays shared
    signal.signal(signal.SIGCHLD, _reap)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks
    for line in sys.stdin:
        request = json.loads(line)
        number = os.fork()
        if number == 0:
            become_kernel(request["connection_file"], request["folder"], request["environment"])
        print(number, flush=True)


if __name__ == "__main__":
    main()
