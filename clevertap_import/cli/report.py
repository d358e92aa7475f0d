"""The command report."""

from pathlib import Path

from clevertap_import.cli.conventions import echo_stderr
from clevertap_import.html_report.written import write_report


def report(output: Path, days: int) -> None:
    write_report(output, days)
    echo_stderr(f"The report is in {output}. Only its owner can read it.")
