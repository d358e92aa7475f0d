"""The environment variables, and what each is for."""

from collections.abc import Iterable

from clevertap_import.alerting.heartbeat import HEARTBEAT_VARIABLE
from clevertap_import.clevertap.client import MAX_IN_FLIGHT, REGION_HOSTS
from clevertap_import.journal.digest_key import KEY_VARIABLE
from clevertap_import.orchestration.alerts import UI_VARIABLE
from clevertap_import.orchestration.forced import ALLOW_VARIABLE
from clevertap_import.orchestration.report_link import REPORT_VARIABLE
from clevertap_import.orchestration.resources import (
    JOURNAL_VARIABLE,
    CleverTapAccount,
    SnowflakeConnection,
    variable,
)
from clevertap_import.orchestration.telemetry import ENDPOINT_VARIABLE
from clevertap_import.project.alerts_file import ADDRESS_VARIABLE
from clevertap_import.project.folder import FOLDER_VARIABLE
from scripts.reference.writing import code, heading, table

SNOWFLAKE = {
    "account": "The account identifier, such as `myorg-myaccount`, or its URL. Required.",
    "user": "Who logs in. Required.",
    "private_key": "The private key itself: PEM, also in one line, or base64. Or its file, or a password.",
    "private_key_path": "A file with the private key: PEM, DER, or base64.",
    "private_key_passphrase": "What opens the private key, if it is encrypted.",
    "password": "A password, for those who still have one.",
    "role": "The role to take; left out, the user's default role.",
    "warehouse": "The warehouse to use; left out, the user's default warehouse.",
    "database": "The database of tables that are written without one.",
    "schema_name": "The schema of tables that are written without one.",
    "host": "A server elsewhere: the sandbox, or a private link.",
    "port": "Its port.",
    "protocol": "`https`, or `http` for a server on this machine.",
}
CLEVERTAP = {
    "account_id": "The project's account id. Required.",
    "passcode": "The project's passcode. Required.",
    "region": f"The project's region: {', '.join(map(code, REGION_HOSTS))}. Left out, `eu1`.",
    "api_url": "An address in place of the region: the sandbox, or a proxy. `http://` only on this machine.",
    "max_in_flight": f"Requests at once, 1 to {MAX_IN_FLIGHT} (left out, {MAX_IN_FLIGHT}).",
}
OTHERS = {
    FOLDER_VARIABLE: "The folder with the imports; left out, `clevertap_import/defs/` of a clone.",
    JOURNAL_VARIABLE: "The journal's database, an SQLAlchemy URL; left out, a file below `DAGSTER_HOME`.",
    KEY_VARIABLE: "The key of the journal's digests, 64 digits of 0-9 and a-f (`openssl rand -hex 32`); left"
    " out, the file `journal.key` beside the journal, or below `DAGSTER_HOME` for a database of a server.",
    ALLOW_VARIABLE: "`1`: runs that Dagster's UI or API launches may be forced; see [security](security.md).",
    ADDRESS_VARIABLE: "The address that gets all alerts if there is no `alerts.yaml`; see"
    " [alerts](alerts.md).",
    HEARTBEAT_VARIABLE: "An address that monitoring calls once a minute, while it works and alerts arrive.",
    UI_VARIABLE: "The address of Dagster's UI, such as `https://dagster.example.com`, for links in alerts.",
    REPORT_VARIABLE: "The web address of the page that `report` writes: the import center links to it.",
    ENDPOINT_VARIABLE: "The OpenTelemetry collector that gets metrics and traces; left out, none does. Other"
    " variables of OpenTelemetry hold too; see [monitoring](monitoring.md#opentelemetry).",
    "DAGSTER_HOME": "Where Dagster keeps its things. Set in the environment of every process, not in `.env`.",
}


def variables() -> Iterable[str]:
    words = (
        "A `.env` file in the current folder is read, and one in the folder of the project around. The name"
        " of a connection or an account in capitals is the prefix: a connection named `analytics` reads"
        " `ANALYTICS_ACCOUNT` and so on. A `.env` that names an address must hold the login for it too."
    )
    yield from heading(2, "Environment variables", words)
    rows = [(variable("snowflake", field), SNOWFLAKE[field]) for field in fields(SnowflakeConnection)]
    rows += [(variable("clevertap", field), CLEVERTAP[field]) for field in fields(CleverTapAccount)]
    yield from table(("variable", "means"), [(code(name), text) for name, text in (*rows, *OTHERS.items())])


def fields(kind: type[SnowflakeConnection] | type[CleverTapAccount]) -> list[str]:
    return [field for field in kind.model_fields if field != "name"]
