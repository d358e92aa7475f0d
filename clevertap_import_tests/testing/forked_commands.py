"""Commands as processes that are forked from one which has imported what they need.

A command of its own interpreter costs 2 CPU seconds of imports, and 6 if it reads Snowflake. Here each is a
process of its own too, with its own environment, folder, output, signals, exit code and end; only the imports
are there already.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from select import select
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

PREPARED = (
    *(
        "alembic.command",
        "dagster",
        "pandas",
        "requests",
        "rich.console",
        "snowflake.connector",
        "sqlglot",
        "dagster_snowflake",
        "clevertap_import.snowflake.open_session",
    ),
    *("clevertap_import.cli.main", "clevertap_import.cli.checks", "clevertap_import.cli.dry_run"),
    *("clevertap_import.cli.journal", "clevertap_import.cli.listing", "clevertap_import.cli.run"),
    *("clevertap_import.cli.rejects", "clevertap_import.cli.schedules", "clevertap_import.cli.settle"),
)
"""Not `clevertap_import.definitions`, which reads the environment when it is imported."""

OF_THE_INTERPRETER = ("PYTHON", "LC_", "LANG")
"""Variables that begin so are read when Python starts, so a command with others is no fork."""

MESSAGE_BYTES = 1 << 20


COMMAND = "clevertap_import"
"""The module of `clevertap-import`."""


class ForkedProcess:
    """A process that goes on beside this one, to be used as a `subprocess.Popen` whose pipe has text.

    `out` and `err` are file descriptors; `subprocess.PIPE` and `subprocess.STDOUT` mean what they mean there.
    """

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        out: int = subprocess.PIPE,
        err: int = subprocess.STDOUT,
        module: str = COMMAND,
    ) -> None:
        self.returncode: int | None = None
        self.stdout: IO[str] | None = None
        message = {"module": module, "words": words, "environment": dict(environment), "folder": str(folder)}
        pipe, writer = os.pipe()
        self._pipe = os.fdopen(pipe, "rb", buffering=0)
        with ExitStack() as stack:
            stack.callback(os.close, writer)
            if out == subprocess.PIPE:
                reader, out = os.pipe()
                stack.callback(os.close, out)
                self.stdout = os.fdopen(reader, encoding="utf-8")
            files = [out, out if err == subprocess.STDOUT else err, writer]
            socket.send_fds(server(), [json.dumps(message).encode()], files)
        self.pid = int(self._pipe.readline())

    def poll(self) -> int | None:
        if self.returncode is None and select([self._pipe], [], [], 0)[0]:
            self.returncode = int(self._pipe.readline())
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not select([self._pipe], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        code = self.poll()
        assert code is not None
        return code

    def communicate(self, timeout: float) -> tuple[str, None]:
        """All that it says until its end."""
        said, deadline = [], time.monotonic() + timeout
        if self.stdout:
            while select([self.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                said.append(os.read(self.stdout.fileno(), MESSAGE_BYTES))
                if not said[-1]:
                    break
        self.wait(max(0, deadline - time.monotonic()))
        return b"".join(said).decode(), None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.stdout:
            self.stdout.close()
        self.wait()
        self._pipe.close()


Started = subprocess.Popen[str] | ForkedProcess


def start(
    words: Sequence[str], environment: Mapping[str, str], folder: Path, module: str = COMMAND
) -> Started:
    """`python -m module` with these words, beside this process; what it says is in its `stdout`."""
    if can_fork(environment):
        return ForkedProcess(words, environment, folder, module=module)
    return start_fresh(words, environment, folder, module)


def start_fresh(
    words: Sequence[str], environment: Mapping[str, str], folder: Path, module: str = COMMAND
) -> subprocess.Popen[str]:
    """As above, in an interpreter of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_forked(
    words: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float
) -> subprocess.CompletedProcess[str]:
    """`clevertap-import` with these words, as `subprocess.run` would run it with its output captured."""
    with TemporaryFile() as out, TemporaryFile() as err:
        with ForkedProcess(words, environment, folder, out.fileno(), err.fileno()) as process:
            try:
                code = process.wait(seconds)
            finally:
                process.kill()
        texts = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (out, err)]
    return subprocess.CompletedProcess(words, code, *texts)


def can_fork(environment: Mapping[str, str]) -> bool:
    """Other systems have no such sockets, or do not stand a fork without exec."""
    return sys.platform == "linux" and of_the_interpreter(environment) == of_the_interpreter(os.environ)


def of_the_interpreter(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(OF_THE_INTERPRETER)}


@cache
def server() -> socket.socket:
    """The control of a process that forks, for all commands of this one."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_BYTES)
    process = subprocess.Popen(
        [sys.executable, "-m", "clevertap_import_tests.testing.forked_commands", str(its.fileno())],
        pass_fds=[its.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    its.close()
    atexit.register(end, process, ours)
    return ours


def end(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    process.wait()


def serve(control: socket.socket) -> str:
    """Fork for each message. Returns in each process that is to become a command, and in no other."""
    while True:
        message, files, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 3)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            command = os.fork()
            if command == 0:
                control.close()
                return become(json.loads(message), *files)
            report(command, files[2])
        for file in files:
            os.close(file)
        reap()


def report(command: int, writer: int) -> None:
    """The command's process id, and how it ended."""
    os.write(writer, f"{command}\n".encode())
    _, status = os.waitpid(command, 0)
    os.write(writer, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def become(message: Mapping[str, Any], out: int, err: int, writer: int) -> str:
    """Take the environment, the folder and the output of a command; returns its module."""
    os.close(writer)
    for file, place in ((out, 1), (err, 2)):
        os.dup2(file, place)
        os.close(file)
    os.environ.clear()
    os.environ.update(message["environment"])
    time.tzset()
    folder = str(message["folder"])
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv[1:] = message["words"]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return str(message["module"])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in PREPARED:
        importlib.import_module(name)
    gc.freeze()
    # What follows is a command, and ends as one.
    runpy.run_module(serve(socket.socket(fileno=int(sys.argv[1]))), run_name="__main__", alter_sys=True)
