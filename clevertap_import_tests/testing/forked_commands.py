"""Commands as processes that are forked from one which has imported what they need.

A command of its own interpreter costs 2 CPU seconds of imports. Here each is a process of its own too, with
its own environment, folder, output, exit code and end; it is only the imports that are there already.
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
from functools import cache
from pathlib import Path
from select import select
from tempfile import TemporaryFile
from typing import Any

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


def run_forked(
    words: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float
) -> subprocess.CompletedProcess[str]:
    """`clevertap-import` with these words, as `subprocess.run` would run it with its output captured."""
    reader, writer = os.pipe()
    message = json.dumps({"words": words, "environment": dict(environment), "folder": str(folder)})
    with TemporaryFile() as out, TemporaryFile() as err, os.fdopen(reader, "rb", buffering=0) as pipe:
        try:
            socket.send_fds(server(), [message.encode()], [out.fileno(), err.fileno(), writer])
        finally:
            os.close(writer)
        pid = int(pipe.readline())
        if not select([pipe], [], [], seconds)[0]:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, seconds)
        code = int(pipe.readline())
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


def serve(control: socket.socket) -> None:
    """Fork for each message. Returns in each process that is to become a command, and in no other."""
    while True:
        message, files, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 3)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            command = os.fork()
            if command == 0:
                control.close()
                become(json.loads(message), *files)
                return
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


def become(message: Mapping[str, Any], out: int, err: int, writer: int) -> None:
    """Take the environment, the folder and the output of a command."""
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


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in PREPARED:
        importlib.import_module(name)
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    # What follows is a command, and ends as one.
    runpy.run_module("clevertap_import", run_name="__main__", alter_sys=True)
