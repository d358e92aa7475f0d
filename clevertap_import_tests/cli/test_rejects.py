"""The commands rejects and retry: rows that were not imported, with their source, and their way back."""

import json
import os
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from clevertap_import.mapping.rejection_codes import CODES
from clevertap_import.staging.rejected_rows import HEADER, rejects_folder, stored_rejects
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import (
    Line,
    Workshop,
    command,
    days_ago,
    open_workshop,
    profiles_target,
)

KEYS = ["run_id", "row_number", "identity", "column", "property", "code", "reason", "remedy", "source"]
TODAY = datetime.combine(days_ago(0), time())
OLD_SECONDS = 40 * 86_400
TARGET = profiles_target(Email="EMAIL", Balance="BALANCE", Seen="SEEN")
REFUSAL = {"kind": "reject", "identities": ["refused"], "code": 520, "error": "Age is invalid."}
MALFORMED = {
    "ID": "malformed",
    "UPDATED_AT": f"{(TODAY - timedelta(hours=40)).isoformat()}",
    "EMAIL": "=HYPERLINK(no address)",
    "BALANCE": "-12.50",
    "SEEN": "2026-02-28T22:35:06+00:00",
}
REFUSED = {
    "ID": "refused",
    "UPDATED_AT": f"{(TODAY + timedelta(seconds=1)).isoformat()}",
    "EMAIL": "refused@example.com",
    "BALANCE": "0.10",
    "SEEN": None,
}


def people(workshop: Workshop) -> None:
    """Ten people in three days; one has no address, and one CleverTap will not take."""
    fine = [
        f"('p{number}', 'p{number}@example.com', 1, null, '{TODAY - timedelta(hours=6 * number)}')"
        for number in range(8)
    ]
    wrong = [
        "('malformed', '=HYPERLINK(no address)', -12.5, '2026-03-01 04:05:06+05:30', "
        f"'{TODAY - timedelta(hours=40)}')",
        f"('refused', 'refused@example.com', 0.1, null, '{TODAY + timedelta(seconds=1)}')",
    ]
    workshop.sql(
        "create or replace table T (ID varchar, EMAIL varchar, BALANCE number(9, 2), SEEN timestamp_tz,"
        " UPDATED_AT timestamp_ntz)",
        f"insert into T values {', '.join([*fine, *wrong])}",
    )


@pytest.fixture
def workshop(
    tmp_path: Path,
    local_snowflake: LocalSnowflake,
    fake_clevertap: FakeCleverTap,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Workshop]:
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as shop:
        shop.enter_environment(monkeypatch)
        people(shop)
        fake_clevertap.faults([REFUSAL])
        write_people(shop)
        yield shop


def write_people(workshop: Workshop, **attributes: object) -> None:
    workshop.write("people", target=TARGET, dry_run={"max_rejected_percent": 100}, **attributes)


def retry(workshop: Workshop, nickname: str) -> list[Line]:
    done = command(workshop, "retry", nickname, "--json")
    assert done.returncode == 0, done.stderr
    lines: list[Line] = json.loads(done.stdout)
    return lines


