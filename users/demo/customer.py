"""The demo customer: an account that can sign in, and the demo commands that every application adds for it."""

from __future__ import annotations

from datetime import datetime

from eventshop.core.errors import EventShopError
from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.command_receipts import Receipt
from eventshop.web.pages import demo_registry
from users.application import accounts


def ensure_demo_customer(password: str, now: datetime) -> list[EventShopError]:
    """Create the demo customer or reset its password, and send its demo commands; returns the refusals.

    Idempotent: commands that were sent before return their first receipts. An erased customer stays erased.
    Raises `AlreadyTaken` if another account has the address.
    """
    login = accounts.sign_up(
        form_id=demo_registry.SIGN_UP_FORM_ID, email=demo_registry.EMAIL, name="Demo Customer", password=password
    )
    if not login.is_active:
        return []
    if not login.check_password(password):
        login.set_password(password)
        login.save()
    outcomes = send_many(demo_registry.customer_commands(now))
    return [outcome for outcome in outcomes if not isinstance(outcome, Receipt)]
