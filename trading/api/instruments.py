"""The REST API of instruments: what can be traded, and on which terms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Final

import msgspec
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api.base_view import ApiView
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.shared.errors import NotFound
from trading.application.instruments import current_listings
from trading.domain.instruments import Listing
from trading.domain.value_objects import Instrument

_SCOPES: Final = {"GET": "catalogue:read"}


class InstrumentDetails(Struct, frozen=True):
    """An instrument. `can_be_traded` says whether it is traded today, between its first and its last day."""

    example: ClassVar[dict[str, Any]] = {
        "code": "XETRA/SAP",
        "venue": "XETRA",
        "can_be_traded": True,
        "active_from": None,
        "active_to": None,
        "trading_calendar": "XETR",
        "terms": {
            "code": "XETRA/SAP",
            "currency": "EUR",
            "tick": "0.02",
            "lot": "1",
            "settlement_days": 2,
            "calendar": "XETR",
        },
    }

    code: str
    venue: str
    can_be_traded: bool
    active_from: date | None
    active_to: date | None
    trading_calendar: str
    terms: Instrument


class InstrumentList(Struct, frozen=True):
    """All instruments, by their codes."""

    results: list[InstrumentDetails]
    next: str | None = None
    prev: str | None = None


class Instruments(ApiView):
    """The instruments with their ticks, lots, currencies and calendars, sorted by code; also those of the past."""

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.SIGNED_IN)}
    access = NotLogged("the table of instruments")
    scopes: ClassVar[dict[str, str]] = _SCOPES
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": InstrumentList}

    def get(self, request: Request) -> Response:
        refuse_unknown_parameters(request, ())
        listings = (listing for _, listing in sorted(current_listings().items()))
        return Response(msgspec.to_builtins(InstrumentList([_details(listing) for listing in listings])))


class InstrumentRow(ApiView):
    """One instrument with its terms."""

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.SIGNED_IN)}
    access = NotLogged("the table of instruments")
    scopes: ClassVar[dict[str, str]] = _SCOPES
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": InstrumentDetails}

    def get(self, request: Request, venue: str, symbol: str) -> Response:
        refuse_unknown_parameters(request, ())
        listing = current_listings().get(f"{venue}/{symbol}")
        if listing is None:
            raise NotFound
        return Response(msgspec.to_builtins(_details(listing)))


def _details(listing: Listing) -> InstrumentDetails:
    return InstrumentDetails(
        code=listing.code,
        venue=listing.venue,
        can_be_traded=listing.is_active_at(datetime.now(UTC)),
        active_from=listing.active_from,
        active_to=listing.active_to,
        trading_calendar=listing.trading_calendar,
        terms=listing.instrument,
    )
