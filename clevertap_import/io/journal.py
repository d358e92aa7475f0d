"""The journal: what CleverTap has accepted, and what is under way. CleverTap itself cannot be asked.

A row is written before a batch is sent and settled after its answer. Only what CleverTap accepted is entered
as accepted; if the journal cannot be written, the run ends before the next batch is sent.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from clevertap_import.pure.errors import Unfinished
from clevertap_import.pure.past import EventsPast, NoPast, Past, ProfilesPast
from clevertap_import.pure.records import Batch

METADATA = sa.MetaData()
DELIVERY = sa.Table(
    "delivery",
    METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("import_name", sa.String(100), nullable=False),
    sa.Column("run_id", sa.String(64), nullable=False),
    sa.Column("batch_number", sa.Integer, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("first_window", sa.BigInteger, nullable=False),
    sa.Column("last_window", sa.BigInteger, nullable=False),
    sa.Column("digests", sa.LargeBinary, nullable=False),
    sa.Column("identity_digests", sa.LargeBinary, nullable=False),
    sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("answered_at", sa.DateTime(timezone=True)),
    sa.Index("delivery_by_window", "import_name", "last_window", "first_window"),
)

SENDING = "sending"
ANSWERED = "answered"
UNCERTAIN = "uncertain"
RESENT = "resent"


class JournalUnavailable(Unfinished):
    """The journal's database cannot be read or written."""


@contextmanager
def translated() -> Iterator[None]:
    """The one place where SQLAlchemy's exceptions become ours; parameters are left out, they hold digests.

    Also those of the disk, and of a driver that is not installed.
    """
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError, ImportError) as error:
        told = getattr(error, "orig", None) or (error if isinstance(error, OSError | ImportError) else None)
        cause = str(told or type(error).__name__)
        raise JournalUnavailable(
            f"The journal cannot be used: {cause}. Nothing more is sent without it."
            " Mend its database (CLEVERTAP_IMPORT_JOURNAL_URL), and run again."
        ) from None


def default_url(home: Path) -> str:
    """A SQLite file below Dagster's home."""
    return f"sqlite:///{home / 'clevertap_import' / 'journal.db'}"


