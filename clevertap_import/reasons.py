"""Why rows failed, in so many words at most: CleverTap's texts may differ with each row."""

from collections.abc import Callable

MOST_REASONS = 100
"""Texts that are told apart in a run. CleverTap has some thirty codes, with a few texts each."""

OTHERS = "other reasons"

Reason = tuple[str, str]
"""A code and its text."""


def told_apart(reason: Reason, is_known: Callable[[Reason], bool], known: int) -> Reason:
    """`reason`; or the others of its code, or all others, if it is new beyond those `known`."""
    if is_known(reason) or known < MOST_REASONS:
        return reason
    of_code = (reason[0], OTHERS)
    return of_code if is_known(of_code) or known < 2 * MOST_REASONS else (OTHERS, OTHERS)


def count_reason(counts: dict[Reason, int], reason: Reason) -> None:
    key = told_apart(reason, counts.__contains__, len(counts))
    counts[key] = counts.get(key, 0) + 1
