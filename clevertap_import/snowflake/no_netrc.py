"""Logins of .netrc, which are for other programs: the connector would send them with requests of its own.

It takes its login for Snowflake from us; but the parts of a result it fetches without one, and its copy of
requests then looks into .netrc for the host, or for a default.
"""


def leave_netrc_alone() -> None:
    """From now on the connector looks up no login in .netrc. Other users of requests are not touched."""
    from snowflake.connector.vendored.requests import sessions

    sessions.get_netrc_auth = no_login


def no_login(url: str, raise_errors: bool = False) -> None:
    """In place of requests' own function of the same arguments."""
