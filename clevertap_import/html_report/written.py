"""Writes the report to a file."""

from datetime import UTC, datetime
from pathlib import Path

from clevertap_import.errors import CleverTapImportError, ConfigError
from clevertap_import.html_report.facts import report_facts
from clevertap_import.html_report.page import page
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.private_files import replace_private
from clevertap_import.selection import all_imports


class ReportWithoutRuns(CleverTapImportError):
    """The report was written, and shows the states of the imports, but no run."""


def write_report(output: Path, days: int) -> None:
    """Only the file's owner can read it.

    Raises ConfigError if it cannot be written, and ReportWithoutRuns if the journal cannot be read.
    """
    if str(output) == "-":
        raise ConfigError("The report is written to a file, not to standard output. Give --output a name.")
    imports = all_imports()
    with open_instance() as instance:
        facts = report_facts(instance, imports, days, datetime.now(UTC))
        text = page(facts)
    try:
        replace_private(output, text)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {(error.strerror or '').lower()}.") from None
    if facts.journal_problem:
        raise ReportWithoutRuns(f"The report in {output} lacks all runs. {facts.journal_problem}")
