"""The journal's database: its tables, and a connection to SQLite or PostgreSQL that has them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from clevertap_import.errors import ConfigError, Unfinished
from clevertap_import.journal.digest_key import CIPHERS, Digests, KeyPlace, key_place, sqlite_file, sqlite_url
from clevertap_import.journal.new_connections import synchronous, write_ahead
from clevertap_import.private_files import OUR_FOLDER, private_database

METADATA = sa.MetaData()
ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

DELIVERY = sa.Table(
    "delivery",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("import_name", sa.String(100), nullable=False),
    sa.Column("run_id", sa.String(64), nullable=False),
    sa.Column("batch_number", sa.Integer, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("first_window", sa.BigInteger, nullable=False),
    sa.Column("last_window", sa.BigInteger, nullable=False),
    sa.Column("digests", Digests, nullable=False),
    sa.Column("identity_digests", Digests, nullable=False),
    sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("answered_at", sa.DateTime(timezone=True)),
    sa.Column("destination", sa.String(32), nullable=False, server_default=""),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("window_offsets", sa.LargeBinary),
    sa.Index("delivery_by_window", "import_name", "last_window", "first_window"),
    sa.Index("delivery_by_run", "run_id"),
)
"""One batch, in flight or answered. Windows are epoch seconds; a digest has 16 bytes for each record.

`destination` is the account and its address; `epoch` is that of a forced run, or 0. `window_offsets`: the
window of each record, as seconds after `first_window` in 4 bytes; null for one window, or if unknown.
"""

EPOCH = sa.Table(
    "epoch",
    METADATA,
    sa.Column("import_name", sa.String(100), primary_key=True),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("destination", sa.String(32), nullable=False),
    sa.Column("root_run_id", sa.String(64), nullable=False),
    sa.Column("first_window", sa.BigInteger),
    sa.Column("last_window", sa.BigInteger, nullable=False),
    sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
)
"""A forced run: earlier deliveries in its windows do not count. No first window: all windows until the last.

`id` has no sequence: after a failover a run writes its epoch again, with the number that its entries have.
"""

FORGOTTEN = sa.Table(
    "forgotten",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("import_name", sa.String(100), nullable=False),
    sa.Column("first_window", sa.BigInteger, nullable=False),
    sa.Column("last_window", sa.BigInteger, nullable=False),
    sa.Column("destination", sa.String(32), nullable=False, server_default=""),
    sa.Index("forgotten_by_window", "import_name", "last_window", "first_window"),
)
"""Windows whose digests were removed after their retention."""

SCOPE = sa.Table(
    "scope",
    METADATA,
    sa.Column("import_name", sa.String(100), primary_key=True),
    sa.Column("window_seconds", sa.Integer, nullable=False),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("account", sa.String(32), nullable=False),
    sa.Column("destination", sa.String(32), nullable=False, server_default=""),
    sa.Column("definition_digest", sa.String(40), nullable=False, server_default=""),
    sa.Column("source_digests", sa.Text, nullable=False, server_default=""),
)
"""For which grid of windows and which account the digests of an import are valid.

The definition and the sources are those of the last delivery: they identify the import if its nickname
changes.
"""

DONE_WINDOWS = sa.Table(
    "done_windows",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("import_name", sa.String(100), nullable=False),
    sa.Column("window_seconds", sa.Integer, nullable=False),
    sa.Column("first_window", sa.BigInteger, nullable=False),
    sa.Column("end_window", sa.BigInteger, nullable=False),
    sa.Column("definition_digest", sa.String(40), nullable=False),
    sa.Column("destination", sa.String(32), nullable=False, server_default=""),
    sa.Column("read_at", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index("done_windows_by_import", "import_name"),
)
"""Which windows of an import are done: a row for each span of consecutive windows.

The definition is the one with which their rows were sent; they were read at `read_at`, in epoch seconds.
"""

IMPORT_STATE = sa.Table(
    "import_state",
    METADATA,
    sa.Column("import_name", sa.String(100), primary_key=True),
    sa.Column("deliveries", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("reports_until", sa.Double),
    sa.Column("doubted_until", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("ended", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lacks_until", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("doubted_at", sa.Double),
)
"""`deliveries`: how many runs of the import have begun to send. It only grows, which shows an older copy.

