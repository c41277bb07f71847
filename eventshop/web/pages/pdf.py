"""PDF documents with a title, headings, paragraphs, name-value lists and tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from django.http import HttpResponse
from fpdf import FPDF
from fpdf.enums import VAlign, XPos, YPos
from fpdf.fonts import FontFace

_FONTS: Final = Path(__file__).parent / "fonts"
_LINE_MM: Final = 5.5


class Document(FPDF):
    """An A4 document; its fonts contain all European letters."""

    def __init__(self, title: str, *, issuer: str, made_at: datetime) -> None:
        super().__init__(format="A4")
        self.issuer = issuer
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
        self._write_text(issuer, size=10, space_below=6)
        self._write_text(title, size=18, bold=True, space_below=4)

    def footer(self) -> None:
        self.set_y(-16)
        self.set_font("sans", size=8)
        self.cell(0, 5, f"{self.issuer}, page {self.page_no()} of {{nb}}", align="C")

    def add_heading(self, text: str) -> None:
        self.ln(3)
        self._write_text(text, size=12, bold=True, space_below=1.5)

    def add_paragraph(self, text: str) -> None:
        self._write_text(text, size=10, space_below=2)

    def add_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Add a list of names and values, one pair per line."""
        self.set_font("sans", size=10)
        with self.table(
            borders_layout="NONE", col_widths=(35, 65), line_height=_LINE_MM, first_row_as_headings=False, align="L"
        ) as table:
            for name, value in facts:
                row = table.row()
                row.cell(name, style=FontFace(emphasis="BOLD"))
                row.cell(value)
        self.ln(2)

    def add_table(
        self, headings: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[int], numeric_columns: int
    ) -> None:
        """Add a table; its last `numeric_columns` columns are aligned right."""
        self.set_font("sans", size=9)
        align = ["LEFT"] * (len(headings) - numeric_columns) + ["RIGHT"] * numeric_columns
        with self.table(
            borders_layout="HORIZONTAL_LINES",
            col_widths=tuple(widths),
            text_align=tuple(align),
            line_height=_LINE_MM,
            v_align=VAlign.T,
        ) as table:
            for texts in (headings, *rows):
                row = table.row()
                for text in texts:
                    row.cell(text)
        self.ln(2)

    def _write_text(self, text: str, *, size: int, bold: bool = False, space_below: float = 0) -> None:
        self.set_font("sans", "B" if bold else "", size)
        self.multi_cell(0, size * 0.52, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
        self.ln(space_below)

    def to_response(self, filename: str) -> HttpResponse:
        """The PDF as a download with this file name."""
        response = HttpResponse(bytes(self.output()), content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{filename}"'
        return response
