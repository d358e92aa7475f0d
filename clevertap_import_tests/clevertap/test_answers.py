"""What CleverTap's answers mean: recorded ones, and the law that no record is forgotten or counted twice."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.clevertap.answers import read_answer
from clevertap_import.clevertap.outcomes import (
    Accepted,
    Busy,
    NothingTaken,
    Outcome,
    RecordProblem,
    Refused,
    Uncertain,
)

EMAIL = "Profile data is incorrect. Email is not valid."


def entry(number: int, *, code: int = 515, text: str = EMAIL, space: str = "") -> dict[str, Any]:
    error = f"{text}{space}Skipped record number : {number}"
    return {"status": "fail", "code": code, "error": error, "record": {}}


def answered(processed: object, *unprocessed: object, status: str = "partial") -> bytes:
    return json.dumps({"status": status, "processed": processed, "unprocessed": unprocessed}).encode()


@given(st.integers(1, 1000), st.sets(st.integers(0, 999)), st.randoms(), st.sampled_from(["", " ", "  "]))
def test_every_record_is_accepted_or_has_its_own_problem(
    records: int, places: set[int], random: Random, space: str
) -> None:
    refused = sorted(place for place in places if place < records)
    entries = [entry(place + 1, space=space) for place in refused]
    random.shuffle(entries)
    content = answered(records - len(refused), *entries)
    problems = tuple(RecordProblem(place, "515", EMAIL) for place in refused)
    assert read_answer(records, 200, content) == Accepted(records - len(refused), problems)


@given(st.integers(1, 6), st.integers(-3, 9), st.lists(st.integers(0, 8), max_size=8))
def test_counts_that_do_not_add_up_are_never_believed(
    records: int, processed: int, numbers: list[int]
) -> None:
    adds_up = (
        len(set(numbers)) == len(numbers)
        and all(1 <= number <= records for number in numbers)
        and processed + len(numbers) == records
    )
    outcome = read_answer(records, 200, answered(processed, *map(entry, numbers)))
    assert isinstance(outcome, Accepted if adds_up else Uncertain)


@given(st.integers(1, 1000), st.integers(100, 599), st.binary() | st.text().map(str.encode))
def test_any_answer_has_an_outcome(records: int, status: int, content: bytes) -> None:
    assert isinstance(read_answer(records, status, content), Outcome)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        answered(0, entry(1) | {"error": f"Skipped record number : {'9' * 5000}"}),
        answered(0, entry(1) | {"error": " " * 1_000_000}),
        answered(0, entry(1) | {"error": "Skipped record number :" * 100_000}),
    ],
    ids=["brackets", "digits", "blanks", "repeated"],
)
def test_an_answer_made_to_break_the_reader_is_uncertain(content: bytes) -> None:
    assert isinstance(read_answer(1, 200, content), Uncertain)


def test_the_spaced_style_of_recorded_answers_is_read() -> None:
    content = b'{ "status" : "success" , "processed" : 2 , "unprocessed" : [ ]}'
    assert read_answer(2, 200, content) == Accepted(2)


def test_a_recorded_profile_answer_without_a_space_before_skipped_is_read() -> None:
    content = (
        b'{ "status" : "partial" , "processed" : 1 , "unprocessed" : [ { "status" : "fail" , "code" : 515 ,'
        b' "error" : "Profile data is incorrect. Email is not valid.Skipped record number : 2" ,'
        b' "record" : { "identity" : "2" , "type" : "profile" , "profileData" : { "Email" : "1234"}}}]}'
    )
    assert read_answer(2, 200, content) == Accepted(1, (RecordProblem(1, "515", EMAIL),))


def test_a_recorded_event_answer_with_a_space_before_skipped_is_read() -> None:
    text = "Event Name is incorrect. ErrorCode: 513 - Trying to raise a restricted system event."
    content = answered(0, entry(1, code=513, text=text, space=" "), status="fail")
    assert read_answer(1, 200, content) == Accepted(0, (RecordProblem(0, "513", text),))


def test_unprocessed_counts_whatever_status_says() -> None:
    content = answered(1, entry(2), status="success")
    assert read_answer(2, 200, content) == Accepted(1, (RecordProblem(1, "515", EMAIL),))


def test_a_long_reason_of_a_whole_request_is_cut() -> None:
    assert read_answer(1, 400, json.dumps({"error": "x" * 300}).encode()) == Refused(400, "x" * 200)


def test_only_555_is_not_final() -> None:
    assert [RecordProblem(0, code, "").is_final for code in ("555", "515", "unknown")] == [False, True, True]


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"status":"fail","error":"Too many","code":429}'])
def test_429_is_busy_whatever_its_body(content: bytes) -> None:
    assert read_answer(1, 429, content) == Busy("Too many concurrent requests")


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, "Malformed request"), (401, "Passcode Invalid"), (403, "Not allowed"), (413, "Too large")],
)
def test_other_4xx_are_refused_in_the_words_of_clevertap(status: int, error: str) -> None:
    content = json.dumps({"status": "fail", "error": error, "code": status}).encode()
    assert read_answer(1, status, content) == Refused(status, error)


@pytest.mark.parametrize("content", [b"", b"<html>Unauthorized</html>", b"[]", b"{}"])
def test_a_refusal_without_words_says_so(content: bytes) -> None:
    assert read_answer(1, 401, content) == Refused(401, "no reason given")


@pytest.mark.parametrize("status", [204, 301, 500, 502, 503])
def test_any_status_that_is_no_answer_to_the_records_is_uncertain(status: int) -> None:
    assert read_answer(1, status, answered(1)) == Uncertain(f"HTTP {status}")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><body>502</body></html>",
        b'{ "status" : "succ',
        b"[]",
        b"null",
        b'"success"',
        b"\xff",
        b"{}",
    ],
)
def test_a_200_without_a_readable_object_is_uncertain(content: bytes) -> None:
    assert read_answer(1, 200, content) == Uncertain("HTTP 200 without a readable body")


@pytest.mark.parametrize(
    "body",
    [
        {"status": "success"},
        {"status": "success", "processed": 1},
        {"status": "success", "processed": "1", "unprocessed": []},
        {"status": "success", "processed": True, "unprocessed": []},
        {"status": "success", "processed": 1, "unprocessed": {}},
        {"status": "success", "processed": 1, "unprocessed": None},
    ],
)
def test_a_200_without_counts_is_uncertain(body: dict[str, object]) -> None:
    assert read_answer(1, 200, json.dumps(body).encode()) == Uncertain("HTTP 200 without counts")


@pytest.mark.parametrize("records", [1, 1000])
def test_fail_with_nothing_processed_and_nothing_listed_means_that_nothing_was_stored(records: int) -> None:
    found = read_answer(records, 200, answered(0, status="fail"))
    assert found == NothingTaken('HTTP 200 with "fail" for all records: no reason given')
    body = {"status": "fail", "error": "Try again", "processed": 0, "unprocessed": []}
    assert read_answer(records, 200, json.dumps(body).encode()) == NothingTaken(
        'HTTP 200 with "fail" for all records: Try again'
    )
    for other in ("success", "partial"):
        assert isinstance(read_answer(records, 200, answered(0, status=other)), Uncertain)
    assert isinstance(read_answer(1, 200, answered(0, entry(1), status="fail")), Accepted)
    assert isinstance(read_answer(2, 200, answered(0, entry(1), status="fail")), Uncertain)


@pytest.mark.parametrize(
    "content",
    [
        answered(1, entry(2), entry(2)),
        answered(2, entry(0)),
        answered(2, entry(4)),
        answered(2, {"code": 515, "error": "Email is not valid."}),
        answered(2, "Skipped record number : 1"),
        answered(3, entry(1)),
        answered(1, entry(1)),
    ],
    ids=["twice", "number 0", "beyond", "no number", "no object", "too many", "too few"],
)
def test_an_answer_that_misses_or_doubles_a_record_is_uncertain(content: bytes) -> None:
    assert read_answer(3, 200, content) == Uncertain("HTTP 200 whose counts do not add up to 3 records")


def test_the_words_on_a_whole_request_are_one_line_without_values() -> None:
    def dots(text: str) -> str:
        return text.replace("ann@example.com", "...")

    body = json.dumps({"error": "Bad\x1b[31m\n ann@example.com \u202e" + "x" * 500}).encode()
    shown = "Bad [31m ... " + "x" * 187
    assert read_answer(1, 403, body, dots) == Refused(403, shown)
    fail = json.dumps({**json.loads(body), "status": "fail", "processed": 0, "unprocessed": []}).encode()
    outcome = read_answer(1, 200, fail, dots)
    assert outcome == NothingTaken(f'HTTP 200 with "fail" for all records: {shown}')


def test_a_text_as_long_as_a_book_is_not_shown() -> None:
    body = json.dumps({"error": "x" * 3000}).encode()
    assert read_answer(1, 400, body) == Refused(400, "a text of 3,000 characters, which is not shown")


@pytest.mark.parametrize("code", ["ann@example.com", "5" * 50, [515], None, True])
def test_a_code_that_is_none_is_unknown(code: object) -> None:
    record = {**entry(1), "code": code}
    assert read_answer(1, 200, answered(0, record)) == Accepted(0, (RecordProblem(0, "unknown", EMAIL),))


def test_the_text_on_a_record_is_one_line() -> None:
    record = entry(1, text="Bad\x1b[0m\r\nEmail. ")
    assert read_answer(1, 200, answered(0, record)) == Accepted(
        0, (RecordProblem(0, "515", "Bad [0m Email."),)
    )
