"""Dagster logs what a run reports to terminals too: letters of strangers are escaped."""

import unicodedata
from datetime import UTC, datetime

import pytest

from clevertap_import.clevertap.answers import read_answer
from clevertap_import.errors import CleverTapImportError, QueryFailed
from clevertap_import_tests.testing.workshop import Workshop

NASTY = "\x1b]0;owned\x07\u202e\x9b2J"
OBEYED = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def obeyed(text: str) -> list[str]:
    return [letter for letter in text if unicodedata.category(letter) in OBEYED and letter not in "\n\t"]


def test_what_a_run_reports_to_dagster_has_no_letters_that_steer_a_terminal(workshop: Workshop) -> None:
    workshop.people([("ann", "Ann", datetime.now(UTC))])
    workshop.write("nasty", source={"kind": "sql", "sql": f'select ID, NAME, UPDATED_AT from "T{NASTY}"'})
    line = workshop.run("nasty")[-1]
    assert line["status"] == "Failed"
    assert r"\x1b]0;owned" in line["problem"]
    texts = []
    for entry in workshop.instance.all_logs(line["run_id"]):
        texts.append(entry.user_message)
        event = entry.dagster_event
        if event and event.is_step_failure:
            failure = event.step_failure_data
            texts += [str(failure.error), str(failure.user_failure_data)]
    assert [text for text in texts if obeyed(text)] == []


@pytest.mark.parametrize("kind", [CleverTapImportError, QueryFailed])
def test_an_error_is_escaped_for_every_reader(kind: type[CleverTapImportError]) -> None:
    assert obeyed(str(kind(f"No column {NASTY}"))) == []
    assert str(kind("Änderung:\nzwei Zeilen")) == "Änderung:\nzwei Zeilen"


def test_the_words_of_clevertap_have_none_of_them() -> None:
    answer = read_answer(1, 403, b'{"error": "a\\u001b[2Jb\\u202ec"}')
    assert obeyed(str(answer)) == []
