"""Spans of done windows against a plain memory of each window."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.pure.definition_digest import VERSION
from clevertap_import.pure.done_windows import DoneSpan, changed_windows, renewed

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
