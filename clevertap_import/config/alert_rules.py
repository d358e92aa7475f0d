"""What alerts.yaml says: channels with their addresses, and which alert goes to which channels."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from clevertap_import.alerted import Severity
from clevertap_import.config.strict_model import Strict, problem_at, shown, with_problems
from clevertap_import.config.target import Text
from clevertap_import.errors import did_you_mean

OWNER = "owner"
"""The channel whose mails go to the owner of each import."""

MAIL = ("mailto://", "mailtos://")
Recipients = Annotated[tuple[Text, ...], Field(min_length=1)]


class ImportAlerts(Strict):
    """Where the alerts of one import go."""

    to: tuple[Text, ...] = Field(
        description="The channels of alerts.yaml that get all alerts of this import, in place of its routes. "
        "With an empty list nobody gets them.",
        examples=[["ops"]],
    )


class Route(Strict):
    """Which alerts go to some channels. What is left out matches all."""

    to: Recipients = Field(description="The channels.", examples=[["ops", "owner"]])
    severity: Severity = Field(
        "warning", description="Only alerts that are as severe as this, or worse.", examples=["critical"]
    )
    owner: Text | None = Field(
        None, description="Only imports with this created_by.", examples=["team:growth"]
    )
    imports: tuple[Text, ...] | None = Field(
        None, description="Only imports with one of these nicknames; * is any text.", examples=[["orders*"]]
    )
    tags: tuple[Text, ...] | None = Field(
        None, description="Only imports with one of these tags.", examples=[["billing"]]
    )


class AlertRules(Strict):
    """The file alerts.yaml in the folder of imports."""

    channels: dict[str, Text] = Field(
        repr=False,
        description="The address of each channel, as apprise writes it. ${NAME} is a variable of the "
        "environment. The channel owner sends mail to the owner of each import.",
        examples=[{"ops": "${OPS_URL}"}],
    )
    routes: tuple[Route, ...] = Field(
        (),
        description="Which alerts go to which channels. An alert goes to the channels of all routes that "
        "match it. Without routes all channels get all alerts.",
        examples=[[{"to": ["ops"], "severity": "critical"}]],
    )

    @model_validator(mode="after")
    def _to_channels_that_are_there(self) -> Self:
        problems = [
            problem_at(("routes", at, "to", place), message)
            for at, route in enumerate(self.routes)
            for place, message in unknown_channels(route.to, self.channels)
        ]
        if any("://" in name for name in self.channels):
            problems.append(
                problem_at(("channels",), "A name of a channel is an address. Write a name first.")
            )
        if not self.channels:
            problems.append(problem_at(("channels",), "channels is empty. Write a name and an address."))
        if problems:
            raise with_problems(problems)
        return self


def unknown_channels(to: Sequence[str], channels: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The place and the problem of each name that is no channel."""
    known = tuple(channels)
    for place, name in enumerate(to):
        if name not in known:
            hint = did_you_mean(name, known)
            yield place, f"{shown(name)} is not a channel.{hint} Channels: {', '.join(known) or 'none'}."
