"""A login to Snowflake that is interrupted."""

import os
import signal
from typing import TYPE_CHECKING

import pytest

from clevertap_import.snowflake.open_session import logged_in
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


def test_no_session_stays_open_if_the_run_is_asked_to_end_during_the_login(
    local_snowflake: LocalSnowflake,
) -> None:
    opened: list[SnowflakeConnection] = []

    def log_in() -> "SnowflakeConnection":
        os.kill(os.getpid(), signal.SIGINT)
        opened.append(local_snowflake.connect())
        return opened[0]

    with pytest.raises(KeyboardInterrupt):
        logged_in(log_in)
    wait_for("the end of the session", lambda: bool(opened and opened[0].is_closed()), 60)


def test_a_login_that_is_refused_is_reported() -> None:
    def log_in() -> "SnowflakeConnection":
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        logged_in(log_in)
