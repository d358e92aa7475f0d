"""The usual script, to compare with: pandas rows as dicts, json, requests in 15 threads.

It has no checks and no journal.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from .clevertap_body import RECORDS_PER_REQUEST, THREADS, Encode, as_json, post
from .process import Measured, Watch, client_arguments
from .rows import Rows


def encoded(body: object) -> bytes:
    return json.dumps(body, default=as_json).encode()


def run(rows: Rows, url: str, encode: Encode) -> Measured:
    watch = Watch()
    dicts = pa.Table.from_batches(rows).to_pandas().to_dict("records")
    batches = [dicts[at : at + RECORDS_PER_REQUEST] for at in range(0, len(dicts), RECORDS_PER_REQUEST)]
    with ThreadPoolExecutor(THREADS) as pool:
        accepted = sum(pool.map(lambda batch: post(url, batch, encode), batches))
    return watch.stopped(len(dicts), accepted, without=rows)


def main(encode: Encode = encoded) -> None:
    arguments = client_arguments(__doc__)
    sys.stdout.write(run(Rows(arguments.rows), arguments.url, encode).as_json() + "\n")


if __name__ == "__main__":
    main()
