"""Who may log in to the local Snowflake, and what Snowflake answers to the others."""

from collections.abc import Mapping
from typing import Any

USER = "SANDBOX"
PASSWORD = "sandbox-password"  # noqa: S105 - not a secret: the sandbox holds made-up rows on this machine only

PASSWORD_LOGIN = "SNOWFLAKE"  # noqa: S105 - the name of a way to log in
KEY_PAIR_LOGIN = "SNOWFLAKE_JWT"

Refusal = tuple[str, str]
WRONG_PASSWORD: Refusal = ("390100", "Incorrect username or password was specified.")
WRONG_TOKEN: Refusal = ("390144", "JWT token is invalid.")
OTHER_TOKEN: Refusal = ("390303", "Invalid OAuth access token.")


def login_refusal(login: Mapping[str, Any]) -> Refusal | None:
    """Snowflake's code and message if the login is not the sandbox user's; keys are accepted unverified."""
    is_sandbox_user = str(login.get("LOGIN_NAME", "")).upper() == USER
    way = str(login.get("AUTHENTICATOR") or PASSWORD_LOGIN).upper()
    if way == KEY_PAIR_LOGIN:
        return None if is_sandbox_user and login.get("TOKEN") else WRONG_TOKEN
    if way != PASSWORD_LOGIN:
        return OTHER_TOKEN
    return None if is_sandbox_user and login.get("PASSWORD") == PASSWORD else WRONG_PASSWORD
