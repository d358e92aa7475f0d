"""A sandbox whose folder or disk cannot be used says so in a few lines, and never as a traceback."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

from clevertap_import_tests.testing.watched import shell_environment

SECONDS = 60
FEW_BLOCKS = 100


def words_of(*words: str, blocks: int | str = "unlimited") -> tuple[int, str]:
    """The exit code and standard error of a module; it writes no file above `blocks` of the shell's limit."""
    command = shlex.join([sys.executable, "-m", *words])
    done = subprocess.run(
        ["/bin/sh", "-c", f"ulimit -f {blocks}; exec {command}"],
        env=shell_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def sandbox(home: Path, blocks: int | str = "unlimited") -> tuple[int, str]:
    return words_of("clevertap_import.sandbox", "--home", str(home), blocks=blocks)


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    home = tmp_path / ".sandbox"
    home.touch()
    assert sandbox(home) == (
        2,
        f"The sandbox cannot store its data in {home}: File exists."
        " Free some space or correct the folder, or use another folder.\n",
    )


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "snowflake").mkdir()
    (tmp_path / "snowflake" / "SHOP.db").write_text("no database")
    code, words = sandbox(tmp_path)
    assert code == 1
    first, last = words.splitlines()
    assert first.startswith(f"The local Snowflake cannot use {tmp_path}/snowflake, or its port: IO Error: ")
    assert last == (
        "snowflake_server did not start. The reason is above."
        " If the disk is not full, delete the sandbox's folder to start again."
    )


def test_a_disk_without_room(tmp_path: Path) -> None:
    code, words = sandbox(tmp_path, FEW_BLOCKS)
    assert code == 1
    assert "The local Snowflake: " in words
    assert "The shop could not be filled. The reason is above." in words


def test_what_the_local_clevertap_had_is_broken(tmp_path: Path) -> None:
    state = tmp_path / "clevertap.json"
    state.write_text('{"store": ')
    assert words_of("clevertap_import.sandbox.clevertap.server", "--state", str(state)) == (
        1,
        f"{state}, the state of the local CleverTap, cannot be read. Delete its folder to start again.\n",
    )


def test_what_the_local_clevertap_has_cannot_be_saved(tmp_path: Path) -> None:
    state = tmp_path / "gone" / "clevertap.json"
    with subprocess.Popen(
        [sys.executable, "-m", "clevertap_import.sandbox.clevertap.server", "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, words = process.communicate(timeout=SECONDS)
    assert (process.returncode, words) == (
        1,
        f"The state of the local CleverTap could not be saved to {state}: No such file or directory.\n",
    )
