"""Only its own machine knows whether a process lives, even if another has the same name and number."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clevertap_import.journal import process_identity
from clevertap_import.journal.process_identity import lives, machine, own_process


def test_this_process_lives_and_one_that_has_ended_does_not() -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os; from clevertap_import.journal.process_identity import own_process;"
            "print(own_process(), flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        other = process.stdout.readline().strip()
        assert lives(other) is True
        process.kill()
        # Not waited for yet: it is there as a zombie.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert lives(other) is False
    assert lives(other) is False
    assert lives(own_process()) is True


def test_a_number_that_was_given_again_is_another_process() -> None:
    host, number, known = own_process().split(":")
    where, _, start = known.rpartition("-")
    assert lives(f"{host}:{number}:{where}-{int(start) - 1}") is False


def test_nothing_is_known_of_another_machine_even_of_the_same_name() -> None:
    """Two containers of one name, on one machine or two: the numbers of one mean nothing in the other."""
    host, number, known = own_process().split(":")
    boot, _, namespace = (machine() or "").partition(".")
    start = known.rpartition("-")[2]
    assert lives(f"another-{host}:{number}:{known}") is None
    assert lives(f"{host}:999999999:{'0' * len(boot)}.{namespace}-{start}") is None
    assert lives(f"{host}:999999999:{boot}.{int(namespace) + 1}-{start}") is None
    assert lives(f"{host}:999999999:{known}") is False


def test_without_more_than_a_number_it_is_looked_up() -> None:
    """As macOS shows it, and as earlier versions wrote it."""
    host = own_process().partition(":")[0]
    assert (lives(f"{host}:{os.getpid()}"), lives(f"{host}:999999999")) == (True, False)
    assert [lives(text) for text in ("", host, f"{host}:", f"{host}:x", "elsewhere:7")] == [None] * 5


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="Only root mounts /proc again.")
@pytest.mark.parametrize("hidepid", [1, 2])
def test_nothing_is_known_of_a_process_that_proc_hides(hidepid: int) -> None:
    """Another user's, where the machine is set up so: it lives, and must not be taken for dead."""
    ended = own_process().replace(f":{os.getpid()}:", ":999999999:")
    question = (
        "import os, sys; from clevertap_import.journal.process_identity import lives;"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); print([lives(each) for each in sys.argv[1:]])"
    )
    script = f'mount -t proc -o hidepid={hidepid} proc /proc && exec "$@"'
    words = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
        sys.executable,
        "-c",
        question,
        own_process(),
        ended,
    ]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "[None, False]", result.stderr


def test_where_the_machine_is_unknown_a_process_says_so_and_nobody_judges_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of systemd's `ProcSubset=pid`: the processes are there, and nothing else."""
    (tmp_path / str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
    monkeypatch.setattr(process_identity, "PROC", tmp_path)
    assert lives(own_process()) is None
