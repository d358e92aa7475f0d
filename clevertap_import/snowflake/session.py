"""Snowflake: one login, one query, its result as Arrow batches that are never held whole."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from clevertap_import.config.env_files import check_one_source, here
from clevertap_import.errors import (
    CleverTapImportError,
    ConfigError,
    QueryFailed,
    SourceLoginRefused,
    WarehouseUnavailable,
)
from clevertap_import.snowflake.account_name import account_and_host
from clevertap_import.snowflake.columns import source_columns
from clevertap_import.snowflake.late_rows import NO_ROW_TIMESTAMPS
from clevertap_import.snowflake.logout import leave
from clevertap_import.snowflake.no_netrc import leave_netrc_alone
from clevertap_import.snowflake.private_key import with_readable_key
from clevertap_import.snowflake.result_links import hide_links, without_links
from clevertap_import.snowflake.results import arrow_batches
from clevertap_import.snowflake.retries import retry_pauses
from clevertap_import.snowflake.session_parameters import NEEDED, check_kept, session_parameters
from clevertap_import.snowflake.user_sql import quoted
from clevertap_import.snowflake.window_query import ROW_COMMIT_TIME, SourceColumn
from clevertap_import.this_machine import is_this_machine
from clevertap_import.threads import apart

if TYPE_CHECKING:
    from snowflake.connector import DatabaseError, SnowflakeConnection
    from snowflake.connector.cursor import SnowflakeCursor

SECRET_KEYS = ("private_key", "private_key_path", "private_key_passphrase", "password")
ADDRESS_KEYS = ("host", "port", "protocol")
"""The account is none of these: it leads to Snowflake's own hosts, whatever it is."""

OPTIONAL_KEYS = (*SECRET_KEYS, "role", "warehouse", "database", "schema", *ADDRESS_KEYS)
LOGIN_SECONDS = 60
NETWORK_SECONDS = 600
"""How long one request may go without a usable answer, however often it is tried again."""

QUERY_SECONDS = 6 * 3600
"""Of a first import. The connector cancels a query, and would after NETWORK_SECONDS if not told."""

LONGEST_TEXT = 2_000
"""Of Snowflake's words that are shown: its errors repeat names and SQL, of any length."""

DATA_ERRORS = range(100000, 101000)
"""Snowflake's error numbers for values that do not fit; their texts hold the value."""

VALUE_SHOWN = re.compile(r"""['"{\[].*['"}\]]|(?<=value )[+-]?[0-9][^\s,]*""")
"""From the first quote or bracket to the last, as the value may hold such marks itself; or a bare number."""

NO_OBJECT = (
    "Check the name, and that the role has USAGE on its database and schema, and SELECT if it is a table."
)
SESSION_ENDED = range(390104, 390116)
"""Snowflake's error numbers for a session that has ended, if a login went well before."""

REMEDIES = {
    606: "Name a warehouse for the connection, and grant the role USAGE on it.",
    904: "Check the spelling: no such column is there. Names in double quotes are taken letter by letter.",
    1003: "Mend the SQL there.",
    2003: NO_OBJECT,
    2043: NO_OBJECT,
    3001: "Grant the role what is missing.",
    90105: "Write the table with its database and schema, or name both for the connection.",
}
"""What to do, by Snowflake's error number."""


@dataclass(frozen=True, slots=True)
class SnowflakeSettings:
    """A connection: who logs in where. Exactly one of the secrets is used, the key before the password."""

    account: str
    user: str
    private_key: str | None = field(default=None, repr=False)
    private_key_path: str | None = field(default=None, repr=False)
    private_key_passphrase: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    role: str | None = None
    warehouse: str | None = None
    database: str | None = None
    schema: str | None = None
    host: str | None = None
    port: str | None = None
    protocol: str | None = None


def snowflake_settings(name: str, environment: Mapping[str, str]) -> SnowflakeSettings:
    """The connection called `name`, from the variables that begin with its name in capitals."""
    prefix = name.upper()
    given = {
        key: environment[f"{prefix}_{key.upper()}"]
        for key in OPTIONAL_KEYS
        if environment.get(f"{prefix}_{key.upper()}")
    }
    missing = [f"{prefix}_{key}" for key in ("ACCOUNT", "USER") if not environment.get(f"{prefix}_{key}")]
    if not {"private_key", "private_key_path", "password"} & given.keys():
        missing.append(f"{prefix}_PRIVATE_KEY_PATH (or {prefix}_PRIVATE_KEY, or {prefix}_PASSWORD)")
    if missing:
        raise ConfigError(f"Snowflake connection {name!r} needs {' and '.join(missing)} in the environment.")
    account, host = account_and_host(f"{prefix}_ACCOUNT", environment[f"{prefix}_ACCOUNT"])
    if host:
        given.setdefault("host", host)
    check_server(prefix, given)
    addresses, secrets = ([f"{prefix}_{key.upper()}" for key in keys] for keys in (ADDRESS_KEYS, SECRET_KEYS))
    check_one_source(environment, addresses, secrets, here())
    return SnowflakeSettings(account, environment[f"{prefix}_USER"], **given)