def rejected(workshop: Workshop, *words: str) -> list[dict[str, Any]]:
    done = command(workshop, "rejects", *words, "--json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    assert all(list(row) == KEYS for row in rows)
    return rows


def home(workshop: Workshop) -> Path:
    return Path(workshop.instance.root_directory)


def test_rejected_rows_are_shown_with_their_source_and_nothing_else_is(
    workshop: Workshop, tmp_path: Path
) -> None:
    (run,) = workshop.run("people")
    assert (run["successful_syncs"], run["invalid"], run["rejected"]) == (8, 1, 1)
    malformed, refused = rows = rejected(workshop, "people")
    assert [malformed["source"], refused["source"]] == [MALFORMED, REFUSED]
    assert [row["identity"] for row in rows] == ["malformed", "refused"]
    assert {row["run_id"] for row in rows} == {run["run_id"]}
    assert [malformed[key] for key in KEYS[3:6]] == ["EMAIL", "Email", "515"]
    assert malformed["remedy"] == CODES["515"].remedy
    assert [refused[key] for key in KEYS[3:7]] == [None, None, "520", "Age is invalid."]
    assert rows == rejected(workshop, "people", "--run", run["run_id"][:8])

    output = tmp_path / "out.csv"
    done = command(workshop, "rejects", "people", "--output", str(output))
    assert (done.returncode, done.stdout) == (0, "")
    assert output.stat().st_mode & 0o777 == 0o600
    (stored,) = stored_rejects(home(workshop), "people")
    assert output.read_bytes() == stored.path.read_bytes()
    assert output.read_text().startswith(",".join([*HEADER, *MALFORMED]))

    shown = command(workshop, "rejects", "people")
    assert shown.returncode == 0
    assert "=HYPERLINK(no address)" in shown.stdout
    assert f"515: {CODES['515'].remedy}\n" in shown.stderr
    assert f"Rejected rows of run {run['run_id']}" in shown.stdout

    unknown = command(workshop, "rejects", "people", "--run", "nonesuch")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert f"Runs with rejected rows: {run['run_id']} (" in unknown.stderr
    nowhere = command(workshop, "rejects", "people", "--output", str(tmp_path / "no" / "out.csv"))
    assert (nowhere.returncode, "cannot be written: no such file" in nowhere.stderr) == (2, True)


def test_after_a_correction_retry_sends_only_what_was_rejected(workshop: Workshop) -> None:
    workshop.run("people")
    workshop.clevertap.reset()
    # Updated On stays, as it may when a view is corrected.
    workshop.sql("update T set EMAIL = 'correct@example.com' where ID = 'malformed'")
    lines = retry(workshop, "people")
    # Yesterday lies between the two windows, and has no rejected row.
    assert [(line["nickname"], line["failed_syncs"]) for line in lines] == [("people", 0)] * 2
    assert sorted(workshop.clevertap.profiles()) == ["malformed", "refused"]
    assert workshop.clevertap.counters()["records_accepted"] == 2
    again = command(workshop, "retry", "people")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == "No rejected row of 'people' is open; there is nothing to retry.\n"
    assert retry(workshop, "people") == []
    # What the newest run with rejected rows left is still there to be looked at.
    assert len(rejected(workshop, "people")) == 2


def test_a_full_import_is_retried_whole_until_nothing_is_rejected(workshop: Workshop) -> None:
    workshop.write("whole", target=TARGET, updated_on=None, start=None, dry_run={"max_rejected_percent": 100})
    assert retry(workshop, "whole") == []
    workshop.run("whole")
    assert len(rejected(workshop, "whole")) == 2
    workshop.clevertap.reset()
    (line,) = retry(workshop, "whole")
    assert (line["unchanged"], line["failed_syncs"]) == (8, 1)
    assert list(workshop.clevertap.profiles()) == ["refused"]
    workshop.sql("delete from T where ID = 'malformed'")
    assert [line["failed_syncs"] for line in retry(workshop, "whole")] == [0]
    assert retry(workshop, "whole") == []


def test_the_rows_of_a_dry_run_are_stored_and_shown_only_if_it_is_named(workshop: Workshop) -> None:
    nothing = command(workshop, "rejects", "people", "--json")
    assert (nothing.returncode, json.loads(nothing.stdout)) == (0, [])
    assert "No run of 'people' has rejected rows." in nothing.stderr
    dry = command(workshop, "dry-run", "people", "--all")
    assert dry.returncode == 0
    (stored,) = stored_rejects(home(workshop), "people")
    assert f"clevertap-import rejects people --run {stored.run_id}" in dry.stderr
    assert [row["source"] for row in rejected(workshop, "people", "--run", stored.run_id)] == [MALFORMED]
    unnamed = command(workshop, "rejects", "people", "--json")
    assert json.loads(unnamed.stdout) == []
    assert f"{stored.run_id} (" in unnamed.stderr
    assert retry(workshop, "people") == []


def test_a_run_without_rejected_rows_says_so(workshop: Workshop) -> None:
    workshop.sql("delete from T where ID in ('malformed', 'refused')")
    (run,) = workshop.run("people")
    done = command(workshop, "rejects", "people", "--run", run["run_id"], "--output", "none.csv")
    assert (done.returncode, done.stdout) == (0, "")
    assert "has no rejected rows, or ended so long ago that they were removed" in done.stderr
    assert not (workshop.folder / "none.csv").exists()


def test_old_files_are_removed_when_a_run_ends_well(workshop: Workshop) -> None:
    workshop.run("people")
    (old,) = stored_rejects(home(workshop), "people")
    past = old.written_at.timestamp() - OLD_SECONDS
    os.utime(old.path, (past, past))
    write_people(workshop, journal_retention_days=41)
    workshop.run("people")
    assert old.path.exists()
    write_people(workshop)
    workshop.run("people")
    assert not old.path.exists()


def test_if_a_refusal_cannot_be_written_the_run_fails_and_loses_nothing(workshop: Workshop) -> None:
    workshop.sql("delete from T where ID = 'malformed'")
    folder = rejects_folder(home(workshop), "people")
    folder.parent.mkdir(parents=True)
    folder.write_text("not a folder")
    (line,) = workshop.run("people")
    assert line["status"] == "Failed"
    assert line["problem"].startswith("Rows were rejected, and their file ")
    # The answer was settled in the journal before the run failed, and every row is counted.
    assert (line["successful_syncs"], line["rejected"], line["total_records"]) == (8, 1, 9)
    folder.unlink()
    (line,) = workshop.run("people")
    assert (line["unchanged"], line["rejected"]) == (8, 1)
    assert [row["source"] for row in rejected(workshop, "people")] == [REFUSED]
