"""Staff clients with given permissions, and sales for them to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from eventshop.operations.staff_actors import staff_actor
from eventshop.projections.projection import projection_registry
from tests.support.read_models import append, catch_up
from tests.support.sales import Sale

PASSWORD = "correct horse battery"


def boss() -> Client:
    """Someone with every permission."""
    user, _ = User.objects.get_or_create(username="boss", is_staff=True, is_superuser=True)
    return sign_in(user)


def clerk(*permissions: str) -> Client:
    """Someone with only these permissions, by codename."""
    user, _ = User.objects.get_or_create(username="clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return sign_in(user)


def actor_of(name: str) -> str:
    """The actor under which a member of staff is recorded."""
    return staff_actor(User.objects.get(username=name))


def sign_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def record_sales(*sales: Sale) -> None:
    """Append these orders as paid, and fold them into every read model."""
    for sale in sales:
        append(sale.order_id, sale.created, sale.paid)
    update_read_models()


def update_read_models() -> None:
    """Fold all events into every read model."""
    catch_up(*projection_registry.select([]))


def order_url(sale: Sale, action: str = "change") -> str:
    return reverse(f"admin:projections_ordersummary_{action}", args=(sale.order_id,))


def messages_of(response: Any) -> list[str]:
    """The messages of a response, each once."""
    return list(dict.fromkeys(str(message) for message in get_messages(response.wsgi_request)))


def message_levels(response: Any) -> list[str]:
    """The level of each message of a response: `success`, `info`, `warning` or `error`."""
    return [message.level_tag for message in get_messages(response.wsgi_request)]


def message_tags(response: Any) -> list[str]:
    """The level of each message of a response, after the code of the refusal: `order-changed error`."""
    return [message.tags for message in get_messages(response.wsgi_request)]


def capture_queries(call: Callable[[], Any]) -> list[str]:
    """The SQL statements that a call runs."""
    with CaptureQueriesContext(connection) as captured:
        call()
    return [query["sql"] for query in captured]