`ended`: the number of the last run that has stored all that it sent.

`reports_until`: until when, in epoch seconds, done_windows contains what people reported to Dagster; null if
nothing was copied from Dagster yet. `doubted_until`: the last delivery in the journal when it was found to be
an older copy, at `doubted_at`: CleverTap may have newer contents of its profiles, and may store requests that
the copy lacks for an hour after that. `lacks_until`: events of runs up to that number may be missing here,
and nobody has accepted that; or 0.
"""

SHOWN_BATCHES = sa.Table(
    "shown_batches",
    METADATA,
    sa.Column("import_name", sa.String(100), primary_key=True),
    sa.Column("last_delivery", sa.BigInteger, nullable=False),
)
"""The last delivery whose unanswered batches a person has seen."""

PARTICIPANT = sa.Table(
    "participant",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("resource", sa.String(150), nullable=False),
    sa.Column("lock", sa.String(50), nullable=False, unique=True),
    sa.Column("wanted", sa.Integer, nullable=False),
    sa.Column("purpose", sa.String(200), nullable=False),
    sa.Index("participant_by_resource", "resource"),
)
"""The processes that use, or wait for, a limited resource; see `journal/participants.py`."""

LAST_HOLDER = sa.Table(
    "last_holder",
    METADATA,
    sa.Column("lock", sa.String(150), primary_key=True),
    sa.Column("participant", sa.String(50), nullable=False),
)
"""Who had an import lock last. The row stays after that run; see `journal/import_lock.py`."""

JOURNAL_KEY = sa.Table("journal_key", METADATA, sa.Column("check_value", sa.String(64), nullable=False))
"""One row, by which the key of the digests is recognized; see `journal/digest_key.py`."""

NEWEST_STEP = "0003"
VERSION = sa.Table("clevertap_import_version", sa.MetaData(), sa.Column("version_num", sa.String(32)))
"""Where Alembic stores the version of the database."""

ADVISORY_LOCK = 6_317_482_001
"""Any number: PostgreSQL lets one process at a time hold the lock of this name."""

SQLITE_BUSY_SECONDS = 30
"""How long to wait for another process that writes; a URL may say otherwise (`?timeout=5`)."""

CONNECT_SECONDS = 15
"""How long to wait for an answer of PostgreSQL. Monitoring connects twice within the minute that it has."""


class JournalUnavailable(Unfinished):
    """The journal's database cannot be read or written. `is_final`: a retry does not help."""

    is_final = False


class JournalReplaced(JournalUnavailable):
    """The journal's file was deleted or replaced."""

    is_final = True


@contextmanager
def translated() -> Iterator[None]:
    """The one place where SQLAlchemy's exceptions become ours, without parameters, which contain digests.

    Also errors of the disk, and of a driver that is not installed.
    """
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError, ImportError) as error:
        origin = getattr(error, "orig", None) or (error if isinstance(error, OSError | ImportError) else None)
        cause = " ".join(str(origin or type(error).__name__).split()).rstrip(".")
        raise JournalUnavailable(
            f"The journal cannot be used: {cause}. Nothing more is sent without it."
            " Repair its database (CLEVERTAP_IMPORT_JOURNAL_URL), and run again."
        ) from None


def default_url(home: Path) -> str:
    """A SQLite file below Dagster's home."""
    return str(sqlite_url(home / OUR_FOLDER / "journal.db"))


def read_url(url: str | sa.URL) -> sa.URL:
    """Raises ConfigError if SQLAlchemy knows no such database. The error does not show the URL."""
    try:
        parsed = sa.make_url(url)
        parsed.get_dialect()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError):
        raise ConfigError(
            "CLEVERTAP_IMPORT_JOURNAL_URL names no database that SQLAlchemy knows. Write it as"
            " sqlite:////folder/journal.db or postgresql+psycopg://user:password@host/database, or leave it"
            " out for a file below DAGSTER_HOME."
        ) from None
    return parsed


