"""Links to parts of a result. Anyone who has a full link can read that part, so no full link is logged."""

import logging
import re

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
