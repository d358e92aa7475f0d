"""How far runs have read: a run of some older windows takes the place of no run that was due."""

from collections.abc import Sequence
from datetime import datetime

from clevertap_import.run_result import RunResult


def read_until(result: RunResult) -> datetime:
    """Up to which moment of Updated On the run has read. A full import reads everything, without windows."""
    return min(result.began_at, result.window_end) if result.window_end else result.began_at


def onward(results: Sequence[RunResult]) -> list[RunResult]:
    """Of `results`, newest first, the failed ones, and the successes that read up to the present.

    A success that read less far than an earlier run was to read, such as a retry of an old window, is not
    among them.
    """
    found: list[RunResult] = []
    goal = end = None
    for each in reversed(results):
        if not each.is_judged or (each.is_success and not reaches(each, goal, end)):
            continue
        found.append(each)
        goal = latest(goal, goal_of(each))
        end = latest(end, each.window_end) if each.is_success else end
    return found[::-1]


def reaches(result: RunResult, goal: datetime | None, end: datetime | None) -> bool:
    """Whether a success read as far as `goal`, and no window between `end` and its first is missing."""
    if result.window_end is None:
        return True
    if goal and result.window_end < goal:
        return False
    # A schedule takes all windows that are not done; a person may have chosen some.
    is_chosen = result.trigger is None and result.window_start is not None
    return not (is_chosen and end and result.window_start and end < result.window_start)


def goal_of(result: RunResult) -> datetime | None:
    """How far the run was to read; None if that is not known."""
    is_known = result.window_end is not None or result.trigger is not None
    return read_until(result) if is_known else None


def latest(first: datetime | None, second: datetime | None) -> datetime | None:
    return max((each for each in (first, second) if each), default=None)
