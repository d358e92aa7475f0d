"""Links to the parts of a result: whoever has one whole can read that part, so none is told or logged so."""

import logging
import re

LINK_PARAMETERS = re.compile(r"\?[^\s?'\"()]*=[^\s'\"()]*")
"""What makes such a link valid stands behind its question mark."""

LOGGERS = tuple(
    f"snowflake.connector.{name}"
    for name in ("cursor", "network", "result_batch", "vendored.urllib3.connectionpool")
)
"""They log what failed, with the link. Nobody hears them unless the root logger has a handler."""


def without_links(text: str) -> str:
    return LINK_PARAMETERS.sub("?...", text)


def hide_links() -> None:
    """From now on no link is whole in what the connector logs."""
    for name in LOGGERS:
        # Adding the same one again changes nothing.
        logging.getLogger(name).addFilter(link_hidden)


def link_hidden(record: logging.LogRecord) -> bool:
    """A filter that changes the record, and keeps it; a traceback, which repeats the link, is left out."""
    record.msg, record.args = without_links(record.getMessage()), None
    record.exc_info = record.exc_text = None
    return True
