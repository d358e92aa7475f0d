"""A cached session: one login for many queries, and a new login after a failed query."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clevertap_import.errors import QueryFailed
from clevertap_import.snowflake.cached_session import CachedSession
from clevertap_import.snowflake.open_session import Snowflake
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.table_changes import change_query
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for


class Logins:
    """Opens sessions on the local server, and remembers them."""

    def __init__(self, server: LocalSnowflake, database: str) -> None:
        self.server = server
        self.settings = snowflake_settings("snowflake", server.environment(database))
        self.opened: list[Snowflake] = []
        self.closed = 0

    @contextmanager
    def __call__(self) -> Iterator[Snowflake]:
        with open_snowflake(self.settings, "clevertap_import:test") as snowflake:
            self.opened.append(snowflake)
            yield snowflake
        self.closed += 1


@pytest.fixture
def logins(local_snowflake: LocalSnowflake, fresh_database: str) -> Logins:
    return Logins(local_snowflake, fresh_database)


def test_many_questions_are_one_login(logins: Logins) -> None:
    session = CachedSession(logins, idle_seconds=60)
    assert [session.rows(f"select {number} as N") for number in range(3)] == [[{"N": n}] for n in range(3)]
    assert (len(logins.opened), logins.closed) == (1, 0)
    session.close()
    assert logins.closed == 1


def test_a_session_that_has_ended_is_replaced(logins: Logins) -> None:
    session = CachedSession(logins, idle_seconds=60)
    session.rows("select 1 as N")
    logins.opened[0]._connection.close()
    assert session.rows("select 2 as N") == [{"N": 2}]
    assert len(logins.opened) == 2
    session.close()


@pytest.mark.parametrize("code", ["390111", "390112", "390113", "390114", "390115"])
def test_a_session_that_snowflake_has_ended_is_replaced_whatever_it_says(logins: Logins, code: str) -> None:
    session = CachedSession(logins, idle_seconds=60)
    session.rows("select 1 as N")
    logins.server.end_sessions(code)
    assert [session.rows(f"select {number} as N") for number in (2, 3)] == [[{"N": 2}], [{"N": 3}]]
    assert len(logins.opened) == 2
    session.close()


def test_a_question_that_is_wrong_is_reported_and_costs_a_session_at_most(logins: Logins) -> None:
    session = CachedSession(logins, idle_seconds=60)
    for _ in range(2):
        with pytest.raises(QueryFailed):
            session.rows("select NOTHING from NOWHERE")
    assert session.rows("select 1 as N") == [{"N": 1}]
    assert len(logins.opened) == 2
    assert logins.closed == 1
    session.close()


def test_a_session_that_nobody_needs_is_closed(logins: Logins) -> None:
    session = CachedSession(logins, idle_seconds=0.05)
    session.rows("select 1 as N")
    wait_for("the session to be closed", lambda: logins.closed, 20)
    assert session.rows("select 2 as N") == [{"N": 2}]
    session.close()
    assert logins.closed == len(logins.opened) == 2


@pytest.mark.parametrize(
    ("table", "argument"),
    [
        ("customers", "'customers'"),
        ('SHOP."my schema"."it\'s.""it"""', """'SHOP."my schema"."it\'\'s.""it\"""'"""),
        ('"a\\b"', "'\"a\\\\b\"'"),
    ],
)
def test_a_table_is_asked_for_as_it_is_written(table: str, argument: str) -> None:
    assert change_query(table) == f"select SYSTEM$LAST_CHANGE_COMMIT_TIME({argument}) as TOKEN"
