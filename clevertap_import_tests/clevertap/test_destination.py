"""What makes a destination: the account and its address, however that is written."""

import pytest

from clevertap_import.clevertap.account_limiter import account_digest, destination
from clevertap_import.clevertap.client import AccountSettings

PLAIN = AccountSettings("https://api.clevertap.com", "ACC-OUN-TID", "passcode")


@pytest.mark.parametrize(
    "url", ["https://api.clevertap.com/", "HTTPS://API.CleverTap.com", "https://api.clevertap.com:443"]
)
def test_an_address_is_the_same_however_it_is_written(url: str) -> None:
    assert destination(AccountSettings(url, "ACC-OUN-TID", "another")) == destination(PLAIN)


@pytest.mark.parametrize(
    ("url", "account_id"),
    [
        ("http://api.clevertap.com", "ACC-OUN-TID"),
        ("https://in1.api.clevertap.com", "ACC-OUN-TID"),
        ("https://api.clevertap.com:8443", "ACC-OUN-TID"),
        ("https://api.clevertap.com/mirror", "ACC-OUN-TID"),
        ("https://api.clevertap.com", "OTH-ERA-CCT"),
    ],
    ids=["scheme", "host", "port", "path", "account"],
)
def test_another_server_or_account_is_another_destination(url: str, account_id: str) -> None:
    other = AccountSettings(url, account_id, "passcode")
    assert destination(other) != destination(PLAIN)
    assert (account_digest(other) == account_digest(PLAIN)) == (account_id == PLAIN.account_id)


def test_a_destination_does_not_show_the_account() -> None:
    assert "ACC" not in destination(PLAIN)
    assert len(destination(PLAIN)) == 32
