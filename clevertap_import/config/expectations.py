"""What monitoring expects of an import. All of it has defaults, so that nobody has to write it."""

from pydantic import Field

from clevertap_import.config.field_types import Duration, Percent
from clevertap_import.config.strict_model import Strict


class ExpectedRows(Strict):
    """How many rows a run reads."""

    min: int = Field(
        0,
        ge=0,
        description="A run that reads fewer rows shows as a problem of the import.",
        examples=[1],
    )


class Expect(Strict):
    """What an import is to reach; monitoring shows an import that does not, and alerts."""

    within: Duration | None = Field(
        None,
        description="The import is late if its last successful run ended longer ago than this. Without it, "
        "an import with a schedule is late if no successful run follows a moment at which it was due, within "
        "half an interval (at least 30 minutes, at most 6 hours). A paused import is never late.",
        examples=["2 hours"],
    )
    health: Percent = Field(
        100,
        description="The health in percent below which the import shows as degraded.",
        examples=[95],
    )
    rows: ExpectedRows = Field(
        ExpectedRows(),
        description="How many rows a run is expected to read.",
        examples=[{"min": 1}],
    )
