"""The structure of a PDF as a screen reader gets it: its tags in order, with their texts, read by pypdf."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, NamedTuple

from pypdf import PdfReader
from pypdf.generic import ContentStream


class Node(NamedTuple):
    """One tag with its own text, and what is below it."""

    kind: str
    text: str
    below: list[Node]

    def find(self, kind: str) -> list[Node]:
        """All tags of a kind, in order of reading."""
        return [found for one in self.below for found in ([one] if one.kind == kind else []) + one.find(kind)]

    @property
    def texts(self) -> list[str]:
        """The texts of the tags directly below."""
        return [one.text for one in self.below]


def read_tags(content: bytes) -> Node:
    """The tree of tags; asserts that the file declares one, and that all text has a tag or is decoration."""
    reader = PdfReader(BytesIO(content), strict=True)
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"] == "en-GB" and root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert "pdfuaid:part>1<" in root["/Metadata"].get_data().decode()
    texts: dict[tuple[int, int], str] = {}
    for page in reader.pages:
        assert page.indirect_reference is not None
        for number, text in _marked_texts(page, reader).items():
            texts[page.indirect_reference.idnum, number] = text
    parents = _parents(root["/StructTreeRoot"])
    seen: set[tuple[int, int]] = set()
    [document] = root["/StructTreeRoot"]["/K"]
    tree = _node(document.get_object(), texts, seen)
    assert seen == texts.keys(), "some text has no tag, or a tag no text"
    assert parents == len(texts)
    return tree


def _node(tag: Any, texts: dict[tuple[int, int], str], seen: set[tuple[int, int]]) -> Node:
    below, own = [], []
    for kid in tag["/K"]:
        if isinstance(kid, int):
            place = tag.raw_get("/Pg").idnum, int(kid)
            seen.add(place)
            own.append(texts[place])
        else:
            below.append(_node(kid.get_object(), texts, seen))
    if tag["/S"] == "/TH":
        assert tag["/A"]["/Scope"] == "/Column"
    return Node(str(tag["/S"]), " ".join(own), below)


def _parents(root: Any) -> int:
    """How many texts the parent tree leads back to their tags."""
    numbers = list(root["/ParentTree"]["/Nums"])
    return sum(len(numbers[place].get_object()) for place in range(1, len(numbers), 2))


def _marked_texts(page: Any, reader: PdfReader) -> dict[int, str]:
    """The texts of a page by their number."""
    fonts = {name: _unicode(font.get_object()) for name, font in page["/Resources"]["/Font"].items()}
    texts: dict[int, str] = {}
    marks: list[int | None] = []
    font = ""
    for operands, operator in ContentStream(page["/Contents"].get_object(), reader).operations:
        if operator in (b"BDC", b"BMC"):
            marks.append(int(operands[1]["/MCID"]) if operator == b"BDC" else None)
            if marks[-1] is not None:
                texts[marks[-1]] = ""
        elif operator == b"EMC":
            marks.pop()
        elif operator == b"Tf":
            font = operands[0]
        elif operator in (b"Tj", b"TJ"):
            assert marks, "this text has no tag"
            if marks[-1] is not None:
                pieces = operands[0] if operator == b"TJ" else operands
                codes = b"".join(piece.original_bytes for piece in pieces if hasattr(piece, "original_bytes"))
                texts[marks[-1]] += _decode(codes, fonts[font])
        elif operator in (b"S", b"s", b"f", b"B"):
            assert marks, "this line is neither tagged nor decoration"
    return texts


def _unicode(font: Any) -> dict[int, str]:
    """What each glyph means, by the font's own table: without one nobody could read or copy the text."""
    table = font["/ToUnicode"].get_data().decode()
    pairs = re.findall(r"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>\n", table)
    return {int(code, 16): bytes.fromhex(meaning).decode("utf-16-be") for code, meaning in pairs}


def _decode(codes: bytes, meanings: dict[int, str]) -> str:
    glyphs = (int.from_bytes(codes[place : place + 2], "big") for place in range(0, len(codes), 2))
    return "".join(meanings[glyph] for glyph in glyphs)
