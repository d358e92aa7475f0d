"""CleverTap's own dry run of a sample, and which of its profiles CleverTap already has. Nothing is stored."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from clevertap_import.clevertap.backoff import Retry
from clevertap_import.clevertap.batch_sender import BatchSender, RetryPolicy
from clevertap_import.clevertap.client import MAX_LOOKUPS_IN_FLIGHT
from clevertap_import.clevertap.delivery import Delivery, stop_reason
from clevertap_import.clevertap.outcomes import Outcome, RecordProblem, Stop, Uncertain
from clevertap_import.config.model import ImportConfig
from clevertap_import.reasons import Reason, within_limit
from clevertap_import.records import Batch, batch_of_one
from clevertap_import.report import is_over
from clevertap_import.staging.stage import ProblemCount, ProblemKind, Stage
from clevertap_import.threads import DaemonThreads

PROBE = b'{"identity":"clevertap-import-connection-test","type":"profile","profileData":{}}'
"""A valid record. It is sent only as a dry run, which stores nothing (CleverTap's dryRun=1)."""


LOOKUPS = 30
"""Profiles looked up in a dry run: CleverTap allows three look-ups in flight."""

FOR_A_PERSON = Retry(attempts=4, total_seconds=30)
"""A person waits for a dry run, so an outage is reported soon. The waits for a busy CleverTap are normal."""


@dataclass(slots=True)
class ServerDryRunResult:
    """CleverTap's own dry run of `rows` records; `stopped` is the reason if it did not finish.

    `was_probed`: there was no record to try, so a made-up one was sent.
    """

    rows: int = 0
    refused: int = 0
    problems: dict[ProblemKind, ProblemCount] = field(default_factory=dict)
    stopped: str | None = None
    was_probed: bool = False

    def blocks(self, config: ImportConfig) -> bool:
        """Whether too many records were refused, or CleverTap refused the run, so that nothing may be
        sent."""
        return self.stopped is not None or is_over(
            self.refused, self.rows, config.dry_run.max_rejected_percent
        )

    @property
    def summary(self) -> str:
        if self.stopped:
            return self.stopped
        if self.was_probed:
            return "There is nothing to send. CleverTap would accept records for this account."
        if not self.rows:
            return "There is nothing to send."
        return f"CleverTap's own dry run: {self.rows:,} records tried, {self.refused:,} refused."


def server_dry_run(
    dry_run: Callable[[Batch], Outcome], stage: Stage, sample_rows: int, retry_policy: RetryPolicy
) -> ServerDryRunResult:
    """Ask CleverTap for its outcome for the first `sample_rows` staged records."""
    result = ServerDryRunResult()
    sender = BatchSender(dry_run, retry_policy, resends=None)
    for batch in sampled(stage.batches(), sample_rows):
        settlement = sender.send(batch)
        result.rows += len(settlement.accepted) + len(settlement.rejected)
        result.refused += len(settlement.rejected)
        for problem in settlement.rejected:
            count_problem(result, batch, problem)
        if not settlement.is_settled:
            result.stopped = unanswered(settlement.stopped)
            break
    return result


def probed(dry_run: Callable[[Batch], Outcome], retry_policy: RetryPolicy) -> ServerDryRunResult:
    """Without staged records, ask CleverTap about a made-up record: would it accept any?"""
    result = ServerDryRunResult(was_probed=True)
    settlement = BatchSender(dry_run, retry_policy, resends=None).send(batch_of_one(PROBE))
    if not settlement.is_settled:
        result.stopped = unanswered(settlement.stopped)
    return result


def unanswered(stop: Stop | None) -> str:
    """Why CleverTap's own dry run did not finish. A lost answer to a dry run leaves no record uncertain."""
    if isinstance(stop, Uncertain):
        return (
            f"CleverTap's own dry run was not answered: {stop.reason}. Nothing was stored."
            " Run again when CleverTap works."
        )
    return str(stop_reason(Delivery(stopped=stop)))


def sampled(batches: Iterator[Batch], rows: int) -> Iterator[Batch]:
    """The first `rows` records."""
    for batch in batches:
        yield batch if len(batch) <= rows else batch.take(range(rows))
        rows -= len(batch)
        if rows <= 0:
            return


def count_problem(result: ServerDryRunResult, batch: Batch, problem: RecordProblem) -> None:
    reason = within_limit(
        (problem.code, problem.reason),
        lambda each: problem_kind(each) in result.problems,
        len(result.problems),
    )
    result.problems.setdefault(
        problem_kind(reason), ProblemCount(0, batch.row_number(problem.index))
    ).rows += 1


def problem_kind(reason: Reason) -> ProblemKind:
    code, text = reason
    return ProblemKind(code, None, None, "", text)


@dataclass(frozen=True, slots=True)
class Lookup:
    """How many of `total` profiles CleverTap knows and does not know; the others had no clear answer."""

    total: int = 0
    known: int = 0
    unknown: int = 0


def looked_up(exists: Callable[[str], bool | None], stage: Stage, lookups: int = LOOKUPS) -> Lookup:
    """Look up a few of the staged identities, spread over the first batch."""
    batch = next(stage.batches(), None)
    if batch is None:
        return Lookup()
    step = max(1, len(batch) // lookups)
    identities = [batch.identity(place) for place in range(0, len(batch), step)][:lookups]
    with DaemonThreads(MAX_LOOKUPS_IN_FLIGHT) as threads:
        calls = [threads.submit(exists, identity) for identity in identities if identity]
        try:
            answers = [each.result() for each in calls]
        finally:
            # In an interrupted run: look-ups that have not begun.
            for each in calls:
                each.cancel()
    return Lookup(len(answers), answers.count(True), answers.count(False))
