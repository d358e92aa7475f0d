"""A Snowflake session: one login, one query, and its result as a stream of Arrow batches.

`session.py` imports this file when a session is opened, and the connector with it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from dagster_snowflake import SnowflakeResource
from snowflake.connector import DatabaseError, SnowflakeConnection, errors
from snowflake.connector.cursor import SnowflakeCursor

from clevertap_import.errors import (
    CleverTapImportError,
    QueryFailed,
    SourceLoginRefused,
    WarehouseUnavailable,
)
from clevertap_import.snowflake.columns import source_columns
from clevertap_import.snowflake.connector_habits import hide_links, ignore_netrc, without_links
from clevertap_import.snowflake.late_rows import NO_ROW_TIMESTAMPS
from clevertap_import.snowflake.private_key import with_readable_key
from clevertap_import.snowflake.results import arrow_batches
from clevertap_import.snowflake.retries import retry_pauses
from clevertap_import.snowflake.session import NETWORK_SECONDS, SnowflakeSettings
from clevertap_import.snowflake.session_parameters import NEEDED, check_parameters, session_parameters
from clevertap_import.snowflake.user_sql import quoted
from clevertap_import.snowflake.window_query import ROW_COMMIT_TIME, SourceColumn
from clevertap_import.threads import DaemonThreads, in_own_thread

LOGIN_SECONDS = 60
QUERY_SECONDS = 6 * 3600
"""The query limit of a first import. Without it the connector would cancel a query after NETWORK_SECONDS."""

LEAVE_SECONDS = 5
"""The time limit for the logout. After it, the run ends without waiting."""

LONGEST_TEXT = 2_000
"""The longest text of Snowflake that is shown. Its errors repeat names and SQL, which may be long."""

DATA_ERRORS = range(100000, 101000)
"""Snowflake's error numbers for values that do not fit. The error texts contain the value."""

VALUE_SHOWN = re.compile(r"""['"{\[].*['"}\]]|(?<=value )[+-]?[0-9][^\s,]*""")
"""From the first quote or bracket to the last, since the value may contain such characters; or a number."""

NO_OBJECT = (
    "Check the name, and that the role has USAGE on its database and schema, and SELECT if it is a table."
)
SESSION_ENDED = range(390104, 390116)
"""Snowflake's error numbers for an ended session, if the login before succeeded."""

REMEDIES = {
    606: "Name a warehouse for the connection, and grant the role USAGE on it.",
    904: "Check the spelling: this column does not exist. Names in double quotes must match in case.",
    1003: "Fix the SQL there.",
    2003: NO_OBJECT,
    2043: NO_OBJECT,
    3001: "Grant the role the missing right.",
    90105: "Write the table with its database and schema, or name both for the connection.",
}
"""The remedy for each of Snowflake's error numbers."""


def resource_arguments(
    settings: SnowflakeSettings, query_tag: str, retry_seconds: float = NETWORK_SECONDS
) -> dict[str, Any]:
    """The settings as arguments of dagster_snowflake's resource."""
    if settings.private_key:
        secret: dict[str, str | None] = {"private_key": settings.private_key}
    elif settings.private_key_path:
        secret = {"private_key_path": settings.private_key_path}
    else:
        secret = {"password": settings.password}
    if settings.private_key_passphrase and "password" not in secret:
        secret["private_key_password"] = settings.private_key_passphrase
    named = {
        key: getattr(settings, key) for key in ("account", "user", "role", "warehouse", "database", "schema")
    }
    server = {"host": settings.host, "protocol": settings.protocol}
    if settings.port:
        server["port"] = settings.port
    return {
        **{key: value for key, value in {**named, **secret}.items() if value is not None},
        "login_timeout": LOGIN_SECONDS,
        "network_timeout": NETWORK_SECONDS,
        "additional_snowflake_connection_args": {
            **{key: value for key, value in server.items() if value is not None},
            "session_parameters": session_parameters(query_tag),
            # Exact decimals: doubles would be wrong in the last digit.
            "arrow_number_to_decimal": True,
            # Otherwise the connector asks the metadata hosts of three clouds, which takes seconds if none
            # answers.
            "platform_detection_timeout_seconds": 0.0,
            # Otherwise a request is retried for as long as the query itself may take.
            "backoff_policy": retry_pauses(retry_seconds),
        },
    }


