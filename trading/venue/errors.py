"""The errors of the venue: refused messages and invalid requests."""

from __future__ import annotations

from eventshop.core.errors import EventShopError
from eventshop.runtime.service_errors import MessageRefused


class VenueNotConfigured(EventShopError):
    """No venue is configured; set VENUE_URL and VENUE_SECRET."""

    code = "no-venue"


class VenueRefused(MessageRefused):
    """The venue refused a request as wrong."""

    code = "venue-refused"


class OtherOrder(MessageRefused):
    """The venue's answer is about another order."""

    code = "other-order"
