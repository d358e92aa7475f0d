"""What CleverTap has already, against models that anybody can check: a Counter and a dict."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.journal.delivered import EventsDelivered, NothingDelivered, ProfilesDelivered, Spread
from clevertap_import.records import Batch
from clevertap_import_tests.testing.builders import event_line, events, profile_line, profiles, record_rows

names = st.sampled_from("abcdef")
chunks = st.lists(st.lists(names, max_size=8), max_size=5)
contents = st.lists(st.tuples(names, st.sampled_from(["Pune", "Oslo"])), max_size=12)


def delivered_profiles(*before: Batch, later: int = 0) -> ProfilesDelivered:
    """After these batches, of which the last `later` came from windows after those that are asked for."""
    identities = b"".join(batch.identity_digests for batch in before)
    contents = b"".join(batch.digests for batch in before)
    is_later = b"".join(
        bytes([number >= len(before) - later] * len(batch)) for number, batch in enumerate(before)
    )
    return ProfilesDelivered(bytearray(identities), bytearray(contents), bytearray(is_later))


@given(st.lists(names, max_size=12), chunks)
def test_new_events_are_the_multiset_difference(had: list[str], chunks: list[list[str]]) -> None:
    delivered = EventsDelivered(Spread(bytearray(events(*had).digests)), Spread(bytearray()))
    new_records: list[str] = []
    for chunk in chunks:
        mask = delivered.is_new(events(*chunk).rows)
        assert len(mask) == len(chunk)
        new_records += [name for name, is_new in zip(chunk, mask, strict=True) if is_new]
    everything = Counter(name for chunk in chunks for name in chunk)
    assert Counter(new_records) == everything - Counter(had)


@given(st.lists(names, max_size=12), st.lists(names, max_size=12), chunks)
def test_as_many_new_events_are_in_doubt_as_answers_were_lost(
    had: list[str], lost: list[str], chunks: list[list[str]]
) -> None:
    delivered = EventsDelivered(
        Spread(bytearray(events(*had).digests)), Spread(bytearray(events(*lost).digests))
    )
    doubtful: list[str] = []
    for chunk in chunks:
        is_new = delivered.is_new(events(*chunk).rows)
        new_records = [name for name, is_one in zip(chunk, is_new, strict=True) if is_one]
        mask = delivered.may_be_stored(events(*new_records).rows)
        assert len(mask) == len(new_records)
        doubtful += [name for name, is_one in zip(new_records, mask, strict=True) if is_one]
    everything = Counter(name for chunk in chunks for name in chunk)
    assert Counter(doubtful) == (everything - Counter(had)) & Counter(lost)


@given(contents, st.lists(contents, max_size=3))
def test_new_profiles_differ_from_the_last_accepted_content(
    had: list[tuple[str, str]], chunks: list[list[tuple[str, str]]]
) -> None:
    last = dict(had)
    before = [profiles(identity, city=city) for identity, city in had]
    delivered = delivered_profiles(*before)
    for chunk in chunks:
        lines = [profile_line(identity, city) for identity, city in chunk]
        mask = delivered.is_new(record_rows(lines, [identity for identity, _ in chunk]))
        assert mask.tolist() == [last.get(identity) != city for identity, city in chunk]


def test_of_three_equal_events_two_accepted_the_third_is_new() -> None:
    delivered = EventsDelivered(Spread(bytearray(events("a", "a").digests)), Spread(bytearray()))
    assert delivered.is_new(events("a", "a", "a").rows).tolist() == [False, False, True]


def test_a_profile_that_went_from_a_to_b_is_new_as_a_again() -> None:
    had = [profiles("u", city="A"), profiles("u", city="B")]
    delivered = delivered_profiles(*had)
    assert delivered.is_new(profiles("u", city="A").rows).tolist() == [True]
    assert delivered.is_new(profiles("u", city="B").rows).tolist() == [False]


def test_without_earlier_deliveries_everything_is_new() -> None:
    assert NothingDelivered().is_new(record_rows([event_line("a")] * 2)).tolist() == [True, True]
    assert NothingDelivered().may_be_stored(record_rows([event_line("a")] * 2)).tolist() == [False, False]


def test_profiles_are_never_in_doubt_for_sent_twice_they_are_the_same() -> None:
    had = profiles("u")
    delivered = ProfilesDelivered(bytearray(had.identity_digests), bytearray(16), bytearray(1))
    assert delivered.is_new(had.rows).tolist() == [True]
    assert delivered.may_be_stored(had.rows).tolist() == [False]
