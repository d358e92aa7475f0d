"""One full run of the product between the connector and CleverTap, in a process of its own."""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from clevertap_import.io.attempts import Attempts, Patience
from clevertap_import.io.clevertap import AccountSettings, CleverTap
from clevertap_import.io.database import default_url
from clevertap_import.io.deliver import Deliverer, Delivery, stop_reason
from clevertap_import.io.journal import Journal
from clevertap_import.io.stage import Stage, StageCounts, Stager
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.mapping import Mapper
from clevertap_import.pure.past import NoPast
from clevertap_import.pure.records import Rejection
from clevertap_import.pure.report import Report
from clevertap_import.pure.window import GRIDS, Grid

from .counting_server import counted
from .process import CLIENT_CORE, Measured, client_arguments, cpu_seconds, peak_mib, pin_to_core
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


def ignored(_: Sequence[Rejection] | StageCounts | Delivery) -> None:
    """Rejections and progress are counted by the run itself."""


def deliver(stage: Stage, url: str, home: Path) -> Delivery:
    client = CleverTap(AccountSettings(url, "benchmark", "benchmark"))
    attempts = Attempts(client.post, Patience(), may_repeat=True)
    with Journal(default_url(home)) as journal:
        deliverer = Deliverer(
            journal,
            attempts,
            CONFIG.nickname,
            "run",
            lambda: client.settings.max_in_flight,
            client.settings.max_in_flight,
            ignored,
            ignored,
        )
        delivery = deliverer.deliver(stage.batches())
    if stopped := stop_reason(delivery):
        raise stopped
    return delivery


def run(rows: Rows, url: str, home: Path) -> Measured:
    """Stage all `rows`, deliver them to `url`, and check that every row is accounted for."""
    cpu_before, began = cpu_seconds(), time.perf_counter()
    with Stage() as stage:
        mapper = Mapper(CONFIG, run_seconds=int(START.timestamp()))
        Stager(mapper, Grid(GRIDS["hour"], START), NoPast(), ignored, ignored).fill(stage, rows)
        staged = time.perf_counter()
        delivery = deliver(stage, url, home)
        done = time.perf_counter()
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
    return Measured(
        rows=report.read,
        seconds=done - began - rows.seconds,
        stage_seconds=staged - began - rows.seconds,
        deliver_seconds=done - staged,
        cpu_seconds=cpu_seconds() - cpu_before - rows.cpu_seconds,
        peak_mib=peak_mib(),
        accepted=report.accepted,
        invalid=report.invalid,
        server_records=counted(url).records,
    )


def main() -> None:
    arguments = client_arguments(__doc__)
    pin_to_core(CLIENT_CORE)
    with tempfile.TemporaryDirectory(prefix="clevertap-import-benchmark-") as home:
        sys.stdout.write(run(Rows(arguments.rows), arguments.url, Path(home)).as_json() + "\n")


if __name__ == "__main__":
    main()