@contextmanager
def opened(settings: SnowflakeSettings, query_tag: str, retry_seconds: float) -> Iterator["Snowflake"]:
    """See `open_snowflake`."""
    settings = with_readable_key(settings)
    hide_links()
    ignore_netrc()
    with translated("log in"):
        resource = SnowflakeResource(**resource_arguments(settings, query_tag, retry_seconds))
        # Entered by hand: the resource closes the session only if nothing is raised.
        session = resource.get_connection()
        connection = logged_in(session.__enter__)
    snowflake = Snowflake(connection)
    try:
        check_parameters(shown_parameters(connection))
        yield snowflake
    except (Exception, GeneratorExit):
        in_own_thread(connection.close)
        raise
    except BaseException:
        log_out(connection, snowflake.end_query)
        raise
    else:
        in_own_thread(connection.close)


def logged_in(log_in: Callable[[], SnowflakeConnection]) -> SnowflakeConnection:
    """The connection that `log_in` opens. If the run is asked to end before, it is closed once it is open."""
    opened: list[SnowflakeConnection] = []

    def close(_: None) -> None:
        for connection in opened:
            connection.close(retry=False)

    with DaemonThreads(1) as threads:
        try:
            threads.submit(lambda _: opened.append(log_in()), None).result()
        except Exception:
            raise
        except BaseException:
            # In the same thread, and so after the login.
            threads.first_done([threads.submit(close, None)], LEAVE_SECONDS)
            raise
    return opened[0]


def log_out(connection: SnowflakeConnection, end_query: Callable[[], object] | None) -> None:
    """Cancel the active query, which would continue in Snowflake and cost money, and log out.

    For a run that is asked to end. It does not wait for an answer.
    """

    def left(_: None) -> None:
        if end_query:
            with suppress(Exception):
                end_query()
        connection.close(retry=False)

    with DaemonThreads(1) as threads:
        threads.first_done([threads.submit(left, None)], LEAVE_SECONDS)


def shown_parameters(connection: SnowflakeConnection) -> dict[str, str]:
    """The session's actual parameters. This needs no warehouse.

    If a row limit is set, it cuts this list too. So a missing parameter is requested by its own name.
    """

    def asked() -> dict[str, str]:
        with connection.cursor() as cursor:
            shown = parameters_shown(cursor, "show parameters in session")
            for name in NEEDED:
                if name not in shown:
                    shown |= parameters_shown(cursor, f"show parameters like '{name}' in session")
        return shown

    with translated("show the session's parameters"):
        return in_own_thread(asked)


def parameters_shown(cursor: SnowflakeCursor, sql: str) -> dict[str, str]:
    cursor.execute(sql)
    return {str(row[0]): str(row[1]) for row in cursor.fetchall()}


