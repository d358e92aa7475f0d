"""dlt with a destination of one's own, fed with rows: typed-jsonl files, batches of 1,000, 15 workers.

What its pages on performance advise is done: pages of rows, many files, no compression.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pyarrow as pa

from .clevertap_body import RECORDS_PER_REQUEST, THREADS, post
from .fast_json import encoded
from .process import Measured, Watch, client_arguments
from .rows import Rows

SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "LOAD__WORKERS": str(THREADS),
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}
MAX_ROWS_PER_FILE = 5_000

Page = Any
"""Rows as dlt takes them: a list of dicts, or an Arrow batch."""


def run(
    rows: Rows, url: str, files: Literal["typed-jsonl", "parquet"], page: Callable[[pa.RecordBatch], Page]
) -> Measured:
    """Load all `rows`, each slice of them handed over as `page` makes it."""
    import dlt  # type: ignore[import-not-found]

    size = rows_per_file(rows.count)
    taken: list[int] = []

    def send(items: Page, _: object) -> None:
        taken.append(post(url, items if isinstance(items, list) else items.to_pylist(), encoded))

    def customers() -> Iterator[Page]:
        for chunk in rows:
            yield from (page(chunk.slice(at, size)) for at in range(0, len(chunk), size))

    watch = Watch()
    clevertap = dlt.destination(
        send, batch_size=RECORDS_PER_REQUEST, loader_file_format=files, name="clevertap"
    )
    pipeline = dlt.pipeline("benchmark", destination=clevertap(), progress=None)
    pipeline.run(dlt.resource(customers, name="customers")).raise_on_failed_jobs()
    return watch.stopped(rows.count, sum(taken), without=rows)


def rows_per_file(rows: int) -> int:
    """A file is a job that sends one batch after the other: two for each worker keep all of them busy."""
    return max(RECORDS_PER_REQUEST, min(MAX_ROWS_PER_FILE, rows // (2 * THREADS)))


def main(
    files: Literal["typed-jsonl", "parquet"] = "typed-jsonl",
    page: Callable[[pa.RecordBatch], Page] = pa.RecordBatch.to_pylist,
) -> None:
    arguments = client_arguments(__doc__)
    with tempfile.TemporaryDirectory(prefix="clevertap-import-benchmark-") as home:
        size = str(rows_per_file(arguments.rows))
        sizes = {"DATA_WRITER__FILE_MAX_ITEMS": size, "DATA_WRITER__BUFFER_MAX_ITEMS": size}
        os.environ |= {**SETTINGS, **sizes, "DLT_DATA_DIR": home, "DLT_PROJECT_DIR": home}
        sys.stdout.write(run(Rows(arguments.rows), arguments.url, files, page).as_json() + "\n")


if __name__ == "__main__":
    main()
