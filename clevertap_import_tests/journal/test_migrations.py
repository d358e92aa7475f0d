"""The steps of the database: from nothing, by several at once; too old, too new, and one that fails."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from clevertap_import.journal.alert_tables import ALERT
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.monitoring_tables import RUN_RESULT
from clevertap_import.journal.tables import (
    NEWEST_STEP,
    VERSION,
    JournalUnavailable,
    open_database,
    step,
)
from clevertap_import_tests.testing.builders import events

PROCESS_SECONDS = 120
LATER_TABLES = ("alert", "alert_message", "mute")
"""Those that the steps after the first one make."""

OPENED = "import sys; from clevertap_import.journal.journal import Journal; Journal(sys.argv[1]).close()"


@contextmanager
def plain(url: str) -> Iterator[sa.Engine]:
    """The database without anything of ours."""
    engine = sa.create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def differences(url: str) -> list[object]:
    """Between the tables that are there and those that the code means."""
    with plain(url) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION.name})
        assert RUN_RESULT.metadata is ALERT.metadata, "the tables of two modules, in one description"
        return list(compare_metadata(context, RUN_RESULT.metadata))


def older_database(url: str, *, version: str | None) -> None:
    """As versions before the first release made it: deliveries under no key, with or without a step."""
    if (file := sa.make_url(url).database) and url.startswith("sqlite"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    with plain(url) as engine, engine.begin() as connection:
        connection.execute(sa.text("create table delivery (id integer, digests varchar(20))"))
        connection.execute(sa.text("insert into delivery values (7, 'as it was')"))
        if version:
            VERSION.create(connection)
            connection.execute(sa.insert(VERSION).values(version_num=version))


def contents(url: str) -> tuple[list[str], list[tuple[object, ...]]]:
    with plain(url) as engine, engine.connect() as connection:
        rows = connection.execute(sa.text("select * from delivery")).all()
        return sorted(sa.inspect(connection).get_table_names()), [tuple(row) for row in rows]


def opened_by_two_processes(url: str) -> list[tuple[int, str]]:
    """How each ended, and the last line that it wrote to standard error."""
    opening = [
        subprocess.Popen([sys.executable, "-c", OPENED, url], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ends = [process.communicate(timeout=PROCESS_SECONDS)[1] for process in opening]
    return [
        (process.returncode, end.strip().splitlines()[-1] if end.strip() else "")
        for process, end in zip(opening, ends, strict=True)
    ]


def test_the_steps_make_the_tables_that_the_code_means(journal_url: str) -> None:
    open_database(journal_url).dispose()
    assert differences(journal_url) == []


def test_a_journal_that_was_made_by_the_steps_keeps_what_it_knows(journal_url: str) -> None:
    with Journal(journal_url) as journal:
        assert step(journal.engine) == NEWEST_STEP
        batch = events("a", "b")
        journal.record_answer(journal.begin("orders", "run-1", batch), batch, [0], [])
    with Journal(journal_url) as journal:
        delivered = journal.delivered_before(WindowRange("orders", 0, 0), is_events=True)
        assert delivered.is_new(events("a", "b").rows).tolist() == [False, True]


def test_a_journal_at_the_first_step_is_brought_to_the_newest_and_keeps_what_it_knows(
    journal_url: str,
) -> None:
    with Journal(journal_url) as journal:
        batch = events("a", "b")
        journal.record_answer(journal.begin("orders", "run-1", batch), batch, [0], [])
    with plain(journal_url) as engine, engine.begin() as connection:
        for table in LATER_TABLES:
            connection.execute(sa.text(f"drop table {table}"))
        connection.execute(sa.text("alter table run_result add column bytes_scanned bigint"))
        connection.execute(sa.update(VERSION).values(version_num="0001"))
    with Journal(journal_url) as journal:
        assert step(journal.engine) == NEWEST_STEP
        delivered = journal.delivered_before(WindowRange("orders", 0, 0), is_events=True)
        assert delivered.is_new(events("a", "b").rows).tolist() == [False, True]
    assert differences(journal_url) == []


def test_processes_that_open_an_empty_database_at_once_make_its_tables_once(journal_url: str) -> None:
    assert opened_by_two_processes(journal_url) == [(0, ""), (0, "")]
    assert differences(journal_url) == []


OLDER = pytest.mark.parametrize("version", [None, "0001", "0004", "0005"])


@OLDER
def test_a_database_from_before_the_first_release_is_left_alone_and_reported(
    journal_url: str, version: str | None
) -> None:
    older_database(journal_url, version=version)
    before = contents(journal_url)
    with pytest.raises(JournalUnavailable, match=r"before the first release.*Nothing in it was changed"):
        open_database(journal_url)
    assert contents(journal_url) == before


def test_processes_that_open_an_older_database_at_once_both_leave_it_alone(journal_url: str) -> None:
    older_database(journal_url, version=None)
    before = contents(journal_url)
    for code, words in opened_by_two_processes(journal_url):
        assert code == 1
        assert "from before the first release" in words
    assert contents(journal_url) == before


def test_a_database_of_a_later_version_is_left_alone_and_reported(journal_url: str) -> None:
    open_database(journal_url).dispose()
    with plain(journal_url) as engine, engine.begin() as connection:
        connection.execute(sa.update(VERSION).values(version_num="9999"))
    with pytest.raises(JournalUnavailable, match=r"at step 9999.*none\s+after \d+.*Install the version"):
        open_database(journal_url)


def test_a_step_that_fails_leaves_nothing_half_done(journal_url: str) -> None:
    if (file := sa.make_url(journal_url).database) and journal_url.startswith("sqlite"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    with plain(journal_url) as engine, engine.begin() as connection:
        # The step makes this table last but one.
        connection.execute(sa.text("create table participant (id integer)"))
    with pytest.raises(JournalUnavailable, match="participant"):
        open_database(journal_url)
    with plain(journal_url) as engine:
        assert sa.inspect(engine).get_table_names() == ["participant"]
        with engine.begin() as connection:
            connection.execute(sa.text("drop table participant"))
    open_database(journal_url).dispose()
    assert differences(journal_url) == []
