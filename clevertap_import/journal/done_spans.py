"""Which windows of an import are done, as spans of windows that follow each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from clevertap_import.mapping.definition_digest import is_comparable


@dataclass(frozen=True, slots=True)
class DoneSpan:
    """The windows from `first` until before `end`, in epoch seconds, and the digest of the definition.

    `read_at`: when the run that did the last of them began to read, in epoch seconds.
    """

    first: int
    end: int
    digest: str
    read_at: int = 0


def renewed(spans: Iterable[DoneSpan], read_from: int, done: DoneSpan) -> list[DoneSpan]:
    """`spans` after a run that did the windows of `done`, and read those since `read_from` once more.

    Windows of the lookback that were not done are not done by it.
    """
    found = []
    for span in spans:
        found += [cut(span, span.first, read_from), cut(span, done.end, span.end)]
        found.append(replace(cut(span, read_from, done.first), digest=done.digest))
    return merged([*found, done], done.read_at)


def cut(span: DoneSpan, first: int, end: int) -> DoneSpan:
    """What of `span` lies within these bounds; empty (`first` not before `end`) if nothing does."""
    return replace(span, first=max(span.first, first), end=min(span.end, end))


def merged(spans: Iterable[DoneSpan], now: int) -> list[DoneSpan]:
    """The same windows in as few spans as can be, in order; empty ones are left out.

    What was read before `now` goes together, whenever it was. What a clock that runs ahead has read stays by
    itself, so that the rest is not taken for unread with it.
    """
    result: list[DoneSpan] = []
    for span in sorted((each for each in spans if each.first < each.end), key=lambda each: each.first):
        last = result[-1] if result else None
        if last and last.end == span.first and last.digest == span.digest and alike(last, span, now):
            result[-1] = replace(last, end=span.end, read_at=max(last.read_at, span.read_at))
        else:
            result.append(span)
    return result


def alike(one: DoneSpan, other: DoneSpan, now: int) -> bool:
    """Whether both were read at one time, or both before `now`."""
    return one.read_at == other.read_at or max(one.read_at, other.read_at) < now


def changed_windows(spans: Sequence[DoneSpan], digest: str, start: int, window_seconds: int) -> int:
    """How many windows since `start` were done under another definition than that of `digest`."""
    seconds = sum(
        max(0, span.end - max(span.first, start))
        for span in spans
        if span.digest != digest and is_comparable(span.digest)
    )
    return seconds // window_seconds
