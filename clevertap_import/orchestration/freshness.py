"""By when Dagster expects new data of an import: the same number as that of our own lateness.

Dagster's policies are static: of an import that is paused it says that it is not fresh.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import dagster as dg

from clevertap_import.config.due_moments import next_due
from clevertap_import.config.model import ImportConfig
from clevertap_import.monitoring.lateness import grace_of

YEAR_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
"""The gaps between moments are those of any year; a fixed one gives the same policy at each load."""

MOST_MOMENTS = 70
"""Enough for each gap of a schedule to come once: a week of ten times a day, or the months of years."""


def freshness_of(config: ImportConfig) -> dg.FreshnessPolicy | None:
    """None for imports of which nobody knows when they should run."""
    age = longest_age(config)
    return dg.FreshnessPolicy.time_window(fail_window=age) if age else None


def longest_age(config: ImportConfig) -> timedelta | None:
    """How old the last success may become: until the next one is due, and a little longer."""
    if config.expect.within is not None:
        return timedelta(seconds=config.expect.within.total_seconds())
    grace = grace_of(config)
    gap = longest_gap(config) if grace else None
    return gap + grace if gap and grace else None


def longest_gap(config: ImportConfig) -> timedelta | None:
    """The longest time from one moment at which the import is due to the next; None if there is only one."""
    moments = [YEAR_BEGAN]
    while len(moments) < MOST_MOMENTS:
        following = next_due(config.schedule, moments[-1], config.anchor)
        if following is None:
            break
        moments.append(following)
    gaps = [after - before for before, after in pairwise(moments[1:])]
    return max(gaps, default=None)
