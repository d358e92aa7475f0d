"""Limits of a YAML file: aliases and merge keys can turn a few lines into millions of values."""

from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where it is there, is ten times faster

MOST_BYTES = 1_000_000
"""Of a file of imports. One with 256 properties takes 30 kB."""

MOST_VALUES = 20_000
"""Of a document, with the repetitions of aliases and merge keys. One with 256 properties has 4,000."""

MOST_DOCUMENTS = 1_000
"""The most imports in a file."""

MOST_LEVELS = 50
"""Of blocks and brackets within each other. libyaml ends the process at some ten thousand."""


class TooMuch(yaml.YAMLError):
    """A YAML text beyond the limits. `line` is where it exceeds them."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class Extent(NamedTuple):
    """The number of values, and of levels of blocks."""

    values: int
    levels: int


SCALAR = Extent(1, 0)


@dataclass(slots=True)
class _Document:
    """The open blocks of a document from the outermost, their names, and the extents of what has a name."""

    blocks: list[Extent] = field(default_factory=lambda: [Extent(0, 0)])
    names: list[str | None] = field(default_factory=lambda: [None])
    named: dict[str, Extent] = field(default_factory=dict)

    def enter(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.CollectionStartEvent():
                self.blocks.append(Extent(1, 1))
                self.names.append(event.anchor)
                self.check_levels(0, line)
            case yaml.CollectionEndEvent():
                self.add(self.names.pop(), self.blocks.pop(), line)
            case yaml.ScalarEvent():
                self.add(event.anchor, SCALAR, line)
            case yaml.AliasEvent():
                if event.anchor in self.names:
                    raise TooMuch(line, f"*{event.anchor} is inside the block that it repeats. Remove it.")
                repeated = self.named.get(event.anchor or "", SCALAR)
                self.check_levels(repeated.levels, line)
                self.add(None, repeated, line)

    def check_levels(self, more: int, line: int) -> None:
        if len(self.blocks) - 1 + more > MOST_LEVELS:
            raise TooMuch(line, f"Blocks or brackets are nested more than {MOST_LEVELS} levels deep.")

    def add(self, name: str | None, extent: Extent, line: int) -> None:
        if name:
            self.named[name] = extent
        around = self.blocks[-1]
        values = around.values + extent.values
        if values > MOST_VALUES:
            raise TooMuch(
                line,
                f"Up to here the document has more than {MOST_VALUES:,} values; this includes"
                " what aliases (*) and merge keys (<<) repeat. Repeat less, or make several imports of it.",
            )
        self.blocks[-1] = Extent(values, max(around.levels, extent.levels + 1))


def check_bounds(text: str) -> None:
    """Raises TooMuch at the first line where a document goes beyond the bounds.

    It ignores text that is no YAML: the next reader reports it.
    """
    document, documents = _Document(), 0
    try:
        for event in yaml.parse(text, Loader):
            if isinstance(event, yaml.DocumentStartEvent):
                document, documents = _Document(), documents + 1
                if documents > MOST_DOCUMENTS:
                    raise TooMuch(
                        event.start_mark.line + 1 if event.start_mark else 1,
                        f"The file has more than {MOST_DOCUMENTS:,} documents. Make several files of it.",
                    )
            document.enter(event)
    except TooMuch:
        raise
    except yaml.YAMLError:
        return
