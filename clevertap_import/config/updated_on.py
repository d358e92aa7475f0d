"""The column that says when a row was added or last changed."""

from typing import Literal

from pydantic import Field

from clevertap_import.config.field_types import Duration, Zone
from clevertap_import.config.strict_model import Strict, shown
from clevertap_import.config.target import Text


class UpdatedOn(Strict):
    """The column that says when a row was added or last changed."""

    column: Text = Field(description="The column; its values never move backwards.", examples=["UPDATED_AT"])
    format: Literal["timestamp", "epoch_seconds", "epoch_milliseconds"] = Field(
        "timestamp",
        description="How the column writes a moment: as any DATE or TIMESTAMP type, or counted from 1970.",
        examples=["epoch_seconds"],
    )
    timezone: Zone = Field(
        "UTC",
        description="The zone of DATE and TIMESTAMP_NTZ values, by its IANA name.",
        examples=["Asia/Kolkata"],
    )
    lookback: Duration = Field(
        Duration("1 hour"),
        description="How far before its first window a run reads again, for rows that were committed late.",
        examples=["1 hour", "0 minutes"],
    )


COMMIT_TIME = "commit_time"
COMMIT_TIME_COLUMN = "COMMIT_TIME"
"""The name under which an import by commit time reads METADATA$ROW_LAST_COMMIT_TIME."""


class CommitTime(UpdatedOn):
    """When Snowflake committed the row last. Such rows are never late, so there is no lookback."""

    column: Text = Field(
        COMMIT_TIME_COLUMN, description="The column of that moment.", examples=[COMMIT_TIME_COLUMN]
    )
    lookback: Duration = Field(
        Duration("0 minutes"), description="Nothing: no row is late.", examples=["0 minutes"]
    )


def read_commit_time(updated_on: object) -> object:
    if isinstance(updated_on, str):
        if updated_on != COMMIT_TIME:
            raise ValueError(
                f"updated_on is {shown(updated_on)}. Write commit_time, or the keys of a column such as"
                " {column: UPDATED_AT}."
            )
        return CommitTime()
    return updated_on