def check_server(prefix: str, given: Mapping[str, str]) -> None:
    """Raises ConfigError if host, port or protocol cannot be one; the connector would fail deep inside."""
    host = given.get("host", "localhost")
    if not re.fullmatch(r"[\w.-]+|\[[0-9A-Fa-f:]+\]", host):
        raise ConfigError(f"{prefix}_HOST is {host!r}. Write a host's name or address alone.")
    port, protocol = given.get("port", "443"), given.get("protocol", "https")
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 1 << 16:
        raise ConfigError(f"{prefix}_PORT is {port!r}. Write a number from 1 to 65535.")
    if protocol not in ("http", "https"):
        raise ConfigError(f"{prefix}_PROTOCOL is {protocol!r}. Write https, or leave it out.")
    if protocol == "http" and not is_this_machine(given.get("host", "")):
        raise ConfigError(
            f"{prefix}_PROTOCOL is 'http': login and rows would go through the network for all to read. Write"
            f" https, or leave it out. Only with a {prefix}_HOST on this machine (localhost, 127.0.0.1) http"
            " will do."
        )


def resource_arguments(
    settings: SnowflakeSettings, query_tag: str, retry_seconds: float = NETWORK_SECONDS
) -> dict[str, Any]:
    """The settings as dagster_snowflake's resource takes them."""
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
            # Exact decimals: doubles would be off in the last place.
            "arrow_number_to_decimal": True,
            # The connector would ask the hosts of three clouds where it runs, for seconds where none answers.
            "platform_detection_timeout_seconds": 0.0,
            # A request of a query would be tried again for as long as the query itself may take.
            "backoff_policy": retry_pauses(retry_seconds),
        },
    }


@contextmanager
def open_snowflake(
    settings: SnowflakeSettings, query_tag: str, retry_seconds: float = NETWORK_SECONDS
) -> Iterator["Snowflake"]:
    """Log in, and log out whatever happens.

    A request that gets no usable answer is made again for `retry_seconds`.

    Raises ConfigError, SourceLoginRefused, SessionUnusable or WarehouseUnavailable.
    """
    settings = with_readable_key(settings)
    # Here and not above: it costs seconds and 200 MB, which only a run that reads should pay.
    from dagster_snowflake import SnowflakeResource

    hide_links()
    leave_netrc_alone()
    with translated("log in"):
        resource = SnowflakeResource(**resource_arguments(settings, query_tag, retry_seconds))
        # Entered by hand: the resource closes the session only if nothing is raised.
        session = resource.get_connection()
        connection = apart(session.__enter__)
    snowflake = Snowflake(connection)
    try:
        check_kept(shown_parameters(connection))
        yield snowflake
    except (Exception, GeneratorExit):
        apart(connection.close)
        raise
    except BaseException:
        leave(connection, snowflake.end_query)
        raise
    else:
        apart(connection.close)


def shown_parameters(connection: "SnowflakeConnection") -> dict[str, str]:
    """The parameters of the session as Snowflake keeps them. It needs no warehouse.

    A limit of rows would cut their list too. So what is missing is asked for by its name: no limit cuts that.
    """

    def asked() -> dict[str, str]:
        with connection.cursor() as cursor:
            shown = parameters_shown(cursor, "show parameters in session")
            for name in NEEDED:
                if name not in shown:
                    shown |= parameters_shown(cursor, f"show parameters like '{name}' in session")
        return shown

    with translated("show the session's parameters"):
        return apart(asked)


def parameters_shown(cursor: "SnowflakeCursor", sql: str) -> dict[str, str]:
    cursor.execute(sql)
    return {str(row[0]): str(row[1]) for row in cursor.fetchall()}


