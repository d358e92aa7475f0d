"""For any number of texts, few are stored, and every row is counted."""

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.reasons import MOST_REASONS, OTHERS, Reason, count_reason

CODES = st.integers(500, 1500).map(str)


def counted(reasons: list[Reason]) -> dict[Reason, int]:
    counts: dict[Reason, int] = {}
    for reason in reasons:
        count_reason(counts, reason)
    return counts


@given(st.lists(st.tuples(CODES, st.integers(0, 10**6).map(str)), max_size=2000))
def test_each_row_is_counted_once_in_a_bounded_table(reasons: list[Reason]) -> None:
    counts = counted(reasons)
    assert sum(counts.values()) == len(reasons)
    assert len(counts) <= 2 * MOST_REASONS + 1


def test_texts_beyond_the_bound_are_the_others_of_their_code() -> None:
    texts = [("512", f"text {number}") for number in range(MOST_REASONS + 5)]
    counts = counted([*texts, ("515", "Email"), texts[0]])
    assert len(counts) == MOST_REASONS + 2
    assert (counts["512", OTHERS], counts["515", OTHERS], counts["512", "text 0"]) == (5, 1, 2)


def test_with_many_codes_the_last_are_one_line() -> None:
    counts = counted([(str(number), "text") for number in range(5 * MOST_REASONS)])
    assert counts[OTHERS, OTHERS] == 3 * MOST_REASONS
