"""What a page of HTML has: its elements, with their attributes and texts."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = ("meta", "br", "img", "path", "link", "input")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """That of the elements in it too."""
        return " ".join("".join(self.texts).split())


class Page(HTMLParser):
    """`elements`: all, in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.feed(text)
        assert [each.tag for each in self.open] == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = Element(tag, dict(attrs))
        self.elements.append(found)
        if tag not in VOID:
            self.open.append(found)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open[-1].tag == tag, f"{tag} is closed in {self.open[-1].tag}"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        for each in self.open:
            each.texts.append(data)

    def texts(self, tag: str) -> list[str]:
        return [each.text for each in self.elements if each.tag == tag]

    def table(self, label: str) -> list[dict[str, str]]:
        """The lines of the table in the region of that name, by the words in its head."""
        lines: list[list[str]] = []
        start = next(
            at for at, each in enumerate(self.elements) if each.attributes.get("aria-label") == label
        )
        heads: list[str] = []
        for each in self.elements[start + 2 :]:
            if each.tag == "table":
                break
            if each.tag == "th":
                heads.append(each.text)
            if each.tag == "tr":
                lines.append([])
            if each.tag == "td":
                lines[-1].append(each.text)
        return [dict(zip(heads, line, strict=True)) for line in lines if len(line) == len(heads)]
