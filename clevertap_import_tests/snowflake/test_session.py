"""Snowflake: settings from the environment, a session to a local server, and what its errors become."""

import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from snowflake.connector import cursor, errors

from clevertap_import.errors import (
    CleverTapImportError,
    ConfigError,
    QueryFailed,
    SourceLoginRefused,
    WarehouseUnavailable,
)
from clevertap_import.snowflake.open_session import (
    QUERY_SECONDS,
    database_error,
    error_text,
    identifier,
    resource_arguments,
    translated,
)
from clevertap_import.snowflake.session import (
    NETWORK_SECONDS,
    SnowflakeSettings,
    open_snowflake,
    snowflake_settings,
)
from clevertap_import.snowflake.session_parameters import session_parameters
from clevertap_import.snowflake.window_query import SourceColumn
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

ENVIRONMENT = {"SNOWFLAKE_ACCOUNT": "acme", "SNOWFLAKE_USER": "loader", "SNOWFLAKE_PASSWORD": "secret-1"}
TAG = "clevertap_import:test"


def test_settings_come_from_the_variables_that_begin_with_the_name_in_capitals() -> None:
    environment = {
        "ANALYTICS_ACCOUNT": "acme",
        "ANALYTICS_USER": "loader",
        "ANALYTICS_PRIVATE_KEY_PATH": "/key.p8",
        "ANALYTICS_WAREHOUSE": "WH",
        "ANALYTICS_ROLE": "",
        "SNOWFLAKE_DATABASE": "of another",
    }
    assert snowflake_settings("analytics", environment) == SnowflakeSettings(
        "acme", "loader", private_key_path="/key.p8", warehouse="WH"
    )


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"SNOWFLAKE_USER": "u", "SNOWFLAKE_PASSWORD": "p"}, "SNOWFLAKE_ACCOUNT"),
        (
            {},
            "SNOWFLAKE_ACCOUNT and SNOWFLAKE_USER and SNOWFLAKE_PRIVATE_KEY_PATH"
            " (or SNOWFLAKE_PRIVATE_KEY, or SNOWFLAKE_PASSWORD)",
        ),
        (
            {"SNOWFLAKE_ACCOUNT": "a", "SNOWFLAKE_USER": "u", "SNOWFLAKE_PASSWORD": ""},
            "SNOWFLAKE_PRIVATE_KEY_PATH (or SNOWFLAKE_PRIVATE_KEY, or SNOWFLAKE_PASSWORD)",
        ),
    ],
)
def test_all_that_is_missing_is_named_at_once(environment: dict[str, str], missing: str) -> None:
    with pytest.raises(ConfigError) as caught:
        snowflake_settings("snowflake", environment)
    assert str(caught.value) == f"Snowflake connection 'snowflake' needs {missing} in the environment."


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("PORT", value) for value in ("abc", "-1", "0", "65536", "4 3", "٤٤٣")),
        *(("HOST", value) for value in ("a b", "[::1", "https://acme", "acme:443", "me@acme", "acme/x")),
        ("PROTOCOL", "ftp"),
    ],
)
def test_a_server_that_cannot_be_one_is_named_by_its_variable(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(f'SNOWFLAKE_{variable} is {value!r}. Write ')}"):
        snowflake_settings("snowflake", ENVIRONMENT | {f"SNOWFLAKE_{variable}": value})


@pytest.mark.parametrize("host", ["acme-x_1.snowflakecomputing.com", "127.0.0.1", "[::1]"])
def test_a_server_is_a_name_or_an_address(host: str) -> None:
    assert snowflake_settings("snowflake", ENVIRONMENT | {"SNOWFLAKE_HOST": host}).host == host


def test_no_secret_is_shown() -> None:
    secrets = dict.fromkeys(
        ("private_key", "private_key_path", "private_key_passphrase", "password"), "secret-1"
    )
    settings = SnowflakeSettings("acme", "loader", **secrets)
    assert "secret-1" not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    ("given", "secret"),
    [
        ({"password": "p"}, {"password": "p"}),
        ({"private_key_path": "f", "password": "p"}, {"private_key_path": "f"}),
        ({"private_key": "k", "private_key_path": "f", "password": "p"}, {"private_key": "k"}),
        (
            {"private_key_path": "f", "private_key_passphrase": "x"},
            {"private_key_path": "f", "private_key_password": "x"},
        ),
        ({"password": "p", "private_key_passphrase": "x"}, {"password": "p"}),
    ],
)
def test_exactly_one_secret_is_used_the_key_before_the_password(
    given: dict[str, str], secret: dict[str, str]
) -> None:
    arguments = resource_arguments(SnowflakeSettings("acme", "loader", **given), TAG)
    names = ("private_key", "private_key_path", "private_key_password", "password")
    assert {name: arguments[name] for name in names if name in arguments} == secret


