"""What the commands check and preview print, and the functions of the same names return. Loads no Dagster."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clevertap_import.frames import COLUMNS, REJECTIONS, VERDICTS, Line, frame_of, lines_of
from clevertap_import.project.check import verdicts
from clevertap_import.project.preview import previewed
from clevertap_import.selection import all_imports, imports_named

if TYPE_CHECKING:
    import pandas as pd


def check_table(notify: Callable[[str], None], *, offline: bool) -> "pd.DataFrame":
    """A row for each import; offline, neither Snowflake nor the journal is asked."""
    imports = all_imports()
    if offline:
        return frame_of(verdicts(imports, None), VERDICTS)
    # A Git hook that checks files offline does not wait 2 seconds for Dagster.
    from clevertap_import.orchestration.renamed import name_diagnostics

    of_journal = name_diagnostics(imports, os.environ, notify)
    return frame_of(verdicts(imports, os.environ, of_journal), VERDICTS)


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
