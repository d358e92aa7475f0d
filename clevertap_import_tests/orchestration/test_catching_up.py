"""No row is skipped in any history of runs and schedules: laws over random histories."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.journal.done_spans import DoneSpan
from clevertap_import.orchestration.changed_definitions import spans_after
from clevertap_import.orchestration.done import Done, ranges_left
from clevertap_import.orchestration.partitions import KEY_FORMATS, ActiveRun, KeyRange, grid, keys_until
from clevertap_import_tests.testing.builders import profiles_import

START = datetime(2026, 3, 28, tzinfo=UTC)
CONFIG = profiles_import(updated_on={"column": "UPDATED_AT"}, start=START.date(), window="hour")


@dataclass(frozen=True)
class Run:
    """One run: when it was asked for, how long it waited and took, and whether it succeeded."""

    keys: KeyRange
    began: datetime
    ended: datetime
    is_success: bool


@dataclass
class World:
    """One import through time: what a tick asks for is what the code under test says."""

    runs: list[Run] = field(default_factory=list)

    def done(self, now: datetime) -> Done:
        """As the journal has it after each run that ended well."""
        spans: list[DoneSpan] = []
        for run in sorted(self.runs, key=lambda run: run.ended):
            if run.is_success and run.ended <= now:
                first, last = (moment(key) for key in (run.keys.first, run.keys.last))
                window = grid(CONFIG).window(first, last + grid(CONFIG).size)
                spans = spans_after(CONFIG, spans, window, window, run.began.timestamp())
        return Done(spans)

    def windows(self, keys: KeyRange, now: datetime) -> list[str]:
        return [key for key in keys_until(CONFIG, now) if keys.first <= key <= keys.last]

    def tick(self, now: datetime, minutes: int, is_success: bool) -> list[KeyRange]:
        """Ask for what is left; the runs go one after the other. Nothing while one waits."""
        if any(run.began > now for run in self.runs):
            return []
        under_way = [run for run in self.runs if run.ended > now]
        readings = [ActiveRun(run.keys, run.began.timestamp()) for run in under_way]
        requested = ranges_left(CONFIG, self.done(now), readings, now)
        begin = max([now, *(run.ended for run in under_way)])
        for keys in requested:
            ended = begin + timedelta(minutes=minutes)
            self.runs.append(Run(keys, begin, ended, is_success))
            begin = ended
        return requested

    def has_read(self, row: datetime) -> bool:
        """Whether a run that ended well read the row's window when the row was there already."""
        key = keys_until(CONFIG, row)[-1]
        return any(
            run.is_success and run.keys.first <= key <= run.keys.last and run.began >= row
            for run in self.runs
        )


def moment(key: str) -> datetime:
    return datetime.strptime(key, KEY_FORMATS["hour"]).replace(tzinfo=UTC)


# Minutes until the tick (long ones are pauses), how long its runs take, and how they end.
histories = st.lists(
    st.tuples(
        st.sampled_from((15, 45, 60, 60, 61, 180, 1500)), st.sampled_from((1, 20, 70, 200)), st.booleans()
    ),
    max_size=25,
)


@given(histories, st.lists(st.integers(0, 30_000), max_size=30))
def test_runs_over_any_history_leave_no_row_unread(
    history: list[tuple[int, int, bool]], rows: list[int]
) -> None:
    """Failures, pauses, and runs that take longer than the cadence: in the end each row was read."""
    world, now = World(), START
    for wait, minutes, is_success in history:
        now += timedelta(minutes=wait)
        world.tick(now, minutes, is_success)
    idle = max([now, *(run.ended for run in world.runs)]) + timedelta(hours=1)
    world.tick(idle, 5, is_success=True)
    moments = (START + timedelta(minutes=row) for row in rows)
    assert all(world.has_read(row) for row in moments if row <= idle)


@given(histories)
def test_a_tick_asks_for_whole_gaps_and_for_nothing_that_is_under_way(
    history: list[tuple[int, int, bool]],
) -> None:
    world, now = World(), START
    for wait, minutes, is_success in history:
        now += timedelta(minutes=wait)
        busy = [run.keys for run in world.runs if run.ended > now]
        requested = world.tick(now, minutes, is_success)
        keys = keys_until(CONFIG, now)
        assert all(
            keys.index(after.first) - keys.index(before.last) > 1
            for before, after in itertools.pairwise(requested)
        )
        # Only the window that was in progress when a run began is asked for while that run goes on.
        for run, found in itertools.product(busy, requested):
            assert set(world.windows(found, now)) & set(world.windows(run, now)) <= {run.last}


def test_after_a_standstill_all_that_came_meanwhile_is_one_run() -> None:
    world = World()
    world.tick(START + timedelta(minutes=30), 5, is_success=True)
    assert world.tick(START + timedelta(hours=200), 5, is_success=True) == [
        KeyRange("2026-03-28-00:00", "2026-04-05-08:00")
    ]
    assert world.tick(START + timedelta(hours=200, minutes=30), 5, is_success=True) == [
        KeyRange("2026-04-05-08:00", "2026-04-05-08:00")
    ]


def test_a_window_that_ends_while_a_run_delivers_is_read_again() -> None:
    """The run began before the end of the window: rows may have come after it had read."""
    world = World()
    world.tick(START + timedelta(minutes=50), 45, is_success=True)
    assert world.tick(START + timedelta(minutes=100), 5, is_success=True) == [
        KeyRange("2026-03-28-00:00", "2026-03-28-01:00")
    ]
