"""Spans of done windows against a plain memory of each window."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.journal.done_spans import DoneSpan, changed_windows, renewed
from clevertap_import.mapping.definition_digest import VERSION

HOUR = 3600
DIGESTS = [f"{VERSION}a", f"{VERSION}b", f"{VERSION}c"]

RUNS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 4), st.integers(0, 3), st.sampled_from(DIGESTS)), max_size=8
)
"""The first window of each run, how many it does, how many it looks back, and its definition."""


@given(RUNS)
def test_spans_know_of_each_window_what_a_plain_memory_knows(
    runs: list[tuple[int, int, int, str]],
) -> None:
    spans: list[DoneSpan] = []
    known: dict[int, str] = {}
    for first, count, lookback, digest in runs:
        spans = renewed(
            spans, (first - lookback) * HOUR, DoneSpan(first * HOUR, (first + count) * HOUR, digest)
        )
        known |= {window: digest for window in range(first - lookback, first) if window in known}
        known |= dict.fromkeys(range(first, first + count), digest)
    assert {
        window: span.digest for span in spans for window in range(span.first // HOUR, span.end // HOUR)
    } == known
    # As few as can be, in order, and none of them empty.
    assert all(span.first < span.end for span in spans)
    for one, other in pairwise(spans):
        assert one.end < other.first or (one.end == other.first and one.digest != other.digest)
    for digest in DIGESTS:
        others = sum(window >= 2 and found != digest for window, found in known.items())
        assert changed_windows(spans, digest, 2 * HOUR, HOUR) == others


def test_what_another_version_computed_says_nothing() -> None:
    assert changed_windows([DoneSpan(0, HOUR, "0-abc")], DIGESTS[0], 0, HOUR) == 0


def test_what_a_clock_that_ran_ahead_has_read_stays_by_itself_until_another_run_has_read_later() -> None:
    """Who looks before that moment leaves it out, and nothing else with it."""
    digest, ahead = DIGESTS[0], 90 * HOUR
    spans = renewed([], 0, DoneSpan(0, 2 * HOUR, digest, 2 * HOUR))
    spans = renewed(spans, 2 * HOUR, DoneSpan(2 * HOUR, 3 * HOUR, digest, ahead))
    assert spans == [DoneSpan(0, 2 * HOUR, digest, 2 * HOUR), DoneSpan(2 * HOUR, 3 * HOUR, digest, ahead)]
    spans = renewed(spans, 3 * HOUR, DoneSpan(3 * HOUR, 4 * HOUR, digest, 4 * HOUR))
    assert [span.read_at for span in spans] == [2 * HOUR, ahead, 4 * HOUR]
    spans = renewed(spans, 4 * HOUR, DoneSpan(4 * HOUR, 5 * HOUR, digest, 99 * HOUR))
    assert spans == [DoneSpan(0, 4 * HOUR, digest, ahead), DoneSpan(4 * HOUR, 5 * HOUR, digest, 99 * HOUR)]
