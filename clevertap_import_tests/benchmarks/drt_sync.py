"""drt with its REST destination in batch mode, reading from DuckDB, as its own command runs it; pacing off.

Dates become CleverTap's in the query, which is drt's place for such things; the body is a template.
"""

import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

from .clevertap_body import RECORDS_PER_REQUEST
from .process import Measured, Watch, client_arguments
from .rows import IDENTITY_COLUMN, PROPERTIES, Rows

TABLE = "customers"
AS_CLEVERTAP = {
    **{name: f"'$D_' || floor(epoch({name}))::bigint" for name in ("BORN_ON", "SIGNED_UP_AT", "SEEN_AT")},
    # drt would write a decimal as text, and NaN as NaN.
    "BALANCE": "BALANCE::double",
    "SCORE": "case when isnan(SCORE) then null else SCORE end",
}
QUERY = f"select {IDENTITY_COLUMN}, " + ", ".join(
    f"{AS_CLEVERTAP.get(column, column)} as {column}" for column in PROPERTIES
)
BODY = """\
{%- set names = NAMES -%}
{"d":[
{%- for row in rows -%}
  {"identity":{{ row.IDENTITY | tojson_safe }},"type":"profile","profileData":{
  {%- for column, name in names.items() if row[column] is not none -%}
    {{ name | tojson_safe }}:{{ row[column] | tojson_safe }}{{ "" if loop.last else "," }}
  {%- endfor -%}
  }}{{ "" if loop.last else "," }}
{%- endfor -%}
]}"""
PROJECT = {"name": "benchmark", "version": "0.1", "profile": "local"}


def sync(url: str, batch_size: int) -> dict[str, object]:
    return {
        "name": "customers",
        "model": f"{QUERY} from {TABLE}",
        "destination": {
            "type": "rest_api",
            "url": f"{url}/1/upload",
            "method": "POST",
            "headers": {"Content-Type": "application/json"},
            "body_mode": "batch",
            "batch_template": BODY.replace("NAMES", json.dumps(PROPERTIES)).replace(
                "IDENTITY", IDENTITY_COLUMN
            ),
            "max_records_per_request": RECORDS_PER_REQUEST,
        },
        "sync": {
            "mode": "full",
            "batch_size": batch_size,
            "rate_limit": {"requests_per_second": 0},
            "on_error": "fail",
        },
    }


def prepare(home: Path, rows: Rows, url: str, batch_size: int) -> None:
    """A drt project, the profile that it names, and the DuckDB file to read. JSON is YAML, too."""
    import duckdb
    import pyarrow as pa

    database = home / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.register("chunks", pa.RecordBatchReader.from_batches(rows.ring[0].schema, rows))
        connection.execute(f"create table {TABLE} as select * from chunks")
    contents = {
        ".drt/profiles.yml": {"local": {"type": "duckdb", "database": str(database)}},
        "drt_project.yml": PROJECT,
        "syncs/customers.yml": sync(url, batch_size),
    }
    for name, content in contents.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(json.dumps(content))


def run(rows: Rows) -> Measured:
    """Run the project in the working directory; drt's own count is what it says it sent."""
    from drt.cli.main import app  # type: ignore[import-not-found]

    output = io.StringIO()
    watch = Watch()
    with contextlib.redirect_stdout(output):
        app(["run", "--output", "json"], standalone_mode=False)
    sent = json.loads(output.getvalue())["syncs"][0]["rows_synced"]
    return watch.stopped(rows.count, sent)


def main(batch_size: int = RECORDS_PER_REQUEST) -> None:
    arguments = client_arguments(__doc__)
    rows = Rows(arguments.rows)
    with tempfile.TemporaryDirectory(prefix="clevertap-import-benchmark-") as folder:
        prepare(Path(folder), rows, arguments.url, batch_size)
        os.environ |= {"HOME": folder, "DO_NOT_TRACK": "1"}
        with contextlib.chdir(folder):
            result = run(rows)
    sys.stdout.write(result.as_json() + "\n")


if __name__ == "__main__":
    main()
