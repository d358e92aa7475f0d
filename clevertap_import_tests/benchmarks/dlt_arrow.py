"""dlt fed with Arrow: parquet files in place of typed-jsonl; rows become dicts in the destination."""

from .dlt_rows import main

if __name__ == "__main__":
    main("parquet", lambda chunk: chunk)
