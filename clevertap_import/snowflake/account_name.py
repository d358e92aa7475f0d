"""A Snowflake account as people copy it: its identifier, its host, or a URL of it."""

import re

from clevertap_import.errors import ConfigError

ACCOUNT = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
HOST = re.compile(r"(?:https?://)?([\w.-]+)\.snowflakecomputing\.(com|cn|mil)(?::443)?(?:[/#?].*)?", re.I)
SNOWSIGHT = re.compile(r"(?:https?://)?app\.snowflake\.(com|cn)/([\w.-]+)/([\w-]+)(?:[/#?].*)?", re.I)


def account_and_host(variable: str, text: str) -> tuple[str, str | None]:
    """The identifier, and the host where the connector would not derive it: outside `.com`.

    `variable` is where `text` stands. Raises ConfigError if it is no account.
    """
    written = text.strip()
    if found := SNOWSIGHT.fullmatch(written):
        domain, group, name = found.groups()
        # An older form has the region there; no organization's name has a hyphen or a dot.
        account = f"{name}.{group}" if re.search("[.-]", group) else f"{group}-{name}"
    elif found := HOST.fullmatch(written):
        account, domain = found.groups()
    elif ACCOUNT.fullmatch(written):
        return written, None
    else:
        raise ConfigError(
            f"{variable} is {text!r}, which is no account. Write its identifier, such as myorg-myaccount or"
            " xy12345.eu-central-1, or the URL of the account."
        )
    host = f"{account.replace('_', '-')}.snowflakecomputing.{domain}".lower()
    return account, None if domain.lower() == "com" else host
