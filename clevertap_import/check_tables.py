"""What the commands check and preview print, and the functions of the same names return. Loads no Dagster."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clevertap_import.alerting.channels import address_problem
from clevertap_import.frames import COLUMNS, REJECTIONS, VERDICTS, Line, frame_of, lines_of
from clevertap_import.project.alerts_file import (
    ALERTS_FILE,
    channels_of,
    override_problems,
    read_alerts_file,
    secret_prefixes,
)
from clevertap_import.project.check import Diagnostics, verdict, verdicts
from clevertap_import.project.folder import Imports, imports_folder
from clevertap_import.project.preview import previewed
from clevertap_import.selection import all_imports, imports_named

if TYPE_CHECKING:
    import pandas as pd


def check_table(notify: Callable[[str], None], *, offline: bool) -> "pd.DataFrame":
    """A row for each import; offline, neither Snowflake nor the journal is asked."""
    imports, folder = all_imports(), imports_folder(os.environ)
    environment = None if offline else os.environ
    file, overrides = alerts_verdict(imports, folder, environment)
    if offline:
        return frame_of([*verdicts(imports, None, overrides), *file], VERDICTS)
    # A Git hook that checks files offline does not wait 2 seconds for Dagster.
    from clevertap_import.orchestration.renamed import name_diagnostics

    of_journal = name_diagnostics(imports, os.environ, notify)
    for nickname, found in overrides.items():
        of_journal.setdefault(nickname, Diagnostics()).problems.extend(found.problems)
    return frame_of([*verdicts(imports, os.environ, of_journal), *file], VERDICTS)


def alerts_verdict(
    imports: Imports, folder: Path, environment: Mapping[str, str] | None
) -> tuple[list[Line], dict[str, Diagnostics]]:
    """That of alerts.yaml, if there is one; and the problems of imports that name its channels, by nickname.

    Without an environment the addresses are not checked: they are in variables.
    """
    file = read_alerts_file(folder)
    problems = list(file.problems) if file else []
    if file and file.rules is not None and environment is not None:
        for channel in channels_of(file.rules, environment, secret_prefixes(imports.loaded)).values():
            if message := address_problem(channel):
                problems.append(file.problem(f"channels.{channel.name}", message))
    overrides: dict[str, Diagnostics] = {}
    for nickname, problem in override_problems(imports.loaded, file):
        overrides.setdefault(nickname, Diagnostics()).problems.append(problem)
    return [verdict(ALERTS_FILE, str(file.file), problems, ())] if file else [], overrides


@dataclass(frozen=True, slots=True)
class PreviewRows:
    """`rows` and `records` as JSON has them; `rejections` for the rows that become no record."""

    columns: "pd.DataFrame"
    rows: list[Line]
    records: list[Line]
    rejections: list[Line]

    @property
    def document(self) -> Line:
        return {"columns": lines_of(self.columns), "rows": self.rows, "records": self.records}


def preview_rows(name: str, rows: int) -> PreviewRows:
    (config,) = imports_named([name])
    found = previewed(config, rows, os.environ)
    document = found.document
    rejections = [{key: getattr(each, key) for key in REJECTIONS} for each in found.rejections]
    return PreviewRows(frame_of(document["columns"], COLUMNS), found.rows, found.records, rejections)
