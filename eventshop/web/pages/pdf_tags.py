"""The structure of a PDF for screen readers: what is a heading, a list or a table (ISO 32000-1, 14.8; PDF/UA-1).

fpdf2 tags pictures only, as one flat list. This is a tree in its place, of the same objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fpdf.output import PDFPage
from fpdf.structure_tree import StructElem, StructureTreeBuilder
from fpdf.syntax import PDFArray, PDFObject

#: The cells of a heading row belong to their columns.
_COLUMN_HEADING: Final = "<</O /Table /Scope /Column>>"


class Tag(StructElem):
    """One element of the structure, such as `/H1`, `/Table` or `/TD`."""

    pg: PDFPage | None  # type: ignore[assignment]

    def __init__(self, kind: str, parent: PDFObject, page_number: int) -> None:
        super().__init__(kind, parent, [], page_number)
        self.a = _COLUMN_HEADING if kind == "/TH" else None


class TagTree(StructureTreeBuilder):
    """The tags of a document. The text of a tag is marked on its page by a number, which is an index there."""

    def __init__(self) -> None:
        super().__init__()
        self._tags: list[Tag] = []

    def add(self, kind: str, parent: Tag | None, page_number: int) -> Tag:
        """Add a tag at the end of its parent; None is the document itself."""
        container = parent or self.doc_struct_elem
        tag = Tag(kind, container, page_number)
        container.k.append(tag)
        self._tags.append(tag)
        return tag

    def mark(self, tag: Tag, page: PDFPage, page_number: int) -> int:
        """The number of the next text on a page, which is that of the tag."""
        parents = self.spid_per_page_number.setdefault(page_number, len(self.spid_per_page_number))
        texts = self.struct_tree_root.parent_tree.nums[parents]
        page.struct_parents = parents
        tag.pg = page
        tag.k = PDFArray([*tag.k, len(texts)])
        texts.append(tag)
        return len(texts) - 1

    def __iter__(self) -> Iterator[PDFObject]:
        yield self.struct_tree_root
        yield self.doc_struct_elem
        yield self.struct_tree_root.parent_tree
        yield from self._tags
