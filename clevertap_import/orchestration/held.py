"""Batches whose answers are not known, for people who find out what became of them."""

from collections.abc import Sequence
from typing import Any

from clevertap_import.io.journal import Held
from clevertap_import.io.leases import holders, import_resource
from clevertap_import.orchestration.partitions import grid
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.stats import moment
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.errors import Unfinished

Line = dict[str, Any]


class RunUnderWay(Unfinished):
    """A run of the import is at work; what it has sent is not known yet."""


def held_batches(config: ImportConfig, run_id: str, batch_number: int | None) -> list[Line]:
    """A line for each: of runs whose ids begin with `run_id`, and of one batch number, if one is given."""
    with open_journal() as journal:
        return [
            line(config, held)
            for held in journal.held(config.nickname)
            if held.run_id.startswith(run_id) and batch_number in (None, held.batch_number)
        ]


def settle_batches(config: ImportConfig, lines: Sequence[Line], *, arrived: bool) -> None:
    """Enter what a person found out about the batches of `lines`. Raises RunUnderWay."""
    with open_journal() as journal:
        for purpose in holders(journal.engine, import_resource(config.nickname)):
            raise RunUnderWay(
                f"{purpose} is under way, and settles its own batches. Nothing was changed; wait for its end."
            )
        for each in lines:
            journal.settle_held(config.nickname, each["run_id"], each["batch_number"], arrived=arrived)


def line(config: ImportConfig, held: Held) -> Line:
    """Windows of imports that have any, as ISO 8601."""
    windows: Line = {"window_start": None, "window_end": None}
    if config.updated_on:
        windows["window_start"] = moment(held.first_window)
        windows["window_end"] = moment(held.last_window + grid(config).size_seconds)
    sent_at = held.sent_at.isoformat(timespec="seconds")
    counts = {"run_id": held.run_id, "batch_number": held.batch_number, "records": held.records}
    return {**counts, "sent_at": sent_at, **windows}
