"""Under which definition of an import its windows were done, as spans of windows that follow each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from clevertap_import.pure.definition_digest import is_comparable


@dataclass(frozen=True, slots=True)
class DoneSpan:
    """The windows from `first` until before `end`, in epoch seconds, and the digest of the definition."""

    first: int
    end: int
    digest: str


def renewed(spans: Iterable[DoneSpan], read_from: int, done: DoneSpan) -> list[DoneSpan]:
    """`spans` after a run that did the windows of `done`, and read those since `read_from` once more.

    Windows of the lookback that were not done are not done by it.
    """
    found = []
    for span in spans:
        found += [cut(span, span.first, read_from), cut(span, done.end, span.end)]
        found.append(replace(cut(span, read_from, done.first), digest=done.digest))
    return merged([*(span for span in found if span.first < span.end), done])


def cut(span: DoneSpan, first: int, end: int) -> DoneSpan:
    """What of `span` lies within these bounds; empty (`first` not before `end`) if nothing does."""
    return replace(span, first=max(span.first, first), end=min(span.end, end))


def merged(spans: Iterable[DoneSpan]) -> list[DoneSpan]:
    """The same windows in as few spans as can be, in order; empty ones are left out."""
    result: list[DoneSpan] = []
    for span in sorted((each for each in spans if each.first < each.end), key=lambda each: each.first):
        if result and result[-1].end == span.first and result[-1].digest == span.digest:
            result[-1] = replace(result[-1], end=span.end)
        else:
            result.append(span)
    return result


def changed_windows(spans: Sequence[DoneSpan], digest: str, start: int, window_seconds: int) -> int:
    """How many windows since `start` were done under another definition than that of `digest`."""
    seconds = sum(
        max(0, span.end - max(span.first, start))
        for span in spans
        if span.digest != digest and is_comparable(span.digest)
    )
    return seconds // window_seconds