class Snowflake:
    """An open session.

    The connector is called in threads of their own: it would keep an interrupted process until it has its
    answer, and take Ctrl-C to itself.
    """

    def __init__(self, connection: "SnowflakeConnection") -> None:
        self._connection = connection
        self.end_query: Callable[[], object] | None = None
        """The query that is under way."""

        self.query_id: str | None = None
        self.rows_expected: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the session lives, as far as the connector knows without asking."""
        return not self._connection.is_closed() and not self._connection.expired

    def describe(self, sql: str) -> tuple[SourceColumn, ...]:
        """The columns that `sql` would return, without running it."""
        with translated("describe the query"):
            return apart(lambda: source_columns(self._connection, sql))

    def now(self) -> datetime:
        """Snowflake's own clock."""
        with translated("tell the time"), self._connection.cursor() as cursor:
            apart(lambda: cursor.execute("select current_timestamp() as MOMENT"))
            moments = [moment for batch in arrow_batches(cursor) for moment in batch.column(0).to_pylist()]
        if len(moments) != 1 or not isinstance(moments[0], datetime):
            raise WarehouseUnavailable("Snowflake could not tell the time. Run again later.")
        return moments[0].astimezone(UTC)

    def use(self, kind: str, name: str) -> None:
        """Take the role, warehouse, database or schema `name`. Raises QueryFailed if the user may not."""
        if kind not in ("role", "warehouse", "database", "schema"):
            raise ValueError(kind)
        with translated(f"use the {kind} {name}"), self._connection.cursor() as cursor:
            apart(lambda: cursor.execute(f"use {kind} {identifier(name)}"))

    def batches(self, sql: str, names: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """Run `sql` and stream its result, which has the columns `names`; a few chunks are fetched ahead.

        Raises ResultIncomplete at the first rows that are not those which Snowflake announced.
        """
        with translated("run the query"), self._connection.cursor() as cursor:
            self.end_query = lambda: self._connection._cancel_query(sql, cursor._request_id)
            apart(lambda: cursor.execute(sql, timeout=QUERY_SECONDS))
            self.end_query = None
            self.query_id = cursor.sfqid
            self.rows_expected = cursor.rowcount
            yield from arrow_batches(cursor, names)


def identifier(name: str) -> str:
    """A name as the connector takes it at login: plain names in any case, all others quoted."""
    return name if re.fullmatch(r'[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"]|"")+"', name) else quoted(name)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """The one place where the connector's exceptions become ours."""
    from snowflake.connector import errors

    try:
        yield
    except errors.ForbiddenError as error:
        if doing == "log in":
            raise SourceLoginRefused(f"Snowflake refused to {doing}: {told(error)}") from None
        raise WarehouseUnavailable(
            f"Snowflake could not {doing}: {told(error)} Its results are fetched from cloud storage, by links"
            " that expire: a firewall must let them through. Run again later."
        ) from None
    except errors.DatabaseError as error:
        raise database_error(doing, error) from None
    except (errors.Error, OSError) as error:
        raise WarehouseUnavailable(f"Snowflake could not {doing}: {told(error)} Run again later.") from None
    except CleverTapImportError:
        raise
    except Exception as error:
        raise QueryFailed(unreadable(doing, error)) from None


def database_error(doing: str, error: "DatabaseError") -> Exception:
    """What a DatabaseError means for the reader, by its class and number."""
    from snowflake.connector import errors

    if isinstance(error, errors.OperationalError):
        return WarehouseUnavailable(f"Snowflake could not {doing}: {told(error)} Run again later.")
    if doing == "log in":
        return SourceLoginRefused(f"Snowflake refused to {doing}: {told(error)}")
    if getattr(error, "errno", None) in SESSION_ENDED:
        return WarehouseUnavailable(f"Snowflake could not {doing}: {told(error)} Run again: it logs in anew.")
    remedy = REMEDIES.get(getattr(error, "errno", None) or 0, "")
    if ROW_COMMIT_TIME in told(error).upper():
        remedy = NO_ROW_TIMESTAMPS
    return QueryFailed(f"Snowflake could not {doing}: {told(error)} {remedy}".rstrip())


def unreadable(doing: str, error: Exception) -> str:
    """What to do where the connector fails in itself. Its words are left out: they may hold a value."""
    return (
        f"Snowflake could not {doing}: its connector failed on the answer ({type(error).__name__})."
        " Most often a column has a type that the connector cannot read: leave the column out, or cast it in"
        " SQL, such as cast(X as varchar). Else install a newer snowflake-connector-python."
    )


def told(error: BaseException) -> str:
    """Snowflake's own words in one line and with a period, without values of rows and without links."""
    text = " ".join(str(getattr(error, "raw_msg", None) or getattr(error, "msg", None) or error).split())
    text = without_links(text)
    if getattr(error, "errno", None) in DATA_ERRORS:
        text = VALUE_SHOWN.sub("'...'", text)
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}..."
    return text if text.endswith(".") else f"{text}."
