"""drt as before, but reading 10,000 rows at a time: it opens a new connection for each such batch."""

from .drt_sync import main

if __name__ == "__main__":
    main(batch_size=10_000)
