"""What can go wrong with an outside service; apart from its client, so that sagas may know it without HTTP."""

from __future__ import annotations

from eventshop.core.errors import EventShopError


class MessageRefused(EventShopError):
    """A message of an outside service was refused."""

    code = "message-refused"


class ResponseTooLarge(MessageRefused):
    """The response is larger than the limit."""

    code = "answer-too-large"


class ServiceUnavailable(Exception):
    """The service cannot be reached, or cannot process the request now."""


class ServiceTimeout(ServiceUnavailable):
    """The service did not respond in time. It may have received the request."""
