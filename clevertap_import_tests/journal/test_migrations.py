"""The steps of the database: from nothing, from the first ones, by several at once; too new."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from clevertap_import.journal.delivered_records import Asked
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.states import ANSWERED
from clevertap_import.journal.tables import (
    METADATA,
    NEWEST_STEP,
    VERSION,
    JournalUnavailable,
    open_database,
    step,
)
from clevertap_import_tests.testing.builders import events

PROCESS_SECONDS = 120
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
        return list(compare_metadata(context, METADATA))


def first_database(url: str) -> None:
    """As the first version made it: the deliveries, their index by window, and no steps."""
    batch = events("a", "b")
    values = {
        "import_name": "orders",
        "run_id": "run-1",
        "batch_number": 1,
        "state": ANSWERED,
        "first_window": 0,
        "last_window": 0,
        "sent_at": datetime.now(UTC),
        "digests": batch.take([0]).digests,
        "identity_digests": b"",
    }
    if (file := sa.make_url(url).database) and url.startswith("sqlite"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", "clevertap_import.journal:migrations")
    with plain(url) as engine, engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        VERSION.drop(connection)
        # As bytes: what the first version wrote was under no key.
        delivery = sa.table("delivery", *(sa.column(name) for name in values))
        connection.execute(sa.insert(delivery).values(values))


def test_the_steps_make_the_tables_that_the_code_means(journal_url: str) -> None:
    open_database(journal_url).dispose()
    assert differences(journal_url) == []


def test_a_database_of_the_first_kind_is_brought_up_and_keeps_what_it_knows(journal_url: str) -> None:
    first_database(journal_url)
    assert differences(journal_url)
    with Journal(journal_url) as journal:
        assert step(journal.engine) == NEWEST_STEP
        past = journal.past(Asked("orders", 0, 0), is_events=True)
        assert past.is_new(events("a", "b").rows).tolist() == [False, True]
    assert differences(journal_url) == []


@pytest.mark.parametrize("is_first", [False, True], ids=["empty", "first"])
def test_processes_that_open_a_database_at_once_bring_it_up_once(journal_url: str, is_first: bool) -> None:
    if is_first:
        first_database(journal_url)
    opening = [
        subprocess.Popen([sys.executable, "-c", OPENED, journal_url], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ends = [process.communicate(timeout=PROCESS_SECONDS)[1] for process in opening]
    assert [process.returncode for process in opening] == [0, 0], ends
    assert differences(journal_url) == []


def test_a_database_of_a_later_version_is_left_alone_and_told(journal_url: str) -> None:
    open_database(journal_url).dispose()
    with plain(journal_url) as engine, engine.begin() as connection:
        connection.execute(sa.update(VERSION).values(version_num="9999"))
    with pytest.raises(JournalUnavailable, match=r"at step 9999.*none\s+after \d+.*Install the version"):
        open_database(journal_url)


def test_a_step_that_fails_leaves_nothing_half_done(journal_url: str) -> None:
    first_database(journal_url)
    with plain(journal_url) as engine, engine.begin() as connection:
        # The second step makes this table last but one.
        connection.execute(sa.text("create table forgotten (id integer)"))
    with pytest.raises(JournalUnavailable, match="forgotten"):
        open_database(journal_url)
    with plain(journal_url) as engine:
        assert not sa.inspect(engine).has_table("lease")
