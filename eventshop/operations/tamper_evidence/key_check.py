"""The system check that warns, at each start, while no roots are signed for want of a key."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from eventshop.privacy import signatures
from eventshop.runtime.management_command import EVERY_START


@register(Tags.security, EVERY_START)
def check_signing_key(**_: Any) -> list[CheckMessage]:
    """A warning outside DEBUG without ROOT_SIGNING_KEY; it says how to make one and how old roots stay valid."""
    if signatures.may_sign():
        return []
    hint = (
        "Set ROOT_SIGNING_KEY to the output of `openssl rand -base64 32`. Where roots were signed before, add "
        f"{signatures.public_key()} to FORMER_ROOT_KEYS, so that they stay valid."
    )
    return [Warning("ROOT_SIGNING_KEY is not set: no roots are signed.", hint=hint, id="eventshop.W001")]
