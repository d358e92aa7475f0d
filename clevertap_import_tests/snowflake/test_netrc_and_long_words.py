"""What the connector would send of .netrc, and what Snowflake's words may be like."""

from pathlib import Path

import pytest
from snowflake.connector import errors
from snowflake.connector.vendored import requests

from clevertap_import.snowflake.open_session import error_text
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

TAG = "clevertap_import:test"


def test_no_login_of_netrc_goes_with_requests_of_the_connector(
    local_snowflake: LocalSnowflake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "netrc"
    file.write_text("default login ann password secret-2\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    environment = local_snowflake.environment(local_snowflake.create_database())
    url = "https://results.example.com/part"
    with (
        open_snowflake(snowflake_settings("snowflake", environment), TAG) as snowflake,
        snowflake._connection.rest.use_requests_session(url) as session,
    ):
        part = session.prepare_request(requests.Request("GET", url))
    assert "Authorization" not in part.headers


def test_words_of_any_length_are_cut() -> None:
    words = error_text(errors.ProgrammingError(msg="no such table " + "x" * 1_000_000))
    assert len(words) < 2_100
    assert words.endswith("...")
