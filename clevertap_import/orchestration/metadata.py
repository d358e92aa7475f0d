"""The report of a run as Dagster metadata: numbers, so that the UI plots them."""

from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg

from clevertap_import.orchestration.delivered import DELIVERIES
from clevertap_import.orchestration.run_values import SoFar, top_reason
from clevertap_import.reasons import Reason
from clevertap_import.report import Report
from clevertap_import.result_sentence import result_sentence
from clevertap_import.run_result import RunResult
from clevertap_import.window import Window

CODE_COLUMNS = dg.TableSchema(
    [dg.TableColumn("code", "string"), dg.TableColumn("reason", "string"), dg.TableColumn("rows", "int")]
)

MEANINGS = {
    "result": "The result of the run in one sentence.",
    "window_result": "The result of the window in one sentence; only on its materialization.",
    "status": "Success, Failed or Canceled.",
    "problem": "Why the run failed; left out if it did not.",
    "total_records": "Rows that the query stands for, superseded ones included.",
    "successful": "accepted + unchanged.",
    "failed": "invalid + rejected + uncertain.",
    "accepted": "Records that CleverTap took in this run.",
    "unchanged": "Records that CleverTap had in the same content already; not sent.",
    "invalid": "Rows that a check stopped; not sent.",
    "rejected": "Records that CleverTap refused.",
    "uncertain": "Records that were sent and whose answer was lost.",
    "superseded": "Rows of an identity that has a newer one, read or delivered before; not sent.",
    "possible_duplicates": "Copies of events that may be there: each was sent again after a lost answer.",
    "lookback_rows": "Rows of earlier windows, which the lookback read; not in the counts of any window.",
    "rows_without_updated_on": "Rows whose Updated On is NULL; they come with the first window only.",
    "future_rows": "Rows whose Updated On is later than the run began.",
    "late_rows": "Rows sent from windows before those of the run: committed late, found by the lookback.",
    "blank_values": "Cells that were empty or white space alone, and counted as NULL (see on_blank).",
    "future_events": "Events whose time is more than two minutes after the run began.",
    "changed_windows": "Windows that were done before the import was changed; `run NAME --full` reads them.",
    "deliveries": "How many runs of the import have sent records so far; the journal must know as many.",
    "health_percent": "successful of successful + failed, rounded down; left out of no rows or if canceled.",
    "seconds": "How long the run took.",
    "staging_seconds": "Of these, for the query, and until all rows were mapped and checked.",
    "snowflake_seconds": "Of these, spent waiting for Snowflake's rows; left out if none was asked for.",
    "sending_seconds": "For the delivery to CleverTap.",
    "requests": "Requests to CleverTap with records, its dry run included.",
    "retries": "Of these, requests for records that were sent before in this run.",
    "throttled_seconds": "How long CleverTap answered 429 (too many requests), and nothing else.",
    "records_per_second": "total_records per second.",
    "dagster/row_count": "successful, where Dagster looks for a number of rows; only if the run succeeded.",
    "errors_by_code": "A table: code, reason, rows. Beyond 100 texts the others of a code are one line.",
    "query_id": "Snowflake's id of the query.",
    "rejects_file": "A CSV file with the source rows that were not imported; left out if there are none.",
    "window_start": "The start of the first window, if not open; the lookback before it was read too.",
    "window_end": "The end of the last window; left out in full imports.",
}
"""Every key of a run, and what it means; the reference is made of it."""

OF_WINDOWS = (
    *("result", "window_result", "total_records", "successful", "failed", "accepted", "unchanged"),
    *("invalid", "rejected", "uncertain", "superseded", "dagster/row_count", "health_percent"),
    *("errors_by_code", "rejects_file", "window_start", "window_end"),
    *("query_id", "seconds", "records_per_second"),
)
"""The keys of the materialization of a window. The first and the last three are those of its run."""

UNKNOWN_COUNTS = frozenset(
    [
        "total_records",
        "successful",
        "failed",
        "accepted",
        "unchanged",
        "invalid",
        "rejected",
        "uncertain",
        "superseded",
        "records_per_second",
    ]
)
"""Left out if the run failed before it had a row."""


def report_metadata(so_far: SoFar) -> dict[str, dg.MetadataValue]:
    """The keys of the documentation. A share or a bound that does not exist is left out."""
    metadata = {**result_metadata(so_far), **count_metadata(so_far), **effort_metadata(so_far)}
    report = so_far.report
    if so_far.status != "Success":
        # Otherwise the page of the asset would show it as the number of the asset's rows.
        del metadata["dagster/row_count"]
    if so_far.status == "Failed" and not report.read:
        # Nobody knows how many rows there are.
        metadata = {name: value for name, value in metadata.items() if name not in UNKNOWN_COUNTS}
    if report.health_percent is not None and not so_far.is_canceled:
        metadata["health_percent"] = dg.MetadataValue.float(report.health_percent)
    if so_far.rejects and so_far.rejects.rows:
        metadata["rejects_file"] = dg.MetadataValue.path(str(so_far.rejects.path))
    return {**metadata, **query_metadata(so_far), **window_metadata(so_far.window)}


