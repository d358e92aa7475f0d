"""Imports user profiles and events from Snowflake to CleverTap, as Dagster assets.

import clevertap_import as ct

ct.imports()                    all imports, with status and health
ct.check()                      what is wrong with them
ct.preview("customers")         a few rows, and the records that they become
ct.dry_run("customers")         the checks of a run; sends nothing
ct.run("customers")             imports now
ct.runs("customers")            the runs of an import
ct.rejected_rows("customers")   the rows that were not imported, and why
ct.write_report("report.html")  a page with the state of all imports, and plots
ct.trace("customers", "42")     the row of one person, and what became of it

Tables are pandas frames. Errors are a `CleverTapImportError`: `ConfigError`, `SourceError`, `RefusedError` or
`Unfinished`.
"""

import importlib
import typing

from clevertap_import.errors import (
    CleverTapImportError,
    ConfigError,
    RefusedError,
    SourceError,
    Unfinished,
)

if typing.TYPE_CHECKING:
    from clevertap_import.api import (
        check,
        dry_run,
        imports,
        preview,
        rejected_rows,
        run,
        runs,
        trace,
        write_report,
    )

__all__ = [
    "CleverTapImportError",
    "ConfigError",
    "RefusedError",
    "SourceError",
    "Unfinished",
    "check",
    "dry_run",
    "imports",
    "preview",
    "rejected_rows",
    "run",
    "runs",
    "trace",
    "write_report",
]

__version__ = "0.1.0"


if not typing.TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """A function of `api.py`, which is imported for the first one: it needs Dagster, 2 seconds."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