class Snowflake:
    """An open session.

    The connector is called in separate threads: in the main thread it would block an interrupted process
    until Snowflake answers, and would handle Ctrl-C itself.
    """

    def __init__(self, connection: SnowflakeConnection) -> None:
        self._connection = connection
        self.end_query: Callable[[], object] | None = None
        """Cancels the active query."""

        self.query_id: str | None = None
        self.rows_expected: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the session is open, as far as the connector knows without a request."""
        return not self._connection.is_closed() and not self._connection.expired

    def describe(self, sql: str) -> tuple[SourceColumn, ...]:
        """The columns that `sql` would return, without running it."""
        with translated("describe the query"):
            return in_own_thread(lambda: source_columns(self._connection, sql))

    def now(self) -> datetime:
        """Snowflake's own clock."""
        with translated("return its clock"), self._connection.cursor() as cursor:
            in_own_thread(lambda: cursor.execute("select current_timestamp() as MOMENT"))
            moments = [moment for batch in arrow_batches(cursor) for moment in batch.column(0).to_pylist()]
        if len(moments) != 1 or not isinstance(moments[0], datetime):
            raise WarehouseUnavailable("Snowflake could not return its clock. Run again later.")
        return moments[0].astimezone(UTC)

    def use(self, kind: str, name: str) -> None:
        """Use the role, warehouse, database or schema `name`. Raises QueryFailed if the user may not."""
        if kind not in ("role", "warehouse", "database", "schema"):
            raise ValueError(kind)
        with translated(f"use the {kind} {name}"), self._connection.cursor() as cursor:
            in_own_thread(lambda: cursor.execute(f"use {kind} {identifier(name)}"))

    def batches(self, sql: str, names: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """Run `sql` and stream its result, which has the columns `names`; a few parts are fetched ahead.

        Raises ResultIncomplete at the first part whose row count differs from the announced one.
        """
        with translated("run the query"), self._connection.cursor() as cursor:
            self.end_query = lambda: self._connection._cancel_query(sql, cursor._request_id)
            in_own_thread(lambda: cursor.execute(sql, timeout=QUERY_SECONDS))
            self.end_query = None
            self.query_id = cursor.sfqid
            self.rows_expected = cursor.rowcount
            yield from arrow_batches(cursor, names)


def identifier(name: str) -> str:
    """A name as the connector expects it at login: simple names as they are, all others quoted."""
    return name if re.fullmatch(r'[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"]|"")+"', name) else quoted(name)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Translates the connector's exceptions into ours. No other code does this."""
    try:
        yield
    except errors.ForbiddenError as error:
        if doing == "log in":
            raise SourceLoginRefused(f"Snowflake refused to {doing}: {error_text(error)}") from None
        raise WarehouseUnavailable(
            f"Snowflake could not {doing}: {error_text(error)} Its results are fetched from cloud storage, by"
            " links that expire: a firewall must let them through. Run again later."
        ) from None
    except errors.DatabaseError as error:
        raise database_error(doing, error) from None
    except (errors.Error, OSError) as error:
        text = error_text(error)
        raise WarehouseUnavailable(f"Snowflake could not {doing}: {text} Run again later.") from None
    except CleverTapImportError:
        raise
    except Exception as error:
        raise QueryFailed(unreadable(doing, error)) from None


def database_error(doing: str, error: DatabaseError) -> Exception:
    """The exception for a DatabaseError, by its class and number."""
    text = error_text(error)
    if isinstance(error, errors.OperationalError):
        return WarehouseUnavailable(f"Snowflake could not {doing}: {text} Run again later.")
    if doing == "log in":
        return SourceLoginRefused(f"Snowflake refused to {doing}: {text}")
    if getattr(error, "errno", None) in SESSION_ENDED:
        return WarehouseUnavailable(f"Snowflake could not {doing}: {text} Run again; that logs in.")
    remedy = REMEDIES.get(getattr(error, "errno", None) or 0, "")
    if ROW_COMMIT_TIME in text.upper():
        remedy = NO_ROW_TIMESTAMPS
    return QueryFailed(f"Snowflake could not {doing}: {text} {remedy}".rstrip())


def unreadable(doing: str, error: Exception) -> str:
    """The message for an error inside the connector, without the error's text, which may contain a value."""
    return (
        f"Snowflake could not {doing}: its connector failed on the answer ({type(error).__name__})."
        " Most often a column has a type that the connector cannot read: leave the column out, or cast it in"
        " SQL, such as cast(X as varchar). Otherwise install a newer snowflake-connector-python."
    )


def error_text(error: BaseException) -> str:
    """Snowflake's error text on one line, ending in a period, without values of rows and without links."""
    text = " ".join(str(getattr(error, "raw_msg", None) or getattr(error, "msg", None) or error).split())
    text = without_links(text)
    if getattr(error, "errno", None) in DATA_ERRORS:
        text = VALUE_SHOWN.sub("'...'", text)
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}..."
    return text if text.endswith(".") else f"{text}."
