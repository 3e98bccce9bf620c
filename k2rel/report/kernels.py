"""Kernels for notebooks: copies of a process that has everything imported, each talking over sockets of its own.

A kernel that imports everything itself costs about three times as much as a short report. Where processes cannot be
copied, each kernel is a process of its own that Jupyter's manager starts, and imports for itself: on Windows, and on
macOS, whose own libraries do not work in a copy.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import EntryPoint
from typing import Any
from uuid import uuid4

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from k2rel.errors import K2relError
from k2rel.report.files import temporary_folder

__all__ = ["ForkedKernel", "UsualKernel", "kernel_manager", "start_server", "stop_server", "times_stopped"]

_NAME = "k2rel"
# one thread for each kernel: linear algebra in threads would fight for the cores, and threads are missing in a copy
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_PATIENT = {"OMP_WAIT_POLICY": "passive"}  # threads that have nothing to do leave the cores to other kernels


class _Server:
    """The process that is copied; what it is asked for while it still imports, it answers when it is ready."""

    def __init__(self) -> None:
        environment = {**os.environ, **_ONE_THREAD, **_PATIENT}
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "k2rel.report.forkserver"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        )  # fmt: skip

    def fork(self, connection_file: str, folder: str, environment: dict[str, str]) -> int:
        """Ask for a kernel; give its process number."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        request = {"connection_file": connection_file, "folder": folder, "environment": environment}
        with self.lock:
            with suppress(OSError):  # of a process that has ended, which then gives no answer
                self.process.stdin.write(json.dumps(request) + "\n")
                self.process.stdin.flush()
            answer = self.process.stdout.readline()
        if not answer:
            raise K2relError("kernels: the process that makes them ended; is the installation complete?")
        return int(answer)

    def stop(self) -> None:
        """End it, and with it its kernels."""
        with suppress(OSError), self.process:  # closes its pipes and waits
            self.process.kill()


_server: _Server | None = None
_usual: set[subprocess.Popen[bytes]] = set()
_stopped = 0
_starting = threading.Lock()


def _copies() -> bool:
    """Whether kernels are copies of a process here."""
    return hasattr(os, "fork") and sys.platform != "darwin"


def _running() -> _Server:
    global _server
    with _starting:
        if _server is None or _server.process.poll() is not None:
            _server = _Server()
        return _server


def start_server() -> None:
    """Start the process that kernels are copies of, so that it imports what they need while the caller does else.

    Examples
    --------
    >>> start_server()
    """
    if _copies():
        _running()


def stop_server() -> None:
    """End the process that kernels are copies of, and all kernels; the next kernel starts another one.

    Examples
    --------
    >>> stop_server()
    """
    global _server, _stopped
    with _starting:
        _stopped += 1
        if _server is not None:
            _server.stop()
            _server = None
        while _usual:
            with suppress(OSError):
                _usual.pop().kill()


def times_stopped() -> int:
    """How often all kernels were ended: whoever's kernel died meanwhile needs no other one.

    Examples
    --------
    >>> before = times_stopped()
    >>> stop_server()
    >>> times_stopped() - before
    1
    """
    return _stopped


atexit.register(stop_server)


class _Copy:
    """A forked kernel, with the methods of a process that the provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """None while it runs; it is nobody's child here, so its exit code is not known."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 1
        return None

    def wait(self) -> int | None:
        return self.poll()

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class ForkedKernel(LocalProvisioner):
    """Makes a kernel by copying the process that has everything imported.

    Examples
    --------
    >>> ForkedKernel.__mro__[1].__name__
    'LocalProvisioner'
    """

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Launch it; `cmd` is that of a usual kernel, of which the connection file is taken."""
        connection_file = cmd[cmd.index("-f") + 1]
        environment = {**_PATIENT, **(kwargs.get("env") or os.environ)}
        pid = _running().fork(connection_file, str(kwargs.get("cwd") or os.getcwd()), environment)
        self.process: Any = _Copy(pid)
        self.pid, self.pgid = pid, pid  # it makes a process group of its own at once
        return self.connection_info


class UsualKernel(LocalProvisioner):
    """Makes a kernel by starting this Python anew, whatever the Jupyter of this machine calls its own.

    Examples
    --------
    >>> UsualKernel.__mro__[1].__name__
    'LocalProvisioner'
    """

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Launch it; what it writes past its sockets goes nowhere, and it is known to `stop_server`."""
        own = [sys.executable, "-m", "ipykernel_launcher", "-f", cmd[cmd.index("-f") + 1]]
        environment = {**_PATIENT, **(kwargs.get("env") or os.environ), **_ONE_THREAD}
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        found = await super().launch_kernel(own, **{**kwargs, **silent, "env": environment})
        started: Any = self.process
        with _starting:
            _usual.difference_update([one for one in _usual if one.poll() is not None])
            _usual.add(started)
        return found


@contextmanager
def kernel_manager() -> Iterator[dict[str, Any]]:
    """Give what nbclient needs to start a kernel of ours; over TCP, which copies do not use, a port may be taken.

    Examples
    --------
    >>> with kernel_manager() as options:
    ...     sorted(options)
    ['kernel_manager_class']
    """
    kind = ForkedKernel if _copies() else UsualKernel
    factory = KernelProvisionerFactory.instance()
    factory.provisioners[_NAME] = EntryPoint(_NAME, f"{__name__}:{kind.__name__}", factory.GROUP_NAME)
    with temporary_folder() as folder:
        sockets = {"transport": "ipc", "ip": f"{folder}/k"} if _copies() else {}

        class Manager(AsyncKernelManager):
            """A kernel manager whose kernels have their keys, and those that are copies their sockets, in `folder`."""

            def __init__(self, **kwargs: Any) -> None:
                super().__init__(**{**kwargs, **sockets, "connection_file": str(folder / f"{uuid4().hex}.json")})
                if self.kernel_spec is not None:
                    self.kernel_spec.metadata = {"kernel_provisioner": {"provisioner_name": _NAME}}

        yield {"kernel_manager_class": Manager}
