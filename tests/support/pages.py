"""Pages are read by their structure: elements are found by `data-testid` or by any other attribute."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, Final

VOID_TAGS: Final = frozenset({"area", "base", "br", "col", "embed", "hr", "img"}) | frozenset(
    {"input", "link", "meta", "source", "track", "wbr"}
)


class Element:
    """An element of a page: its tag, its attributes, and the text in it with its white space collapsed."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes, self.pieces = tag, attributes, list[str]()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())


class _ElementReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attributes})
        self.elements.append(element)
        if tag not in VOID_TAGS:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self.open):
            while self.open.pop().tag != tag:
                pass  # An end tag also ends whatever was left open inside.

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.pieces.append(data)


def find(page: Any, testid: str | None = None, **attributes: str) -> list[Element]:
    """The elements of a response or an HTML text that have this `data-testid` and these attributes, in order."""
    wanted = attributes if testid is None else attributes | {"data-testid": testid}
    reader = _ElementReader()
    reader.feed(page if isinstance(page, str) else page.content.decode())
    return [element for element in reader.elements if wanted.items() <= element.attributes.items()]


def texts(page: Any, testid: str | None = None, **attributes: str) -> list[str]:
    """The texts of those elements."""
    return [element.text for element in find(page, testid, **attributes)]
