"""Kernels for notebooks: copies of a process that has everything imported, each talking over sockets of its own.

A kernel that imports everything itself costs about three times as much as a short report. Where processes cannot be
copied (no POSIX), kernels start as usual.
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

__all__ = ["ForkedKernel", "kernel_manager", "start_server", "stop_server"]

_NAME = "k2rel-forked"
_PATIENT = {"OMP_WAIT_POLICY": "passive"}  # threads that have nothing to do leave the cores to other kernels


class _Server:
    """The process that is copied; what it is asked for while it still imports, it answers when it is ready."""

    def __init__(self) -> None:
        # one thread for each kernel: linear algebra in threads would fight for the cores, and threads do not fork
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **_PATIENT}
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
            raise K2relError("kernels: the process that makes them ended; is the installation whole?")
        return int(answer)

    def stop(self) -> None:
        """End it, and with it its kernels."""
        with suppress(OSError), self.process:  # closes its pipes and waits
            self.process.kill()


_server: _Server | None = None
_starting = threading.Lock()


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
    if hasattr(os, "fork"):
        _running()


def stop_server() -> None:
    """End the process that kernels are copies of; the next kernel starts another one.

    Examples
    --------
    >>> stop_server()
    """
    global _server
    with _starting:
        if _server is not None:
            _server.stop()
            _server = None


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


@contextmanager
def kernel_manager() -> Iterator[dict[str, Any]]:
    """Give what nbclient needs to start a kernel of ours; over TCP another process might take its ports.

    Examples
    --------
    >>> with kernel_manager() as options:
    ...     sorted(options)
    ['kernel_manager_class']
    """
    if not hasattr(os, "fork"):
        yield {}
        return
    factory = KernelProvisionerFactory.instance()
    factory.provisioners[_NAME] = EntryPoint(_NAME, f"{__name__}:ForkedKernel", factory.GROUP_NAME)
    with temporary_folder() as folder:

        class Manager(AsyncKernelManager):
            """A kernel manager whose kernels use sockets, and have their keys, in `folder`."""

            def __init__(self, **kwargs: Any) -> None:
                own = {"transport": "ipc", "ip": f"{folder}/k", "connection_file": f"{folder}/{uuid4().hex}.json"}
                super().__init__(**{**kwargs, **own})
                if self.kernel_spec is not None:
                    self.kernel_spec.metadata = {"kernel_provisioner": {"provisioner_name": _NAME}}

        yield {"kernel_manager_class": Manager}
