"""Which windows of an import are done, as spans of consecutive windows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from clevertap_import.mapping.definition_digest import is_comparable


@dataclass(frozen=True, slots=True)
class DoneSpan:
    """The windows from `first` to before `end`, in epoch seconds, and the digest of the definition.

    `read_at`: when the run of the last window began to read, in epoch seconds.
    """

    first: int
    end: int
    digest: str
    read_at: int = 0


def renewed(spans: Iterable[DoneSpan], read_from: int, done: DoneSpan) -> list[DoneSpan]:
    """`spans` after a run of the windows of `done` that also read the windows since `read_from` again.

    A window of the lookback that was not done before is not done after it either.
    """
    found = []
    for span in spans:
        found += [cut(span, span.first, read_from), cut(span, done.end, span.end)]
        found.append(replace(cut(span, read_from, done.first), digest=done.digest))
    return merged([*found, done], done.read_at)


def cut(span: DoneSpan, first: int, end: int) -> DoneSpan:
    """The part of `span` within these bounds; an empty span (`first` not before `end`) if there is none."""
    return replace(span, first=max(span.first, first), end=min(span.end, end))


def merged(spans: Iterable[DoneSpan], now: int) -> list[DoneSpan]:
    """The same windows in as few spans as possible, in order, without empty spans.

    Windows that were read before `now` are merged, whenever they were read. Windows whose `read_at` is in the
    future (by a clock that is ahead) stay separate, so that other windows do not count as unread with them.
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
    """Whether both were read at the same time, or both before `now`."""
    return one.read_at == other.read_at or max(one.read_at, other.read_at) < now


def changed_windows(spans: Sequence[DoneSpan], digest: str, start: int, window_seconds: int) -> int:
    """How many windows since `start` were done with another definition than that of `digest`."""
    seconds = sum(
        max(0, span.end - max(span.first, start))
        for span in spans
        if span.digest != digest and is_comparable(span.digest)
    )
    return seconds // window_seconds