def test_every_session_reads_with_pinned_parameters_and_exact_decimals() -> None:
    settings = snowflake_settings("snowflake", ENVIRONMENT | {"SNOWFLAKE_PORT": "1", "SNOWFLAKE_HOST": "h"})
    arguments = resource_arguments(settings, TAG)["additional_snowflake_connection_args"]
    assert next(arguments.pop("backoff_policy")()) == 0
    assert arguments == {
        "host": "h",
        "port": "1",
        "session_parameters": session_parameters(TAG),
        "arrow_number_to_decimal": True,
        "platform_detection_timeout_seconds": 0.0,
    }


# What each exception of the connector becomes, while logging in and while running the query.
TRANSLATIONS: list[tuple[Callable[[], Exception], type[Exception], type[Exception]]] = [
    (lambda: errors.ForbiddenError(msg="no"), SourceLoginRefused, WarehouseUnavailable),
    (lambda: errors.DatabaseError(msg="no"), SourceLoginRefused, QueryFailed),
    (lambda: errors.ProgrammingError(msg="no"), SourceLoginRefused, QueryFailed),
    (lambda: errors.DataError(msg="no"), SourceLoginRefused, QueryFailed),
    (lambda: errors.OperationalError(msg="no"), WarehouseUnavailable, WarehouseUnavailable),
    (lambda: errors.InterfaceError(msg="no"), WarehouseUnavailable, WarehouseUnavailable),
    (lambda: ConnectionResetError("no"), WarehouseUnavailable, WarehouseUnavailable),
    (lambda: TimeoutError("no"), WarehouseUnavailable, WarehouseUnavailable),
]


@pytest.mark.parametrize(("make", "at_login", "in_query"), TRANSLATIONS)
def test_each_kind_of_the_connectors_errors_has_its_counterpart(
    make: Callable[[], Exception], at_login: type[Exception], in_query: type[Exception]
) -> None:
    for doing, expected in (("log in", at_login), ("run the query", in_query)):
        with pytest.raises(CleverTapImportError) as caught, translated(doing):
            raise make()
        assert type(caught.value) is expected
        assert str(caught.value).startswith(
            f"Snowflake {'refused to' if 'refused' in str(caught.value) else 'could not'}"
        )
        assert caught.value.__suppress_context__


CONNECTOR_ERRORS = sorted(
    (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Error)),
    key=str,
)


@pytest.mark.parametrize("kind", CONNECTOR_ERRORS)
@pytest.mark.parametrize("doing", ["log in", "run the query"])
def test_no_exception_of_the_connector_is_forgotten(kind: type[Exception], doing: str) -> None:
    # Their constructors differ; of each only its class matters here.
    bare = type(
        kind.__name__, (kind,), {"__init__": lambda self: None, "__str__": lambda self: "no", "msg": "no"}
    )
    with pytest.raises(CleverTapImportError), translated(doing):
        raise bare()


def test_a_result_that_may_not_be_fetched_is_no_refused_login() -> None:
    with pytest.raises(WarehouseUnavailable) as caught, translated("run the query"):
        raise errors.ForbiddenError(msg="HTTP 403: Forbidden")
    assert str(caught.value) == (
        "Snowflake could not run the query: HTTP 403: Forbidden. Its results are fetched from cloud storage,"
        " by links that expire: a firewall must let them through. Run again later."
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Numeric value 'alice@example.com' is not recognized", "Numeric value '...' is not recognized"),
        ("Date 'Alice's day' is not recognized", "Date '...' is not recognized"),
        ("Out of range: type FIXED[SB4](9,0){nullable}, value 9198123456", "FIXED'...', value '...'."),
        ('Failed to cast variant value "alice" to FIXED', "Failed to cast variant value '...' to FIXED"),
        (
            'Failed to cast variant value { "a": "alice" } to DATE',
            "Failed to cast variant value '...' to DATE",
        ),
    ],
)
def test_values_of_rows_are_left_out_of_data_errors(said: str, shown: str) -> None:
    message = str(database_error("run the query", errors.ProgrammingError(msg=said, errno=100038)))
    assert shown in message
    assert "alice" not in message.lower()


def test_words_of_snowflake_are_one_line_that_ends_in_a_period() -> None:
    assert error_text(
        errors.ProgrammingError(msg="SQL compilation error:\n  no table T", errno=2003)
    ).endswith("SQL compilation error: no table T.")


@pytest.fixture
def settings(local_snowflake: LocalSnowflake, fresh_database: str) -> SnowflakeSettings:
    return snowflake_settings("snowflake", local_snowflake.environment(fresh_database))


