"""Every page of the program, found by its route, so that none can be forgotten; with data for each to show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from django.contrib.auth.tokens import default_token_generator
from django.test import Client

from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.rights import Audience
from eventshop.privacy import encrypted_tokens
from eventshop.projections.effects.worker import perform_effects
from eventshop.web.pages.developer_views import GUIDES
from eventshop.web.permission_matrix import list_doors
from orders.domain.commands import (
    AcceptReturn,
    CreateOrder,
    DeliverOrder,
    ReceivedLine,
    ReceiveReturn,
    RequestReturn,
    ReturnLine,
    ShipOrder,
)
from orders.models import DeliveryOption
from tests.support.doors import ADDRESS, SALE, World
from tests.support.order_payments import pay_refunds
from tests.support.staff import update_read_models
from users.domain.privacy_notices import NOTICES

#: Routes without a page, and why.
NO_PAGES: Final = {
    **dict.fromkeys(
        (
            "basket/<code:sku>/",
            "orders/<uuid:order_id>/again/",
            "account/sign-out/",
            "account/sessions/end/",
            "account/sessions/<int:session_id>/end/",
            "account/tokens/<int:token_id>/revoke/",
            "my/consents/<str:term>/choice/",
            "my/addresses/<uuid:address_id>/remove/",
            "my/erasure/stay/",
        ),
        "a form is sent to it",
    ),
    **dict.fromkeys(
        (
            "orders/<uuid:order_id>/confirmation.pdf",
            "orders/<uuid:order_id>/invoice.pdf",
            "orders/<uuid:order_id>/credit-notes/<int:number>.pdf",
            "trading/trades/<uuid:trade_id>/confirmation.pdf",
            "erasure/<str:token>/certificate.pdf",
            "my/consents/<int:version>/receipt.json",
            "my/data.json",
        ),
        "a file",
    ),
    **dict.fromkeys(
        (
            "payments/notices",
            "trading/reports",
            "live/<slug:name>/<uuid:key>/",
            "api/v1/openapi.json",
            "api/v1/asyncapi.json",
            "healthz",
            "readyz",
            "metrics",
            "account/second-factor/passkeys/new/begin/",
            "account/second-factor/passkeys/new/complete/",
            "account/second-factor/passkeys/begin/",
            "account/second-factor/passkeys/complete/",
            "account/second-factor/passkeys/texts/",
        ),
        "for programs",
    ),
    "orders/<uuid:order_id>/card/<uuid:form_id>/": "leads back to the order",
    "account/second-factor/check/": "in tests/browser/users/test_second_factor.py",
    "account/second-factor/passkey/": "in tests/browser/users/test_second_factor.py",
    "api/docs/": "Swagger UI, in tests/browser/web/test_api_pages.py",
}


#: A letter as it looks, for staff.
LETTER: Final = "admin/projection_engine/projectedeffect/<uuid:effect_id>/preview/"


class Page(NamedTuple):
    """A page: its route, a URL of it, and a client whose session may see it."""

    route: str
    url: str
    client: Client


class PageWalk:
    """Each page with data, and the session of those for whom it is."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.open_order = new_id()
        send(CreateOrder(self.open_order, "W-2", world.person, SALE.lines, delivery_name="Ada Marker"))
        return_an_item()
        DeliveryOption.objects.create(code="POST", name="Post", about="Three days", price=4)
        update_read_models()
        perform_effects()

    def pages(self) -> Iterator[Page]:
        """Each of them; raises `AssertionError` for an entry of `NO_PAGES` that is no route any more."""
        doors = [door for door in list_doors() if door.kind == "page" and door.method == "GET"]
        assert not NO_PAGES.keys() - {door.path for door in doors}
        for door in doors:
            if door.path not in NO_PAGES:
                for url in self._urls(door.path):
                    yield Page(door.path, url, self._session(door.path, door.rights.audience))
        self.world.clerk.give({"projection_engine.view_projectedeffect"})
        yield Page(LETTER, self.world.fill(LETTER), self._session(LETTER, Audience.STAFF))

    def _urls(self, path: str) -> list[str]:
        match path:
            case "orders/<uuid:order_id>/pay/" | "orders/<uuid:order_id>/cancel/":
                return [f"/{path}".replace("<uuid:order_id>", str(self.open_order))]
            case "developers/<slug:name>/":
                return [f"/developers/{name}/" for name in GUIDES]
            case "my/consents/<int:version>/receipt/":
                given = StoredEvent.objects.get(aggregate_id=self.world.person, event_type="ConsentGranted")
                return [f"/my/consents/{given.version}/receipt/"]
            case "privacy/<str:version>/":
                return [f"/privacy/{version}/" for version in NOTICES]
        return [self.world.fill(path.replace("<str:token>", self._token(path)))]

    def _token(self, path: str) -> str:
        owner = self.world.owner.login
        values: dict[str, tuple[str, object]] = {
            "account/sign-up/<str:token>/": ("sign-up", "new@example.org"),
            "account/join/<str:token>/": ("join", (self.world.clerk.login.pk, "new@example.org")),
            "my/details/address/<str:token>/": ("new-address", (self.world.person, "new@example.org")),
            "newsletter/<str:token>/": ("newsletter", self.world.person),
            "account/reset/<str:token>/": (
                "reset",
                (self.world.person, default_token_generator.make_token(owner), "ada@example.org"),
            ),
        }
        return encrypted_tokens.encrypt_token(*values[path]) if path in values else "<str:token>"

    def _session(self, path: str, audience: Audience) -> Client:
        """Signed in as the page wants it, with something in the basket where it is about that."""
        client = Client()
        if path.startswith(("account/join/", "admin/")):
            client.force_login(self.world.clerk.login)
        elif audience not in (Audience.EVERYBODY, Audience.LINK):
            client.force_login(self.world.owner.login)
        if path.startswith(("checkout/", "basket/")):
            client.post("/shop/MUG/", {"quantity": 2})
            client.post("/checkout/address/", {"choice": str(ADDRESS)})
            client.post("/checkout/delivery/", {"choice": "POST"})
            client.post("/checkout/payment/", {"choice": "card"})
        return client


def return_an_item() -> None:
    """The paid order is delivered, and one of its items comes back."""
    order = SALE.order_id
    for command in (
        ShipOrder(order, "Post"),
        DeliverOrder(order),
        RequestReturn(order, "R-1", (ReturnLine(1, 1),), "chipped"),
        AcceptReturn(order, "R-1"),
        ReceiveReturn(order, "R-1", (ReceivedLine(1, 1),)),
    ):
        send(command)
    pay_refunds(order)