class Journal:
    """The deliveries of all imports. Used from one thread."""

    def __init__(self, url: str) -> None:
        with translated():
            parsed = sa.make_url(url)
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(parsed)
            sa.event.listen(self._engine, "connect", write_ahead)
            METADATA.create_all(self._engine)
        self._open: sa.Connection | None = None

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def past(self, import_name: str, first_window: int | None, last_window: int, *, is_events: bool) -> Past:
        """What was accepted in these windows (epoch seconds, both included); all that came before if None.

        For profiles also all that was accepted later in any window: the last content of an identity counts.
        """
        with translated(), self._engine.connect() as connection:
            overlapping = (DELIVERY.c.import_name == import_name) & (DELIVERY.c.first_window <= last_window)
            if first_window is not None:
                overlapping &= DELIVERY.c.last_window >= first_window
            if is_events:
                accepted = overlapping & (DELIVERY.c.state == ANSWERED)
                rows = connection.execute(sent(accepted)).all()
                return EventsPast(b"".join(row.digests for row in rows)) if rows else NoPast()
            first = connection.scalar(sa.select(sa.func.min(DELIVERY.c.id)).where(overlapping))
            if first is None:
                return NoPast()
            since = (DELIVERY.c.import_name == import_name) & (DELIVERY.c.id >= first)
            rows = connection.execute(sent(since)).all()
        return ProfilesPast(
            b"".join(row.identity_digests for row in rows), b"".join(map(last_contents, rows))
        )

    def unsettled(self, import_name: str) -> int:
        """How many records were sent whose answers are not known, in batches."""
        lost = (DELIVERY.c.import_name == import_name) & DELIVERY.c.state.in_([SENDING, UNCERTAIN])
        with translated(), self._engine.connect() as connection:
            rows = connection.execute(sa.select(DELIVERY.c.digests).where(lost)).scalars()
            return sum(len(digests) // 16 for digests in rows)

    def close_unsettled(
        self, import_name: str, run_id: str, first_window: int | None, last_window: int
    ) -> None:
        """Answers lost by earlier runs are lost for good once `run_id` delivered the same windows again."""
        lost = (DELIVERY.c.import_name == import_name) & (DELIVERY.c.run_id != run_id)
        lost &= DELIVERY.c.state.in_([SENDING, UNCERTAIN]) & (DELIVERY.c.last_window <= last_window)
        if first_window is not None:
            lost &= DELIVERY.c.first_window >= first_window
        with translated(), self._engine.begin() as connection:
            connection.execute(DELIVERY.update().where(lost).values(state=RESENT))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commit all entries made within at once, all or none: each commit waits for the disk."""
        with self._writing() as self._open:
            try:
                yield
            finally:
                self._open = None

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """The transaction of `together`, or one of its own."""
        if self._open is not None:
            yield self._open
            return
        with translated(), self._engine.begin() as connection:
            yield connection

    def begin(self, import_name: str, run_id: str, batch: Batch) -> int:
        """Write down that `batch` is about to be sent; returns the delivery's number."""
        first_window, last_window = batch.window_span
        values = {
            "import_name": import_name,
            "run_id": run_id,
            "batch_number": batch.number,
            "state": SENDING,
            "first_window": first_window,
            "last_window": last_window,
            "digests": batch.digests,
            "identity_digests": batch.identity_digests,
            "sent_at": datetime.now(UTC),
        }
        with self._writing() as connection:
            key = connection.execute(DELIVERY.insert().values(values)).inserted_primary_key
        return int(key[0]) if key else 0

    def settle(self, delivery: int, batch: Batch, accepted: Sequence[int], uncertain: Sequence[int]) -> None:
        """Write down which records of `batch` (0-based places) were accepted, and whose answer was lost."""
        taken = batch if len(accepted) == len(batch) else batch.take(accepted)
        answered = {
            "state": ANSWERED,
            "digests": taken.digests,
            "identity_digests": taken.identity_digests,
            "answered_at": datetime.now(UTC),
        }
        with self._writing() as connection:
            if uncertain:
                connection.execute(lost_copy(delivery, batch.take(uncertain)))
            connection.execute(DELIVERY.update().where(DELIVERY.c.id == delivery).values(answered))


def sent(deliveries: sa.ColumnElement[bool]) -> sa.Select[tuple[str, bytes, bytes]]:
    columns = sa.select(DELIVERY.c.state, DELIVERY.c.digests, DELIVERY.c.identity_digests)
    return columns.where(deliveries).order_by(DELIVERY.c.id)


def last_contents(delivery: sa.Row[tuple[str, bytes, bytes]]) -> bytes:
    """The contents that CleverTap holds after `delivery`. Where its answer was lost they equal no content:

    after A was accepted and B lost, CleverTap holds either, so that A too must be sent again.
    """
    contents: bytes = delivery.digests
    return contents if delivery.state == ANSWERED else bytes(len(contents))


def lost_copy(delivery: int, batch: Batch) -> sa.Insert:
    """An entry for the records of a delivery whose answer was lost, beside the entry of those accepted."""
    same = [
        column
        for column in DELIVERY.c
        if column.name not in ("id", "state", "digests", "identity_digests", "answered_at")
    ]
    lost = [sa.literal(UNCERTAIN), sa.literal(batch.digests), sa.literal(batch.identity_digests)]
    names = [column.name for column in same] + ["state", "digests", "identity_digests"]
    return DELIVERY.insert().from_select(names, sa.select(*same, *lost).where(DELIVERY.c.id == delivery))


def write_ahead(connection: object, _: object) -> None:
    """SQLite's write-ahead log: readers do not stop the writer, and a killed process loses nothing."""
    if type(connection).__module__.startswith("sqlite3"):
        connection.execute("pragma journal_mode=wal")  # type: ignore[attr-defined]
        connection.execute("pragma busy_timeout=30000")  # type: ignore[attr-defined]