def fill(server: LocalSnowflake, settings: SnowflakeSettings, *statements: str) -> None:
    with server.connect(database=settings.database, schema="PUBLIC") as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def test_a_query_is_described_and_streamed(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    fill(
        local_snowflake,
        settings,
        "create table T (ID number(38, 0), NAME text, PRICE number(10, 2), AT_NTZ timestamp_ntz, DAY date)",
        "insert into T values (1, 'a', 1.10, '2026-11-01 00:00:00.123', '2026-11-01')",
    )
    with open_snowflake(settings, TAG) as snowflake:
        assert snowflake.describe("select * from T") == (
            SourceColumn("ID", "FIXED", 0),
            SourceColumn("NAME", "TEXT"),
            SourceColumn("PRICE", "FIXED", 2),
            SourceColumn("AT_NTZ", "TIMESTAMP_NTZ", 9),
            SourceColumn("DAY", "DATE"),
        )
        (batch,) = snowflake.batches("select * from T")
        assert (snowflake.rows_expected, bool(snowflake.query_id)) == (1, True)
    assert isinstance(batch, pa.RecordBatch)
    assert [str(value) for value in batch.to_pylist()[0].values()] == [
        "1",
        "a",
        "1.10",
        "2026-11-01 00:00:00.123000",
        "2026-11-01",
    ]


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("LOADER", "LOADER"),
        ("loader$1", "loader$1"),
        ('"my role"', '"my role"'),
        ('"a""b"', '"a""b"'),
        ("my role", '"my role"'),
        ("x; drop role y", '"x; drop role y"'),
        ('"a"; drop role "b"', '"""a""; drop role ""b"""'),
    ],
)
def test_a_name_of_the_environment_is_one_identifier(name: str, taken: str) -> None:
    assert identifier(name) == taken


def test_snowflake_says_its_own_time(settings: SnowflakeSettings) -> None:
    before = datetime.now(UTC)
    with open_snowflake(settings, TAG) as snowflake:
        assert before <= snowflake.now() <= datetime.now(UTC)


def test_the_query_may_take_hours_and_all_else_minutes(
    settings: SnowflakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []

    class Noting(cursor._TrackedQueryCancellationTimer):  # type: ignore[misc]
        """The connector's own, which cancels a query in the end; this one records the time limit."""

        def start(self) -> None:
            limits.append(self.interval)
            super().start()

    monkeypatch.setattr(cursor, "_TrackedQueryCancellationTimer", Noting)
    with open_snowflake(settings, TAG) as snowflake:
        snowflake.now()
        assert list(snowflake.batches("select 1 as X"))
    assert limits == [NETWORK_SECONDS, NETWORK_SECONDS, QUERY_SECONDS]


def test_no_rows_are_no_records(local_snowflake: LocalSnowflake, settings: SnowflakeSettings) -> None:
    fill(local_snowflake, settings, "create table T (ID varchar)")
    with open_snowflake(settings, TAG) as snowflake:
        assert sum(batch.num_rows for batch in snowflake.batches("select * from T")) == 0


@pytest.mark.parametrize(
    ("sql", "word"), [("select * from NO_SUCH_TABLE", "NO_SUCH_TABLE"), ("select NO_SUCH from T", "NO_SUCH")]
)
def test_a_table_or_column_that_is_missing_is_named(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, sql: str, word: str
) -> None:
    fill(local_snowflake, settings, "create table T (ID varchar)")
    with open_snowflake(settings, TAG) as snowflake:
        with pytest.raises(QueryFailed, match=f"^Snowflake could not describe the query: .*{word}"):
            snowflake.describe(sql)
        with pytest.raises(QueryFailed, match=f"^Snowflake could not run the query: .*{word}"):
            list(snowflake.batches(sql))


def test_a_wrong_password_is_refused_and_never_shown(local_snowflake: LocalSnowflake) -> None:
    environment = local_snowflake.environment() | {"SNOWFLAKE_PASSWORD": "secret-1"}
    with (
        pytest.raises(SourceLoginRefused, match=r"^Snowflake refused to log in: ") as caught,
        open_snowflake(snowflake_settings("snowflake", environment), TAG),
    ):
        pass
    assert "secret-1" not in str(caught.value)


def test_a_connection_that_is_refused_is_reported_as_passing(local_snowflake: LocalSnowflake) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with (
            pytest.raises(WarehouseUnavailable, match=r"^Snowflake could not log in: "),
            translated("log in"),
        ):
            local_snowflake.connect(port=port, login_timeout=1)


def test_a_session_is_closed_whatever_happens(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    with pytest.raises(KeyboardInterrupt), open_snowflake(settings, TAG) as snowflake:
        raise KeyboardInterrupt
    with pytest.raises(CleverTapImportError):
        snowflake.describe("select 1")
