"""A Snowflake account as users copy it: its identifier, its host name, or a URL of it."""

import re

from clevertap_import.errors import ConfigError

ACCOUNT = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
HOST = re.compile(r"(?:https?://)?([\w.-]+)\.snowflakecomputing\.(com|cn|mil)(?::443)?(?:[/#?].*)?", re.I)
SNOWSIGHT = re.compile(r"(?:https?://)?app\.snowflake\.(com|cn)/([\w.-]+)/([\w-]+)(?:[/#?].*)?", re.I)


def account_and_host(variable: str, text: str) -> tuple[str, str | None]:
    """The account identifier, and the host name if the connector cannot derive it (any host outside `.com`).

    `variable` is the environment variable that has `text`. Raises ConfigError if `text` is not an account.
    """
    written = text.strip()
    if found := SNOWSIGHT.fullmatch(written):
        domain, group, name = found.groups()
        # An older form has the region after the dot; the name of an organization has no hyphen and no dot.
        account = f"{name}.{group}" if re.search("[.-]", group) else f"{group}-{name}"
    elif found := HOST.fullmatch(written):
        account, domain = found.groups()
    elif ACCOUNT.fullmatch(written):
        return written, None
    else:
        raise ConfigError(
            f"{variable} is {text!r}, which is not an account. Write its identifier, such as myorg-myaccount"
            " or xy12345.eu-central-1, or the URL of the account."
        )
    host = f"{account.replace('_', '-')}.snowflakecomputing.{domain}".lower()
    return account, None if domain.lower() == "com" else host
