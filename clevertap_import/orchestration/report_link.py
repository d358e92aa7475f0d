"""Where people find the report, if they put it on a server: the address is linked from the import center."""

from collections.abc import Mapping
from urllib.parse import quote

REPORT_VARIABLE = "CLEVERTAP_IMPORT_REPORT_URL"


def report_link(environment: Mapping[str, str]) -> str | None:
    """The address of the report, safe inside Markdown; None if none is set, or if it is no web address."""
    address = environment.get(REPORT_VARIABLE, "").strip()
    if not address.startswith(("http://", "https://")):
        return None
    return quote(address, safe=":/?#[]@!$&'*+,;=%~-._")
