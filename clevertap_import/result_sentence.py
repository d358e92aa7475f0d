"""The result of a run in one sentence."""

from clevertap_import.report import Report
from clevertap_import.run_result import RunResult


def result_sentence(result: RunResult) -> str:
    """For example `98.5 % healthy: 985 of 1,000 rows are in CleverTap; 15 were rejected, ...`."""
    report = result.report
    if result.status == "Failed":
        before = f" Before that CleverTap took {report.accepted:,} rows." if report.accepted else ""
        return f"Failed: {result.problem or 'the reason is not known.'}{before}"
    if result.status == "Canceled":
        return f"Canceled: CleverTap took {report.accepted:,} rows before; the next run sends the rest."
    if report.health_percent is None:
        return "No data: no row qualified."
    whole = report.successful + report.failed
    if not report.failed:
        return f"100 % healthy: {'the row is' if whole == 1 else f'all {whole:,} rows are'} in CleverTap."
    healthy = f"{report.health_percent:g} % healthy: {report.successful:,} of {whole:,} rows are in CleverTap"
    return "; ".join([healthy, *failures(report, result.top_code, result.top_reason)]) + "."


def failures(report: Report, code: str | None, reason: str | None) -> list[str]:
    found = []
    if rejected := report.invalid + report.rejected:
        most = f", most by code {code} ({(reason or '').rstrip('.')})" if code else ""
        found.append(f"{rejected:,} {'was' if rejected == 1 else 'were'} rejected{most}")
    if report.uncertain:
        found.append(f"of {report.uncertain:,} the answer was lost")
    return found
