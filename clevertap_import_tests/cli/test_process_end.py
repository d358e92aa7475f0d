"""How the process of a command ends."""

import subprocess
import sys

GARBAGE_AT_THE_END = """
import clevertap_import.cli.main

class Garbage:
    def __init__(self):
        self.me = self

    def __del__(self):
        print("taken apart")

garbage = Garbage()
"""


def test_nothing_is_taken_apart_before_a_process_ends() -> None:
    """With Dagster, pandas and a connector that is a second and more of processor time."""
    done = subprocess.run(
        [sys.executable, "-c", GARBAGE_AT_THE_END], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout == ""
