"""Why a run cannot continue. The classes are grouped by what the user does next.

    CleverTapImportError
      ConfigError     change the YAML                  ColumnMissing, ColumnTypeUnusable, NotASelect, ...
      SourceError     fix the query or the grants      QueryFailed, SourceLoginRefused
      RefusedError    fix the CleverTap account        PasscodeRefused, BodyRefused
      Unfinished      run again; nothing is lost       CleverTapBusy, AnswerLost, ResultIncomplete, ...

A row that cannot be imported is not an error: it is a `Rejection`, a value.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from clevertap_import.escapes import escaped


class CleverTapImportError(Exception):
    """Any reason why a run cannot continue."""

    def __str__(self) -> str:
        """The message, safe for every reader, also a terminal: errors contain text from strangers."""
        return escaped(super().__str__())


class ConfigError(CleverTapImportError):
    """Change the YAML or the environment. Running again will not help."""


class SourceError(CleverTapImportError):
    """Fix the query, the login or the grants in Snowflake."""


class RefusedError(CleverTapImportError):
    """Fix the CleverTap account: its id, passcode, region or rights."""


class Unfinished(CleverTapImportError):
    """Run again: the journal has the delivered records, and they are not sent twice."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint such as ` Did you mean 'EMAIL'?`, or an empty string if nothing is near."""
    names = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), names, n=1)
    return f" Did you mean {names[near[0]]!r}?" if near else ""


class ColumnMissing(ConfigError):
    """The query does not return a column that the import needs."""

    def __init__(self, column: str, available: Iterable[str]) -> None:
        names = tuple(available)
        super().__init__(
            f"No column {column!r} in the query result.{did_you_mean(column, names)}"
            f" It has {', '.join(names)}."
        )
        self.column = column


class WarehouseUnavailable(Unfinished):
    """Snowflake could not be reached, or the connection was lost midway."""


class ResultIncomplete(Unfinished):
    """Snowflake sent more or fewer rows than it announced."""


class QueryFailed(SourceError):
    """Snowflake refused or could not run the query."""


class SourceLoginRefused(SourceError):
    """Snowflake refused the login."""


class PasscodeRefused(RefusedError):
    """CleverTap answered 401 or 403: the account id, passcode or region is wrong, or a right is missing."""


class BodyRefused(RefusedError):
    """CleverTap refused a whole request as malformed; it stored no record of it."""


class CleverTapBusy(Unfinished):
    """CleverTap answered each try with "too many requests", or with a temporary fault."""


class CleverTapUnavailable(Unfinished):
    """CleverTap could not be reached, or answered only errors."""


class AnswerLost(Unfinished):
    """Requests were sent and had no answer; their records are uncertain."""


class DeliveryEnded(Unfinished):
    """The run was asked to end."""


class EventsWithheld(Unfinished):
    """Events were sent and their answers were lost; the import withholds them until a person settles them."""


class ImportLockLost(Unfinished):
    """PostgreSQL ended the session with the import lock, and another run has had the lock since then."""

    def __init__(self) -> None:
        super().__init__(
            "The import lock was lost, and another run of the import may have taken over."
            " Nothing more is sent. Run again."
        )


class HistoryForgotten(ConfigError):
    """The journal no longer has the delivered events of a window."""


class ScopeChanged(ConfigError):
    """The journal's records of an import are for other windows, or for another account."""


class RenamedTwice(ConfigError):
    """Both an import and its old nickname have deliveries."""


class JournalLost(ConfigError):
    """Dagster has deliveries that the journal does not have."""
