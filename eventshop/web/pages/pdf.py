"""PDF documents with a title, headings, paragraphs, name-value lists and tables, which screen readers can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from django.http import HttpResponse
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos
from fpdf.prefs import ViewerPreferences

from eventshop.web.pages.pdf_tags import Tag, TagTree

_FONTS: Final = Path(__file__).parent / "fonts"
_LINE_MM: Final = 5.5
#: Says that the document follows PDF/UA-1 (ISO 14289-1).
_METADATA: Final = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" \
xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<pdfuaid:part>1</pdfuaid:part></rdf:Description></rdf:RDF></x:xmpmeta>"""


class Document(FPDF):
    """An A4 document; its fonts contain all European letters. Each text has a tag (`pdf_tags`)."""

    def __init__(self, title: str, *, issuer: str, made_at: datetime) -> None:
        super().__init__(format="A4")
        self.issuer = issuer
        self.tags = self.struct_builder = TagTree()
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.set_xmp_metadata(_METADATA.format(title=escape(title)))
        self.add_font("sans", "", _FONTS / "DejaVuSans.ttf")
        self.add_font("sans", "B", _FONTS / "DejaVuSans-Bold.ttf")
        self.set_title(title)
        self.set_author(issuer)
        self.set_lang("en-GB")
        # A fixed creation date: the same document is always the same file.
        self.set_creation_date(made_at)
        self.set_margins(20, 20)
        self.set_auto_page_break(True, margin=22)
        self.add_page()
        self._write_text("/P", issuer, size=10, space_below=6)
        self._write_text("/H1", title, size=18, bold=True, space_below=4)

    def footer(self) -> None:
        self.set_y(-16)
        self.set_font("sans", size=8)
        with self._decoration():
            self.cell(0, 5, f"{self.issuer}, page {self.page_no()} of {{nb}}", align="C")

    def add_heading(self, text: str) -> None:
        self.ln(3)
        self._write_text("/H2", text, size=12, bold=True, space_below=1.5)

    def add_paragraph(self, text: str) -> None:
        self._write_text("/P", text, size=10, space_below=2)

    def add_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Add a list of names and values, one pair per line."""
        listed = self._tag("/L")
        for name, value in facts:
            item = self._tag("/LI", listed)
            self._write_row(item, ("/Lbl", "/LBody"), (name, value), (35, 65), "LL", size=10, bold=(True, False))
        self.ln(2)

    def add_table(
        self, headings: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[int], numeric_columns: int
    ) -> None:
        """Add a table; its last `numeric_columns` columns are aligned right."""
        count, table = len(headings), self._tag("/Table")
        align = "L" * (count - numeric_columns) + "R" * numeric_columns
        for texts in (headings, *rows):
            kind, is_bold = ("/TH", True) if texts is headings else ("/TD", False)
            row = self._tag("/TR", table)
            self._write_row(row, [kind] * count, texts, widths, align, size=9, bold=[is_bold] * count)
            with self._decoration():
                self.line(self.l_margin, self.y, self.w - self.r_margin, self.y)
        self.ln(2)

    def _write_row(
        self,
        parent: Tag,
        kinds: Sequence[str],
        texts: Sequence[str],
        shares: Sequence[int],
        align: str,
        *,
        size: int,
        bold: Sequence[bool],
    ) -> None:
        """Write texts side by side, on one page, each with a tag of its kind."""
        widths = [self.epw * share / sum(shares) for share in shares]
        height = max(map(self._height, texts, widths, bold, [size] * len(texts)))
        if self.will_page_break(height):
            self.add_page()
        left, top = self.l_margin, self.y
        for kind, text, width, side, is_bold in zip(kinds, texts, widths, align, bold, strict=True):
            self.set_xy(left, top)
            self.set_font("sans", "B" if is_bold else "", size)
            with self._tagged(self._tag(kind, parent)):
                self.multi_cell(width, _LINE_MM, text, align=side, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            left += width
        self.set_xy(self.l_margin, top + height)

    def _height(self, text: str, width: float, is_bold: bool, size: int) -> float:
        self.set_font("sans", "B" if is_bold else "", size)
        return _LINE_MM * len(self._lines(text, width))

    def _lines(self, text: str, width: float) -> list[str]:
        """The lines of a text in the present font; at least one."""
        lines = self.multi_cell(width, _LINE_MM, text, dry_run=True, output=MethodReturnValue.LINES)
        assert isinstance(lines, list)  # noqa: S101  (narrows a type)
        return lines or [""]

    def _write_text(self, kind: str, text: str, *, size: int, bold: bool = False, space_below: float = 0) -> None:
        self.set_font("sans", "B" if bold else "", size)
        line_mm = size * 0.52
        tag = self._tag(kind)
        for line in self._lines(text, self.epw):
            if self.will_page_break(line_mm):
                self.add_page()
                tag = self._tag(kind)  # a tag is of one page
            with self._tagged(tag):
                self.multi_cell(0, line_mm, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
        self.ln(space_below)

    def _tag(self, kind: str, parent: Tag | None = None) -> Tag:
        return self.tags.add(kind, parent, self.page)

    @contextmanager
    def _tagged(self, tag: Tag) -> Iterator[None]:
        """What is written belongs to a tag."""
        number = self.tags.mark(tag, self.pages[self.page], self.page)
        self._out(f"{tag.s} <</MCID {number}>> BDC")
        yield
        self._out("EMC")

    @contextmanager
    def _decoration(self) -> Iterator[None]:
        """What is written is no part of the content: screen readers leave it out."""
        self._out("/Artifact BMC")
        yield
        self._out("EMC")

    def to_response(self, filename: str) -> HttpResponse:
        """The PDF as a download with this file name."""
        response = HttpResponse(bytes(self.output()), content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{filename}"'
        return response
