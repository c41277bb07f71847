"""The demo customer: an account that can sign in, and the demo commands that every application adds for it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError
from eventshop.core.messages import Envelope
from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.command_receipts import Receipt
from eventshop.web.pages import demo_registry
from users.application import accounts
from users.domain.commands import ChangeContactDetails

NAME: Final = "Demo Customer"
ADDRESS: Final = "7 Harbour Street\nWhitby YO21 3PU"


def ensure_demo_customer(password: str, now: datetime) -> list[EventShopError]:
    """Create the demo customer or reset its password, and send its demo commands; returns the refusals.

    Idempotent: commands that were sent before return their first receipts. An erased customer stays erased.
    Raises `AlreadyTaken` if another account has the address.
    """
    login = accounts.sign_up(
        form_id=demo_registry.SIGN_UP_FORM_ID, email=demo_registry.EMAIL, name=NAME, password=password
    )
    if not login.is_active:
        return []
    if not login.check_password(password):
        login.set_password(password)
        login.save()
    address = ChangeContactDetails(demo_registry.CUSTOMER_ID, demo_registry.EMAIL, NAME, address=ADDRESS)
    first = (address, Envelope(derive_id("demo-customer-address", demo_registry.EMAIL), actor="demo"))
    outcomes = send_many([first, *demo_registry.customer_commands(now)])
    return [outcome for outcome in outcomes if not isinstance(outcome, Receipt)]
