"""The secrets of a sandbox: made once for its folder, in a private file, never in a command line."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from clevertap_import.private_files import private

NAME = "secrets.json"
SECRETS_HELP = "file with the password and the passcode, as the sandbox writes it"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The password of the local Snowflake's user, and the passcode of the local CleverTap's account."""

    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    passcode: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)


def read_secrets(file: Path) -> Secrets:
    return Secrets(**json.loads(file.read_text()))


def sandbox_secrets(home: Path) -> Secrets:
    """The secrets of the sandbox in `home`, made at its first start. They stay, so that copied lines work."""
    file = home / NAME
    if not file.exists():
        with open(file, "w", opener=private) as made:
            json.dump(asdict(Secrets()), made)
    return read_secrets(file)
