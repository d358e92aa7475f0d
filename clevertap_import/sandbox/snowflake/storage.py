"""The databases of the local Snowflake: one DuckDB file each in one folder, shared by all sessions."""

from contextlib import suppress
from pathlib import Path
from typing import TypedDict, Unpack

from fakesnow import macros
from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.instance import FakeSnow
from fakesnow.transforms import stage

from clevertap_import.sandbox.snowflake.results import RecentResults, ResultSpool, SpoolingConnection

# DuckDB spills to disk above this.
DUCKDB_MEMORY = "160MB"
# The catalog for SQL that names none.
NO_DATABASE = "memory"


class _Settings(TypedDict, total=False):
    nop_regexes: list[str] | None
    autocommit: bool


def keep_staged_files(folder: Path) -> None:
    """Put staged files into `folder`, instead of fakesnow's temporary folder, which it never removes."""
    with suppress(OSError):
        Path(stage.LOCAL_BUCKET_PATH).rmdir()
    stage.LOCAL_BUCKET_PATH = str(folder)


class SharedStorage:
    """Replaces fakesnow's shared FakeSnow, whose databases are lost when the process ends."""

    def __init__(self, folder: Path, spool: ResultSpool) -> None:
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        keep_staged_files(folder / "stages")
        self._folder = folder
        self._spool = spool
        self._results = RecentResults()
        self._engine = FakeSnow(db_path=folder).duck_conn
        self._engine.execute(f"SET GLOBAL memory_limit = '{DUCKDB_MEMORY}'")
        self._engine.execute(f"SET GLOBAL temp_directory = '{folder / 'spill'}'")
        self._shut_in(folder)
        # fakesnow has its functions in each database; sessions without a database need them too.
        self._engine.execute(macros.creation_sql(NO_DATABASE))
        for database in sorted(folder.glob("*.db")):
            self._open(database.stem, None, create_database=True).close()

    def connect(
        self,
        database: str | None = None,
        schema: str | None = None,
        nop_regexes: list[str] | None = None,
        autocommit: bool = True,
    ) -> FakeSnowflakeConnection:
        """As in Snowflake, a session may name a database that does not exist, and creates none."""
        session = self._open(database, schema, nop_regexes=nop_regexes, autocommit=autocommit)
        session.database = session.database if session.database_set else None
        session._schema = session.schema if session.schema_set else None
        return session

    def _shut_in(self, folder: Path) -> None:
        """No query reads or writes files elsewhere, or loads an extension; DuckDB cannot undo these settings.

        Otherwise everyone who may log in could read the files of the user of this process.
        """
        ours = str(folder).replace("'", "''")
        self._engine.execute(f"SET GLOBAL allowed_directories = ['{ours}/']")
        self._engine.execute("SET GLOBAL enable_external_access = false")

    def close(self) -> None:
        self._engine.close()

    def _open(
        self,
        database: str | None,
        schema: str | None,
        create_database: bool = False,
        **settings: Unpack[_Settings],
    ) -> FakeSnowflakeConnection:
        return FakeSnowflakeConnection(
            SpoolingConnection(self._engine.cursor(), self._spool),
            self._results,
            database,
            schema,
            create_database=create_database,
            create_schema=False,
            db_path=self._folder,
            **settings,
        )
