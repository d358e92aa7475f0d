"""One message to one channel, by apprise. An address has secrets; no problem shows any part of it."""

import re
from urllib.parse import unquote, urlencode

from clevertap_import.alerted import Message, Severity
from clevertap_import.alerting.quiet_logs import quiet_logs
from clevertap_import.project.alerts_file import Channel

CONNECT_SECONDS = 8.0
READ_SECONDS = 8.0
SHORTEST_SECRET = 3
PARTS = re.compile(r"[?&][\w+-]+=|[/:@?&=#\s]+")
"""Between the parts of an address; the names of its parameters are no secrets."""

UNKNOWN_ADDRESS = (
    "Its address is none that apprise knows. Addresses begin with the name of a service, such as mailtos://,"
    " slack://, pagerduty:// or json://."
)
REFUSED = "The service did not take the message."


def send(channel: Channel, message: Message) -> str | None:
    """Returns why the channel did not take the message; None if it did."""
    if channel.problem:
        return channel.problem
    # Apprise takes half a second to import, and most processes send nothing.
    import apprise

    kinds: dict[Severity | None, apprise.NotifyType] = {
        "critical": apprise.NotifyType.FAILURE,
        "error": apprise.NotifyType.FAILURE,
        "warning": apprise.NotifyType.WARNING,
        None: apprise.NotifyType.SUCCESS,
    }
    address = with_recipient(channel.address, message.place.recipient)
    with quiet_logs() as warnings:
        try:
            service = apprise.Apprise.instantiate(address)
            if service is None:
                return UNKNOWN_ADDRESS
            service.socket_connect_timeout, service.socket_read_timeout = CONNECT_SECONDS, READ_SECONDS
            service.overflow_mode = apprise.OverflowMode.SPLIT
            is_taken = service.notify(
                body=message.body,
                title=message.title,
                notify_type=kinds[message.severity],
                body_format=apprise.NotifyFormat.TEXT,
            )
        except Exception as error:  # 100 services, each with libraries of its own
            return f"{REFUSED} ({type(error).__name__})"
    return None if is_taken else masked(" ".join([REFUSED, *warnings[-1:]]), address)


def address_problem(channel: Channel) -> str | None:
    """Why no message can be sent there at all."""
    if channel.problem:
        return channel.problem
    # The same as above.
    import apprise

    with quiet_logs():
        try:
            service = apprise.Apprise.instantiate(with_recipient(channel.address, "owner@example.com"))
        except Exception:  # as above
            service = None
    return None if service else UNKNOWN_ADDRESS


def with_recipient(address: str, recipient: str) -> str:
    """The address of a mail server, with one to whom it sends."""
    if not recipient:
        return address
    return f"{address}{'&' if '?' in address else '?'}{urlencode({'to': recipient})}"


def masked(text: str, address: str) -> str:
    """`text` without any part of the address."""
    parts = {part for each in (address, unquote(address)) for part in PARTS.split(each)}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= SHORTEST_SECRET:
            text = text.replace(part, "***")
    return " ".join(text.split())
