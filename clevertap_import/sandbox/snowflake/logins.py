"""Who may log in to the local Snowflake, and its answer to the others."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

from clevertap_import.sandbox.secrets_file import read_secrets

USER = "SANDBOX"
PASSWORD = "for-tests"  # noqa: S105 - of a server that is started by itself; a sandbox makes its own

PASSWORD_LOGIN = "SNOWFLAKE"  # noqa: S105 - the name of a way to log in
KEY_PAIR_LOGIN = "SNOWFLAKE_JWT"

Refusal = tuple[str, str]
WRONG_PASSWORD: Refusal = ("390100", "Incorrect username or password was specified.")
WRONG_TOKEN: Refusal = ("390144", "JWT token is invalid.")
OTHER_TOKEN: Refusal = ("390303", "Invalid OAuth access token.")


@dataclass(frozen=True, slots=True)
class Logins:
    """`any_login`: every user and password is accepted. `takes_keys`: every key of the user is,
    unverified."""

    password: str = field(default=PASSWORD, repr=False)
    any_login: bool = False
    takes_keys: bool = True

    def refusal(self, login: Mapping[str, Any]) -> Refusal | None:
        """Snowflake's code and message, unless the login is the sandbox user's."""
        is_sandbox_user = str(login.get("LOGIN_NAME", "")).upper() == USER
        way = str(login.get("AUTHENTICATOR") or PASSWORD_LOGIN).upper()
        if self.any_login:
            return None
        if way == KEY_PAIR_LOGIN:
            is_taken = is_sandbox_user and login.get("TOKEN") and self.takes_keys
            return None if is_taken else WRONG_TOKEN
        if way != PASSWORD_LOGIN:
            return OTHER_TOKEN
        is_right = compare_digest(str(login.get("PASSWORD")).encode(), self.password.encode())
        return None if is_sandbox_user and is_right else WRONG_PASSWORD


def logins_of(options: Namespace) -> Logins:
    """The logins of the sandbox's file, if there is one: then only its password is accepted."""
    password = read_secrets(options.secrets).password if options.secrets else PASSWORD
    return Logins(password, options.any_login, takes_keys=not options.secrets)
