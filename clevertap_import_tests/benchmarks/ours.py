"""One full run of the product between the connector and CleverTap, in a process of its own."""

import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from clevertap_import.clevertap.account_limiter import upload_limiter
from clevertap_import.clevertap.batch_sender import BatchSender, RetryPolicy
from clevertap_import.clevertap.client import AccountSettings, CleverTap
from clevertap_import.clevertap.delivery import Deliverer, Delivery, stop_reason
from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.delivered import NothingDelivered
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.tables import default_url
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.records import Rejection
from clevertap_import.report import Report
from clevertap_import.snowflake.window_query import EPOCH_COLUMN, SUPERSEDED_COLUMN
from clevertap_import.staging.stage import Stage, StageCounts, Stager
from clevertap_import.staging.window_counts import WindowCounts
from clevertap_import.window import GRIDS, Grid, Window

from .process import Measured, Watch, client_arguments
from .rows import IDENTITY_COLUMN, PROPERTIES, START, Rows

CONFIG = ImportConfig.model_validate(
    {
        "nickname": "benchmark",
        "source": {"kind": "table", "table": "SHOP.PUBLIC.CUSTOMERS"},
        "target": {
            "kind": "profiles",
            "identity": {"column": IDENTITY_COLUMN},
            "properties": [{"column": column, "property": name} for column, name in PROPERTIES.items()],
        },
    }
)
GRID = Grid(GRIDS["hour"], START)
SECONDS_A_DAY = 86_400


def as_queried(chunk: pa.RecordBatch) -> pa.RecordBatch:
    """`chunk` with the columns that the query of a run adds; it was updated in the course of a day."""
    dice = np.random.default_rng(chunk.num_rows)
    seconds = int(START.timestamp()) + np.sort(dice.integers(0, SECONDS_A_DAY, chunk.num_rows))
    chunk = chunk.append_column(EPOCH_COLUMN, pa.array(seconds))
    return chunk.append_column(SUPERSEDED_COLUMN, pa.array(np.zeros(chunk.num_rows, np.int8)))


def ignored(_: Sequence[Rejection] | StageCounts | Delivery) -> None:
    """Rejections and progress are counted by the run itself."""


def filled(stage: Stage, mapper: Mapper, chunks: Iterable[pa.RecordBatch]) -> None:
    windows = WindowCounts(GRID, Window(START, START + timedelta(days=1)))
    Stager(mapper, GRID, NothingDelivered(), ignored, ignored, windows=windows).fill(stage, chunks)


def deliver(stage: Stage, url: str, home: Path) -> Delivery:
    client = CleverTap(AccountSettings(url, "benchmark", "benchmark"))
    most = client.settings.max_in_flight
    with (
        Journal(default_url(home)) as journal,
        open_locks(journal.engine) as locks,
        upload_limiter(locks, client.settings, most, "Benchmark") as limiter,
    ):
        sender = BatchSender(limiter.upload(client.post), RetryPolicy(), resends=None)
        deliverer = Deliverer(
            journal, sender, CONFIG.nickname, "run", lambda: limiter.width, most, ignored, ignored
        )
        delivery = deliverer.deliver(stage.batches())
    if stopped := stop_reason(delivery):
        raise stopped
    return delivery


def run(fill: Callable[[Stage], None], url: str, rows: Rows | None = None) -> Measured:
    """Stage what `fill` gets, deliver it to `url`, and check that every row is accounted for."""
    watch = Watch()
    with tempfile.TemporaryDirectory(prefix="clevertap-import-benchmark-") as home, Stage() as stage:
        fill(stage)
        delivery = deliver(stage, url, Path(home))
        counts = stage.counts
    report = Report(
        read=counts.read,
        accepted=delivery.accepted,
        unchanged=counts.unchanged,
        invalid=counts.invalid,
        rejected=delivery.rejected,
        uncertain=delivery.uncertain,
        superseded=counts.superseded,
    ).checked()
    return watch.stopped(report.read, report.accepted, report.invalid, without=rows)


def main() -> None:
    arguments = client_arguments(__doc__)
    rows = Rows(arguments.rows, finished=as_queried)

    def fill(stage: Stage) -> None:
        filled(stage, Mapper(CONFIG, run_seconds=int(START.timestamp())), rows)

    sys.stdout.write(run(fill, arguments.url, rows).as_json() + "\n")


if __name__ == "__main__":
    main()
