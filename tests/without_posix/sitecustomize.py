"""Takes away what Linux has and Windows or macOS have not; Python runs this first where PYTHONPATH names its folder.

It is gone for k2rel and its tests, in each process that is started so and in those that it starts. Other packages keep
it, for they ask which system this is and then count on it. With K2REL_TEST_TEXTS texts are, for all, as on Windows:
where nobody says an encoding it is a code page, and where nobody says how lines end they end as there.
"""

import builtins
import io
import os
import signal
import types

MODULES = {"fcntl", "resource", "termios", "tty", "pwd", "grp", "pty"}
OF_OS = {
    "fork", "forkpty", "sched_getaffinity", "process_cpu_count", "geteuid", "getuid", "memfd_create", "killpg", "setsid",
    "getpgid", "mkfifo", "mknod", "wait3", "wait4", "waitpid", "WNOHANG", "sysconf", "O_NOFOLLOW", "O_CLOEXEC",
    "O_NONBLOCK",
}  # fmt: skip
OF_SIGNAL = {"SIGALRM", "SIGCHLD", "setitimer", "ITIMER_REAL", "SIGKILL", "SIGXFSZ", "SIGHUP", "alarm", "SIGUSR1"}
OURS = ("k2rel", "test_", "tests", "conftest", "measured", "batch", "tasks")


class Without(types.ModuleType):
    """A module as it is, but for what is taken away."""

    def __init__(self, real, missing):
        super().__init__(real.__name__)
        self.__dict__.update(_real=real, _missing=missing)

    def __getattr__(self, name):
        if name in self._missing:
            raise AttributeError(f"module '{self._real.__name__}' has no attribute '{name}': it is taken away")
        return getattr(self._real, name)

    def __setattr__(self, name, value):
        setattr(self._real, name, value)

    def __delattr__(self, name):
        delattr(self._real, name)


LESS = {"os": Without(os, OF_OS), "signal": Without(signal, OF_SIGNAL)}
imported, opened = builtins.__import__, io.open


def without(name, *given, **options):
    """An import; who imports is among the first of what is given."""
    if given and ((given[0] or {}).get("__name__") or "").startswith(OURS):
        if name in MODULES:
            raise ImportError(f"no module named '{name}': it is taken away")
        if name in LESS:
            return LESS[name]
    return imported(name, *given, **options)


def as_on_windows(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *more, **options):
    if "b" not in mode:
        encoding = encoding or "cp1252"
        newline = "\r\n" if newline is None and mode[0] in "wax" else newline
    return opened(file, mode, buffering, encoding, errors, newline, *more, **options)


builtins.__import__ = without
if os.environ.get("K2REL_TEST_TEXTS"):
    builtins.open = io.open = as_on_windows
