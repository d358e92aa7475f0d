"""What the log of a run says while it goes on: where it is, also while no row moves."""

from dataclasses import dataclass, field

from clevertap_import.orchestration.progress import LOG_SECONDS, Progress


@dataclass
class Backoff:
    """A clock that moves only while somebody waits; the run has ended after `count` waits."""

    count: int
    now: float = 100.0
    waits: list[float] = field(default_factory=list)

    def has_ended(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return len(self.waits) > self.count


def test_a_line_comes_every_ten_seconds_also_while_no_row_moves() -> None:
    lines: list[str] = []
    waits = Backoff(count=2)
    progress = Progress("shop", lines.append, lambda: waits.now)
    progress.log_regularly(waits.has_ended)
    progress.step("sent", 12_000, 48_000)
    waits.count += 3
    progress.log_regularly(waits.has_ended)
    assert set(waits.waits) == {LOG_SECONDS}
    assert lines == [
        "Waiting for the first rows of the query.",
        "Waiting for the first rows of the query.",
        "12,000 of 48,000 rows sent, 1,200 rows/s, 30 s left",
        "12,000 of 48,000 rows sent, 600 rows/s, 60 s left",
    ]


def test_a_log_that_cannot_be_written_does_not_end_the_run() -> None:
    def broken(line: str) -> None:
        raise OSError(line)

    waits = Backoff(count=2)
    Progress("shop", broken, lambda: waits.now).log_regularly(waits.has_ended)
    assert len(waits.waits) == 3


def test_the_lines_end_with_the_run() -> None:
    lines: list[str] = []
    with Progress("shop", lines.append).logged():
        pass
    assert lines == []