def open_database(
    url: str | sa.URL, key_folder: Path | None = None, environment: Mapping[str, str] = os.environ
) -> sa.Engine:
    """The database at `url` with all its tables. Raises ConfigError or JournalUnavailable.

    `key_folder`: where the key is if the database is not a file and no environment variable has the key.
    """
    parsed = read_url(url)
    file = sqlite_file(parsed)
    with translated():
        if file and "mode" not in parsed.query:
            private_database(file)
        # With pool_pre_ping, a connection that PostgreSQL has closed is replaced.
        engine = sa.create_engine(parsed, pool_pre_ping=True, connect_args=patience(parsed))
        sa.event.listen(engine, "connect", write_ahead)
        sa.event.listen(engine, "connect", synchronous)
        try:
            key = key_place(parsed, key_folder, environment)
            if step(engine) != NEWEST_STEP:
                migrate(engine, key)
            take_key(engine, key)
        except BaseException:
            engine.dispose()
            raise
        if file and file.is_file():
            sa.event.listen(engine, "begin", StillThere(file))
    return engine


def take_key(engine: sa.Engine, place: KeyPlace) -> None:
    """Give `engine` the key of its digests. Raises JournalKeyWrong."""
    with engine.connect() as connection:
        check = connection.execute(sa.select(JOURNAL_KEY.c.check_value)).scalar_one()
    CIPHERS[engine.dialect] = place.matching(check)


def patience(url: sa.URL) -> dict[str, str | int]:
    """Timeouts for locks and connections, as driver settings, unless the URL has them.

    Without them a frozen process, or one without network, keeps PostgreSQL's locks for hours.
    """
    settings: dict[str, str | int] = {}
    if url.get_backend_name() == "sqlite":
        settings = {"timeout": SQLITE_BUSY_SECONDS}
    elif url.get_driver_name() in ("psycopg", "psycopg2"):
        limits = {"lock_timeout": "30s", "idle_in_transaction_session_timeout": "15s"}
        settings = {
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
            "connect_timeout": CONNECT_SECONDS,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "tcp_user_timeout": 20_000,
        }
    return {name: value for name, value in settings.items() if name not in url.query}


class StillThere:
    """Refuses transactions if the file was deleted or replaced: SQLite would continue in the old one."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.identity = identity_of(file)

    def __call__(self, _: sa.Connection) -> None:
        if identity_of(self.file) != self.identity:
            raise JournalReplaced(
                f"The journal {self.file} was deleted or replaced while it was in use. Nothing more is sent"
                " without it. If you have it elsewhere, put it back before the next run. Otherwise the next"
                " run sends everything again."
            )


def identity_of(file: Path) -> tuple[int, int] | None:
    with suppress(FileNotFoundError):
        found = file.stat()
        return found.st_dev, found.st_ino
    return None


def step(engine: sa.Engine) -> str | None:
    """The version of the database; None if it is empty. Raises JournalUnavailable for an unknown version."""
    with engine.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        found = connection.scalar(sa.select(VERSION.c.version_num)) if VERSION.name in tables else None
    if DELIVERY.name in tables and (found is None or JOURNAL_KEY.name not in tables):
        raise JournalUnavailable(
            "The journal's database is from before the first release, and this version cannot read it."
            " Nothing in it was changed. Move it away, or name another (CLEVERTAP_IMPORT_JOURNAL_URL)."
            " With a new journal all rows count as new: events are stored twice."
        )
    if found and found > NEWEST_STEP:
        raise JournalUnavailable(
            f"The journal's database is at step {found}, and this version of clevertap_import knows none"
            f" after {NEWEST_STEP}. Install the version that wrote it, or a later one."
        )
    return found


def migrate(engine: sa.Engine, key: KeyPlace) -> None:
    """Bring the tables to the newest step, all or nothing; one process does it, the others wait."""
    # Alembic is slow to import, and nearly every database is at the newest step.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "clevertap_import.journal:migrations")
    with alone(engine) as connection:
        config.attributes["connection"] = connection
        config.attributes["key"] = key
        command.upgrade(config, "head")


@contextmanager
def alone(engine: sa.Engine, lock: int = ADVISORY_LOCK) -> Iterator[sa.Connection]:
    """A transaction that only one process at a time can begin. `lock`: whom PostgreSQL lets wait."""
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
            yield connection
        return
    # Python's driver would commit before each statement that makes a table.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("begin immediate")
        try:
            yield connection
        except BaseException:
            connection.exec_driver_sql("rollback")
            raise
        connection.exec_driver_sql("commit")
