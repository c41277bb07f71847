"""Verifies webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

#: Older and newer messages are refused: somebody could be sending a recorded one again.
TOLERANCE_S: Final = 300


class InvalidSignature(ValueError):
    """The message was not signed with this secret, or not lately. Answer with 400 and do nothing."""


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> dict[str, Any]:
    """Return the message if its signature is right: `type`, `timestamp` and `data`. Raises `InvalidSignature`.

    `secret` begins with `whsec_`; `body` are the bytes as they came. `webhook-id` is the same in each attempt: keep it
    to ignore repeats.
    """
    named = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, timestamp, signatures = (
            named[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        )
        age_s = abs((time.time() if now is None else now) - int(timestamp))
    except (KeyError, ValueError) as error:
        raise InvalidSignature("a header of the signature is missing or malformed") from error
    if age_s > TOLERANCE_S:
        raise InvalidSignature(f"the message was signed {age_s:.0f} s ago or ahead")
    key = b64decode(secret.removeprefix("whsec_"))
    expected = b64encode(hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")).decode()
    if not any(hmac.compare_digest(f"v1,{expected}", signature) for signature in signatures.split()):
        raise InvalidSignature("no signature fits")
    message: dict[str, Any] = json.loads(body)
    return message
