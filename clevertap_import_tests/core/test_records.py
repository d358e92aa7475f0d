"""Records on their way out: cutting keeps them all, and the body says what they say."""

import json
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.records import Batch, masked, packed, sliced, unpacked
from clevertap_import_tests.testing.builders import event_line, events, profile_line, profiles, record_rows

json_lines = st.dictionaries(st.text(), st.integers() | st.text(), max_size=3).map(
    lambda record: json.dumps(record, ensure_ascii=False).encode(errors="replace")
)


@given(st.lists(json_lines, max_size=30), st.integers(1, 7), st.integers(1, 99))
def test_slicing_keeps_every_record_in_order_within_the_limits(
    lines: list[bytes], max_records: int, max_bytes: int
) -> None:
    slices = [each["record"].to_pylist() for each in sliced(record_rows(lines), max_records, max_bytes)]
    assert [line for each in slices for line in each] == lines
    assert all(1 <= len(each) <= max_records for each in slices)
    assert all(len(each) == 1 or sum(map(len, each)) <= max_bytes for each in slices)


@given(st.lists(json_lines, max_size=30), st.integers(1, 7), st.integers(1, 99))
def test_slicing_wastes_no_request(lines: list[bytes], max_records: int, max_bytes: int) -> None:
    slices = [each["record"].to_pylist() for each in sliced(record_rows(lines), max_records, max_bytes)]
    for each, following in pairwise(slices):
        assert len(each) == max_records or sum(map(len, each)) + len(following[0]) > max_bytes


@given(st.lists(json_lines))
def test_the_body_is_json_that_equals_the_records(lines: list[bytes]) -> None:
    assert json.loads(Batch(0, record_rows(lines)).body) == {"d": [json.loads(line) for line in lines]}


@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_digests_come_back_from_one_run_of_bytes(digests: list[bytes]) -> None:
    run = packed(pa.array(digests, pa.binary(16)))
    assert [bytes(digest) for digest in unpacked(run)] == digests


def test_a_part_of_a_batch_keeps_its_number_rows_identities_and_digests() -> None:
    batch = profiles("a", "b", "c", number=7, row=41)
    part = batch.take([2, 0])
    assert (part.number, len(part), part.row_number(0), part.row_number(1)) == (7, 2, 43, 41)
    assert (part.identity(0), part.identity(1)) == ("c", "a")
    assert part.digests == batch.digests[32:48] + batch.digests[:16]
    assert part.identity_digests == batch.identity_digests[32:48] + batch.identity_digests[:16]


def test_events_have_no_identity_digests() -> None:
    assert (len(events("a", "b").digests), events("a", "b").identity_digests) == (32, b"")


def test_the_span_of_a_batch_is_its_first_and_last_window() -> None:
    parts = [record_rows([event_line("a")], window=window) for window in (7200, 0, 3600)]
    rows = pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
    assert Batch(0, rows).window_span == (0, 7200)


def test_a_text_keeps_no_value_of_the_record_that_it_is_about() -> None:
    record = {
        "identity": "C-1041",
        "type": "profile",
        "profileData": {"Email": "a.b+c@", "Points": 1042, "Tags": {"$set": ["gold"]}, "Married": "Y"},
    }
    batch = Batch(0, record_rows([json.dumps(record).encode()]))
    text = "C-1041: Email a.b+c@ and Points 1042, or gold, are not valid. Married needs to be Y/N. 10421"
    expected = "...: Email ... and Points ..., or ..., are not valid. Married needs to be Y/N. 10421"
    assert batch.without_values(0, text) == expected
    assert batch.without_values(0, "Profile data is incorrect.") == "Profile data is incorrect."


def test_a_text_about_a_whole_request_keeps_no_value_of_any_record_in_whatever_form() -> None:
    values = ["ann@example.com", 'say "hi"', "Zoë", "two\nlines", "Malformed", 4711]
    lines = [
        json.dumps({"identity": f"id-{number}", "type": "profile", "profileData": {"V": value}}).encode()
        for number, value in enumerate(values)
    ]
    batch = Batch(0, record_rows(lines))
    text = (
        'Malformed request: ann@example.com, say \\"hi\\", Zo\\u00eb, Zoë, two lines, 4711 of id-3 and id-33'
    )
    assert batch.without_any_values(text) == (
        "Malformed request: ..., ..., ..., ..., ..., ... of ... and id-33"
    )


def test_a_record_by_clevertap_id_is_identified_by_it() -> None:
    line = profile_line("x").replace(b"identity", b"objectId")
    assert Batch(0, record_rows([line])).identity(0) == "x"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("+919876543210", "919876543210"),
        ("$D_1700000000", "1700000000"),
        ("1234567", "1,234,567"),
        ("1234567.0", "1234567"),
        ("1234567.0", "+1234567.00"),
        ("-1234.5", "1.234,50"),
        ("919876543210", "9.1987654321E11"),
        ("+919876543210", "9.19876543210e+11"),
        ("12345678901234567890", "1.2345678901234567E19"),
        ("asha@x.io", "ASHA@X.IO"),
        ("asha@x.io", "asha%40x.io"),
        ("Asha Rao", "Asha+Rao"),
        ("Asha Rao", "Asha%20Rao"),
        ("O'Neil", "O&#x27;Neil"),
        ("O'Neil", "O&#39;Neil"),
        ("a & b", "a &amp; b"),
        ('say "hi"', 'say \\"hi\\"'),
        ('say "hi"', 'say \\\\\\"hi\\\\\\"'),
        ("Zoë", "Zo\\u00eb"),
        ("Zoë", "Zo\\\\u00eb"),
    ],
)
def test_a_value_is_masked_in_whatever_form_a_text_has_it(value: str, shown: str) -> None:
    assert masked(f"Refused: {shown} is wrong.", [value]) == "Refused: ... is wrong."


def test_other_numbers_are_not_masked() -> None:
    text = "Skipped record number : 12, code 512, 1,234,568 of 1e999 and 1.2.3"
    assert masked(text, ["1234567", "12", "NaN", "1e9", "sNaN"]) == text
