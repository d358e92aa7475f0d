"""Without encryption Snowflake is read on this machine alone."""

import pytest

from clevertap_import.errors import ConfigError
from clevertap_import.snowflake.session import snowflake_settings

ENVIRONMENT = {"SNOWFLAKE_ACCOUNT": "acme", "SNOWFLAKE_USER": "loader", "SNOWFLAKE_PASSWORD": "p"}


@pytest.mark.parametrize("host", ["", "acme.snowflakecomputing.com", "10.0.0.7"])
def test_http_to_another_machine_is_refused(host: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^SNOWFLAKE_PROTOCOL is 'http': the login and all rows would cross the"
    ):
        snowflake_settings("snowflake", ENVIRONMENT | {"SNOWFLAKE_HOST": host, "SNOWFLAKE_PROTOCOL": "http"})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_http_to_this_machine_is_taken(host: str) -> None:
    settings = snowflake_settings(
        "snowflake", ENVIRONMENT | {"SNOWFLAKE_HOST": host, "SNOWFLAKE_PROTOCOL": "http"}
    )
    assert (settings.host, settings.protocol) == (host, "http")
