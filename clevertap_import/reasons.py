"""Counts rows by the reason why they failed, with a limit: CleverTap's text may differ for each row."""

from collections.abc import Callable

MOST_REASONS = 100
"""The most different texts that a run counts. CleverTap has about thirty codes, with a few texts each."""

OTHERS = "other reasons"

Reason = tuple[str, str]
"""A code and its text."""


def within_limit(reason: Reason, is_known: Callable[[Reason], bool], known: int) -> Reason:
    """`reason`; beyond the limit a new reason counts as other reasons of its code, or as other reasons."""
    if is_known(reason) or known < MOST_REASONS:
        return reason
    of_code = (reason[0], OTHERS)
    return of_code if is_known(of_code) or known < 2 * MOST_REASONS else (OTHERS, OTHERS)


def count_reason(counts: dict[Reason, int], reason: Reason) -> None:
    key = within_limit(reason, counts.__contains__, len(counts))
    counts[key] = counts.get(key, 0) + 1
