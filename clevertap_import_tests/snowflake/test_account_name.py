"""Accounts as people copy them: an identifier, a host, a URL; also of the hosts that do not end in .com."""

import pytest

from clevertap_import.errors import ConfigError
from clevertap_import.snowflake.open_session import resource_arguments
from clevertap_import.snowflake.session import snowflake_settings

CHINA = "myorg-my-account.snowflakecomputing.cn"


def where(account: str, **more: str) -> tuple[str, str | None]:
    """The account and the host with which the connector is called."""
    given = {"SNOWFLAKE_ACCOUNT": account, "SNOWFLAKE_USER": "u", "SNOWFLAKE_PASSWORD": "p", **more}
    arguments = resource_arguments(snowflake_settings("snowflake", given), "tag")
    return arguments["account"], arguments["additional_snowflake_connection_args"].get("host")


@pytest.mark.parametrize(
    ("written", "account", "host"),
    [
        ("myorg-myaccount", "myorg-myaccount", None),
        (" xy12345.eu-central-1 ", "xy12345.eu-central-1", None),
        ("https://myorg-myaccount.snowflakecomputing.com", "myorg-myaccount", None),
        ("https://xy12345.eu-central-1.snowflakecomputing.com/console#/", "xy12345.eu-central-1", None),
        ("xy12345.eu-central-1.privatelink.snowflakecomputing.com", "xy12345.eu-central-1.privatelink", None),
        ("https://app.snowflake.com/myorg/myaccount/#/homepage", "myorg-myaccount", None),
        ("https://myorg-myaccount.snowflakecomputing.com?x=1", "myorg-myaccount", None),
        # Snowsight's older form: no organization's name has a hyphen or a dot, and every region has.
        ("https://app.snowflake.com/eu-central-1/xy12345/w3pe9", "xy12345.eu-central-1", None),
        ("https://app.snowflake.com/east-us-2.azure/xy12345", "xy12345.east-us-2.azure", None),
        ("https://myorg-my_account.snowflakecomputing.cn/", "myorg-my_account", CHINA),
        ("myorg-my-account.snowflakecomputing.cn", "myorg-my-account", CHINA),
        ("https://app.snowflake.cn/myorg/my-account", "myorg-my-account", CHINA),
    ],
)
def test_an_account_is_taken_in_every_form(written: str, account: str, host: str | None) -> None:
    assert where(written) == (account, host)


def test_a_host_of_china_is_taken_and_goes_before_the_one_of_the_account() -> None:
    assert where("myorg-my-account", SNOWFLAKE_HOST=CHINA) == ("myorg-my-account", CHINA)
    assert where(f"https://other.{CHINA}", SNOWFLAKE_HOST=CHINA)[1] == CHINA


@pytest.mark.parametrize("written", ["https://example.com/x", "my account", "a/b", "a..b", "myorg\\account"])
def test_what_is_no_account_is_reported_with_its_variable(written: str) -> None:
    with pytest.raises(ConfigError) as caught:
        where(written)
    assert str(caught.value).startswith(
        f"SNOWFLAKE_ACCOUNT is {written!r}, which is not an account. Write its"
    )