def metadata_of_window(
    so_far: SoFar,
    result: dg.MetadataValue,
    window: Window,
    report: Report,
    codes: Mapping[Reason, int],
) -> dict[str, dg.MetadataValue]:
    """The counts of one window of a complete run. Small: a run may have thousands of windows.

    `result`: of the whole run. It comes first: the page of an asset shows the last window, perhaps empty.
    """
    whole = {
        "result": result,
        "window_result": sentence(so_far, report, codes),
        **outcome_metadata(report),
        **window_metadata(window),
    }
    if report.health_percent is not None:
        whole["health_percent"] = dg.MetadataValue.float(report.health_percent)
    if codes:
        whole["errors_by_code"] = errors_by_code(codes)
        if so_far.rejects:
            whole["rejects_file"] = dg.MetadataValue.path(str(so_far.rejects.path))
    return {**whole, **query_metadata(so_far), **speed_metadata(so_far)}


def result_metadata(so_far: SoFar) -> dict[str, dg.MetadataValue]:
    """How the run ended, first in words."""
    words = {"status": so_far.status, "problem": so_far.problem}
    return {
        "result": run_sentence(so_far),
        **{name: dg.MetadataValue.text(text) for name, text in words.items() if text is not None},
    }


def run_sentence(so_far: SoFar) -> dg.MetadataValue:
    """The result of the whole run."""
    return sentence(so_far, so_far.report, so_far.codes)


def sentence(so_far: SoFar, report: Report, codes: Mapping[Reason, int]) -> dg.MetadataValue:
    """The result of the run, or of a part of its rows."""
    code, reason = top_reason(codes) or (None, None)
    began = datetime.fromtimestamp(so_far.start.epoch_seconds, UTC)
    result = RunResult(
        *("", "", began, None, so_far.status, report),
        problem=so_far.problem,
        top_code=code,
        top_reason=reason,
    )
    return dg.MetadataValue.text(result_sentence(result))


def effort_metadata(so_far: SoFar) -> dict[str, dg.MetadataValue]:
    effort = so_far.meter.effort
    found: dict[str, dg.MetadataValue] = {
        "requests": dg.MetadataValue.int(effort.requests),
        "retries": dg.MetadataValue.int(effort.retries),
        "throttled_seconds": dg.MetadataValue.float(effort.throttled_seconds),
        "staging_seconds": dg.MetadataValue.float(effort.staging_seconds),
        "sending_seconds": dg.MetadataValue.float(effort.sending_seconds),
    }
    if effort.snowflake_seconds is not None:
        found["snowflake_seconds"] = dg.MetadataValue.float(effort.snowflake_seconds)
    return found


def outcome_metadata(report: Report) -> dict[str, dg.MetadataValue]:
    return {
        "total_records": dg.MetadataValue.int(report.read),
        "successful": dg.MetadataValue.int(report.successful),
        "failed": dg.MetadataValue.int(report.failed),
        "accepted": dg.MetadataValue.int(report.accepted),
        "unchanged": dg.MetadataValue.int(report.unchanged),
        "invalid": dg.MetadataValue.int(report.invalid),
        "rejected": dg.MetadataValue.int(report.rejected),
        "uncertain": dg.MetadataValue.int(report.uncertain),
        "superseded": dg.MetadataValue.int(report.superseded),
        "dagster/row_count": dg.MetadataValue.int(report.successful),
    }


def query_metadata(so_far: SoFar) -> dict[str, dg.MetadataValue]:
    query_id = so_far.staged.query_id
    return {"query_id": dg.MetadataValue.text(query_id)} if query_id else {}


def speed_metadata(so_far: SoFar) -> dict[str, dg.MetadataValue]:
    seconds = so_far.start.seconds
    return {
        "seconds": dg.MetadataValue.float(round(seconds, 3)),
        "records_per_second": dg.MetadataValue.float(round(so_far.report.read / max(seconds, 0.001), 1)),
    }


def count_metadata(so_far: SoFar) -> dict[str, dg.MetadataValue]:
    counts, windows = so_far.staged.counts, so_far.staged.windows
    return {
        **outcome_metadata(so_far.report),
        "possible_duplicates": dg.MetadataValue.int(so_far.possible_duplicates),
        "lookback_rows": dg.MetadataValue.int(windows.before if windows else 0),
        "rows_without_updated_on": dg.MetadataValue.int(counts.without_updated_on),
        "future_rows": dg.MetadataValue.int(counts.future),
        "late_rows": dg.MetadataValue.int(counts.late),
        "blank_values": dg.MetadataValue.int(counts.blank_values),
        "future_events": dg.MetadataValue.int(counts.future_events),
        "changed_windows": dg.MetadataValue.int(so_far.changed_windows),
        DELIVERIES: dg.MetadataValue.int(so_far.deliveries),
        **speed_metadata(so_far),
        "errors_by_code": errors_by_code(so_far.codes),
    }


def window_metadata(window: Window | None) -> dict[str, dg.MetadataValue]:
    """The bounds of the windows that were read. An open first window has no start."""
    if window is None:
        return {}
    end: dict[str, dg.MetadataValue] = {"window_end": dg.MetadataValue.timestamp(window.upper)}
    return {"window_start": dg.MetadataValue.timestamp(window.lower), **end} if window.lower else end


def errors_by_code(codes: Mapping[Reason, int]) -> dg.TableMetadataValue:
    records = [
        dg.TableRecord({"code": code, "reason": reason, "rows": rows})
        for (code, reason), rows in sorted(codes.items(), key=lambda entry: -entry[1])
    ]
    return dg.MetadataValue.table(records=records, schema=CODE_COLUMNS)
