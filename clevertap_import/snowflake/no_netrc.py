"""Ignores the logins in .netrc, which are for other programs.

The connector uses our login for Snowflake. But it fetches the parts of a result without a login, and its copy
of requests then searches .netrc for the host or a default, and would send that login.
"""


def ignore_netrc() -> None:
    """From now on the connector ignores .netrc. Other code that uses requests is not affected."""
    from snowflake.connector.vendored.requests import sessions

    sessions.get_netrc_auth = no_login


def no_login(url: str, raise_errors: bool = False) -> None:
    """Replaces the function of requests that has the same arguments."""
