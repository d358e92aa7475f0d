"""Two habits of the connector that we stop: it reads .netrc, and it logs links to results.

The logins in .netrc are for other programs. The connector uses our login for Snowflake. But it fetches the
parts of a result without a login, and its copy of requests then searches .netrc for the host or a default,
and would send that login.

Anyone who has a full link to a part of a result can read that part, so no full link is logged.
"""

import logging
import re

from snowflake.connector.vendored.requests import sessions

LINK_PARAMETERS = re.compile(r"\?[^\s?'\"()]*=[^\s'\"()]*")
"""The query string of a link. It is the secret part."""

LOGGERS = tuple(
    f"snowflake.connector.{name}"
    for name in ("cursor", "network", "result_batch", "vendored.urllib3.connectionpool")
)
"""Loggers that write failed links. Their output is visible only if the root logger has a handler."""


def without_links(text: str) -> str:
    return LINK_PARAMETERS.sub("?...", text)


def hide_links() -> None:
    """From now on the connector logs no full link."""
    for name in LOGGERS:
        # Adding the same filter twice has no effect.
        logging.getLogger(name).addFilter(link_hidden)


def link_hidden(record: logging.LogRecord) -> bool:
    """A filter that shortens the links of a record and removes its traceback, which repeats them."""
    record.msg, record.args = without_links(record.getMessage()), None
    record.exc_info = record.exc_text = None
    return True


def ignore_netrc() -> None:
    """From now on the connector ignores .netrc. Other code that uses requests is not affected."""
    sessions.get_netrc_auth = no_login


def no_login(url: str, raise_errors: bool = False) -> None:
    """Replaces the function of requests that has the same arguments."""
