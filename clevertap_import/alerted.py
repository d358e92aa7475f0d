"""Alerts as values: what was alerted, the messages for it, where they go, and mutes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Severity = Literal["critical", "error", "warning"]
SEVERITIES: tuple[Severity, ...] = ("critical", "error", "warning")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Alerted:
    """What was alerted last about one kind of problem of an import.

    `severity`: the worst since the problem opened; None if it is over. `changed_at`: when the look began that
    saw the last change. `seen_at`: about when the import was last in the folder.
    """

    severity: Severity | None
    text: str
    opened_at: datetime
    changed_at: datetime
    seen_at: datetime


Key = tuple[str, str]
"""A nickname, and the kind of a problem."""

Memory = Mapping[Key, Alerted]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A channel; with the recipient, if it is the mail of an owner."""

    channel: str
    recipient: str = ""

    def __str__(self) -> str:
        return f"{self.channel} ({self.recipient})" if self.recipient else self.channel


@dataclass(frozen=True, slots=True)
class Message:
    """A change for one channel. `severity`: None for a recovery. `once`: no second message has the same."""

    place: Place
    severity: Severity | None
    title: str
    body: str
    once: str | None = None


@dataclass(frozen=True, slots=True)
class Mute:
    """Nothing is sent about an import until a moment."""

    nickname: str
    until: datetime
    reason: str
