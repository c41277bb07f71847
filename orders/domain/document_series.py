"""The aggregate `DocumentSeries`: hands out the numbers of invoices and of credit notes, 1, 2, 3 …, without a gap.

Each kind of document has one series, and its stream is the register: the number of a document is the version of its
event, so that no number can be missing or given twice. What was issued is never changed; a credit note corrects it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, Event, Instant
from orders.domain.order_values import LineNumber, Reference
from orders.domain.vat import VatAmount

DocumentKind: TypeAlias = Literal["invoice", "credit-note"]
#: At least one rate, each once.
VatAmounts: TypeAlias = Annotated[tuple[VatAmount, ...], msgspec.Meta(min_length=1, max_length=20)]


class LineVat(Struct, frozen=True, forbid_unknown_fields=True):
    """The rate of one line of the order."""

    line: LineNumber
    percent: Decimal


class IssueDocument(Command, frozen=True):
    """Give an order's invoice, or the credit note of one of its refunds, its number."""

    kind: DocumentKind
    order_id: UUID
    customer_id: UUID | None
    reference: Reference  # of the order, or of the refund
    supplied_at: Instant  # when it was paid in full, or given back: the tax point
    amounts: VatAmounts
    rates: tuple[LineVat, ...] = ()

    def __post_init__(self) -> None:
        if len({amount.percent for amount in self.amounts}) != len(self.amounts):
            raise InvalidMessage("a document has each rate once")
        for percent in (*(amount.percent for amount in self.amounts), *(rate.percent for rate in self.rates)):
            if not 0 <= percent <= 100:
                raise InvalidMessage(f"a rate of VAT is from 0 to 100 percent, not {percent}")


class DocumentIssued(Event, frozen=True):
    """A document got its number."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    kind: DocumentKind
    order_id: UUID
    customer_id: UUID | None
    reference: Reference
    supplied_at: Instant
    amounts: VatAmounts
    rates: tuple[LineVat, ...]


class DocumentSeries(Aggregate[IssueDocument, DocumentIssued], frozen=True):
    """One series of documents, and how many it has."""

    issued: int = 0

    @staticmethod
    def id_of(command: IssueDocument) -> UUID:
        return document_series_id(command.kind)

    def decide(self, command: IssueDocument) -> list[DocumentIssued]:
        return [
            DocumentIssued(
                number=self.issued + 1,
                kind=command.kind,
                order_id=command.order_id,
                customer_id=command.customer_id,
                reference=command.reference,
                supplied_at=command.supplied_at,
                amounts=command.amounts,
                rates=command.rates,
            )
        ]

    def evolve(self, event: DocumentIssued) -> Self:
        return replace(self, issued=event.number)


def document_series_id(kind: DocumentKind) -> UUID:
    return derive_id("document-series", kind)


def document_number(event: DocumentIssued) -> str:
    """The number that people use: `INV-000042`, `CN-000007`."""
    return f"{'INV' if event.kind == 'invoice' else 'CN'}-{event.number:06}"
