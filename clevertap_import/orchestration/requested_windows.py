"""The windows that the tags of a run request. A run without windows, or with wrong ones, is refused."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError
from clevertap_import.orchestration.partitions import (
    FIRST_TAG,
    KEY_FORMATS,
    LAST_TAG,
    PARTITION_TAG,
    grid,
    tagged_range,
)
from clevertap_import.window import GRIDS, Window

CLOCKS_DIFFER = timedelta(minutes=5)
"""The clock of the machine that requested a window may be ahead of the clock of the machine of the run."""

NOTHING_READ = "Nothing was read, and nothing was sent."


class WindowsRefused(ConfigError):
    """The requested windows do not exist; nothing was read, and nothing was sent."""


def requested_window(
    config: ImportConfig, tags: Mapping[str, str], now: datetime, *, delivers: bool
) -> Window | None:
    """The windows of a run with these tags; None for a full import, and for a dry run of a sample.

    Raises WindowsRefused if the import has no such windows at `now`, or if a delivery names none.
    """
    if config.updated_on is None:
        return None
    keys = tagged_range(tags)
    if keys is None:
        if delivers or any(tag in tags for tag in (FIRST_TAG, LAST_TAG)):
            raise WindowsRefused(no_windows(config))
        return None
    first, last = window_start(config, keys.first), window_start(config, keys.last)
    if last < first:
        raise WindowsRefused(
            f"The run asks for the windows of {config.nickname!r} from {keys.first} to {keys.last}:"
            f" the range is reversed. {NOTHING_READ} Give the earlier window first ({FIRST_TAG})."
        )
    if last > last_allowed(config, now):
        raise WindowsRefused(
            f"The run asks for the window {keys.last} of {config.nickname!r}, which has not begun."
            f" The last one is {key_of(config, grid(config).floor(now))}. {NOTHING_READ}"
        )
    return grid(config).window(first, last + grid(config).size)


def no_windows(config: ImportConfig) -> str:
    return (
        f"The run names no windows, and {config.nickname!r} has windows ({config.window}). {NOTHING_READ}"
        f" Choose partitions in the UI; or give the run the tag {PARTITION_TAG}, or both {FIRST_TAG} and"
        f" {LAST_TAG}; or take all windows that are not done: clevertap-import run {config.nickname}"
    )


def window_start(config: ImportConfig, key: str) -> datetime:
    """The start of the window with this partition key. Raises WindowsRefused if there is none."""
    start, first = read_key(key, config.window), grid(config).start
    if start is None:
        changed = next((name for name in GRIDS if read_key(key, name)), None)
        reason = (
            f"its windows are of {config.window!r} now, and this key is of {changed!r}. `window` was changed"
            " after the run was asked for; the next run takes all windows that are not done"
            if changed
            else f"its keys look like {key_of(config, first)}"
        )
        raise WindowsRefused(
            f"The run asks for the window {key!r} of {config.nickname!r}, which does not exist: {reason}."
            f" {NOTHING_READ}"
        )
    if start < first:
        raise WindowsRefused(
            f"The run asks for the window {key} of {config.nickname!r}, and its first is"
            f" {key_of(config, first)} (`start`), which also takes all older rows. {NOTHING_READ}"
        )
    return start


def read_key(key: str, window: str) -> datetime | None:
    """When the window with this key begins; None if no window of this length has such a key."""
    try:
        start = datetime.strptime(key, KEY_FORMATS[window]).replace(tzinfo=UTC)
    except ValueError:
        return None
    is_on_grid = not (start - datetime.min.replace(tzinfo=UTC)) % GRIDS[window]
    return start if is_on_grid and start.strftime(KEY_FORMATS[window]) == key else None


def key_of(config: ImportConfig, start: datetime) -> str:
    return start.strftime(KEY_FORMATS[config.window])


def last_allowed(config: ImportConfig, now: datetime) -> datetime:
    """The last moment at which a window may begin. Dagster offers the first window one window early."""
    first = grid(config).start
    return first if now < first <= now + grid(config).size else now + CLOCKS_DIFFER
