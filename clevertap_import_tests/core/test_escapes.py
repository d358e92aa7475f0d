"""Markdown that shows words letter by letter, by what Markdown itself would make of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from clevertap_import.escapes import as_plain, as_written

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
NASTY = [
    "![x](http://evil.example/pixel.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<http://evil.example>",
    "# Big",
    "- one\n- two",
    "1. one",
    "> quoted",
    "    code",
    "`code` ```x```",
    "**bold** __bold__ ~~gone~~",
    "a | b\n--- | ---\n1 | 2",
    "Title\n=====",
    "Title\n---",
    "[ref]: http://evil.example\n[ref]",
    "&lt;b&gt; \\\\ \\*",
    "+ plus",
]


def made_of(text: str) -> set[str]:
    tokens = READER.parse(as_plain(text))
    return {token.type for block in tokens for token in [block, *(block.children or [])]}


def shown(text: str) -> str:
    return "".join(
        "\n" if token.type.endswith("break") else token.content
        for block in READER.parse(as_plain(text))
        for token in block.children or []
    )


@pytest.mark.parametrize("text", NASTY)
def test_nothing_becomes_more_than_text(text: str) -> None:
    allowed = {"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "text_special"}
    assert made_of(text) <= allowed
    assert shown(text) == re.sub(r"(?m)^ +| +$", "", text)


@given(st.text(st.sampled_from("ab1 .)-+=*_`#<>![]()&;|~:/@w\\\\\n"), min_size=1, max_size=25))
def test_whatever_is_written_stays_text(text: str) -> None:
    more = "link|image|html|code|em_|strong|table|heading|s_|bullet|ordered|hr|blockquote|fence"
    assert not {kind for kind in made_of(text) if re.match(more, kind)}


@given(st.text(st.sampled_from("ab1 .)-+=*_`#<>![]()&;|~:/@w\\\n"), max_size=25))
def test_what_was_written_can_be_read_back(text: str) -> None:
    assert as_written(as_plain(text)) == re.sub(r"(?m)^[ \t]+", "", text)


@pytest.mark.parametrize(
    "address", ["http://evil.example/x", "HTTPS://e.example", "www.evil.example", "a@evil.example"]
)
def test_addresses_are_no_links_by_themselves(address: str) -> None:
    """As GitHub's Markdown, which Dagster's UI reads, makes links of them."""
    assert not re.search(r"(?i)(https?://|www\.)\w|\w@\w", as_plain(f"see {address} now"))


def test_ordinary_words_stay_as_they_are() -> None:
    words = "Loyal customers (daily), from the shop: 3.5 % of all - as of 2026-11-01."
    assert as_plain(words) == words
