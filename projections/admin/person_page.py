"""The page of a person as a place to work: what they ordered, agreed to, were sent, and whether they are leaving."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import datetime_html, format_amount
from eventshop.admin_console.row_page import MAX_ROWS, Table, badge, link, show_value
from eventshop.privacy.models import Certificate, Erasure
from eventshop.projections.models import ProjectedEffect
from eventshop.web.models import ApiToken
from projections.admin.related import may_see, page_url
from projections.models import ActivityTimeline, ConsentRegister, CustomerSummary, OrderSummary, TradingAccount
from users.application.accounts import login_by_person
from users.application.signed_in_sessions import own_sessions
from users.models import SignedInSession

_ORDERS_URL: Final = "admin:projections_ordersummary_changelist"


def person_tables(request: HttpRequest, person: UUID) -> list[Table]:
    """What belongs to a person, of those kinds that this member of staff may see."""
    kinds = (
        (OrderSummary, orders_table),
        (CustomerSummary, _customers),
        (TradingAccount, _accounts),
        (ConsentRegister, _consents),
        (Erasure, _erasure),
        (ProjectedEffect, _letters),
        (ApiToken, _tokens),
        (SignedInSession, _sessions),
        (ActivityTimeline, _activity),
    )
    return [table(person) for model, table in kinds if may_see(request, model)]


def orders_table(person: UUID, currency: str = "") -> Table:
    """The newest orders of a customer."""
    rows = OrderSummary.objects.filter(customer_id=person, **({"currency": currency} if currency else {}))
    return Table(
        "Newest orders",
        ("Order", "Status", "Ordered", "Total"),
        [
            (
                link(page_url(OrderSummary, order.pk), order.reference),
                badge(order.get_status_display()),
                datetime_html(order.created_at),
                format_amount(order.total, order.currency),
            )
            for order in rows.order_by("-created_at")[:MAX_ROWS]
        ],
        "Nothing was ordered yet.",
        frozenset({"Total"}),
        all_url=f"{reverse(_ORDERS_URL)}?q={person}",
    )


def _customers(person: UUID) -> Table:
    return Table(
        "As a customer",
        ("Currency", "Orders", "Paid", "Lifetime value", "Last order"),
        [
            (
                link(page_url(CustomerSummary, row.pk), row.currency),
                f"{row.orders:,}",
                f"{row.paid_orders:,}",
                format_amount(row.lifetime_value, row.currency),
                datetime_html(row.last_order_at),
            )
            for row in CustomerSummary.objects.filter(customer_id=person).order_by("currency")[:MAX_ROWS]
        ],
        "This person has ordered nothing yet.",
        frozenset({"Orders", "Paid", "Lifetime value"}),
    )


def _accounts(person: UUID) -> Table:
    rows = TradingAccount.objects.filter(owner_id=person).order_by("reference")[:MAX_ROWS]
    return Table(
        "Trading accounts",
        ("Account", "Opened", "Last changed"),
        [
            (
                link(page_url(TradingAccount, row.pk), row.reference),
                datetime_html(row.opened_at),
                datetime_html(row.updated_at),
            )
            for row in rows
        ],
        "This person has no trading account.",
    )


def _consents(person: UUID) -> Table:
    return Table(
        "Consents",
        ("Purpose", "Status", "Notice", "Given", "Ends", "Ended"),
        [
            (
                link(page_url(ConsentRegister, row.pk), row.purpose),
                badge(row.get_status_display(), "good" if row.status == ConsentRegister.Status.GIVEN else ""),
                row.notice,
                datetime_html(row.given_at),
                datetime_html(row.expires_at),
                datetime_html(row.ended_at),
            )
            for row in ConsentRegister.objects.filter(user_id=person).order_by("purpose")[:MAX_ROWS]
        ],
        "No consent was ever given.",
    )


def _erasure(person: UUID) -> Table:
    certificate = Certificate.objects.filter(subject=person).only("certificate_id").first()
    return Table(
        "Erasure",
        ("Erasure", "Next step", "Began", "Finished", "Problem", "Certificate"),
        [
            (
                link(page_url(Erasure, row.pk), "Erasure of this person"),
                badge(row.step, "good" if row.finished_at else "warn"),
                datetime_html(row.began_at),
                datetime_html(row.finished_at),
                row.problem or show_value(None),
                link(page_url(Certificate, certificate.pk), "Certificate") if certificate else show_value(None),
            )
            for row in Erasure.objects.filter(pk=person)
        ],
        "No erasure has begun.",
    )


def _letters(person: UUID) -> Table:
    rows = ProjectedEffect.objects.filter(person=person).order_by("-position")[:MAX_ROWS]
    return Table(
        "Letters, newest first",
        ("Letter", "State", "Due", "Finished", "Error"),
        [
            (
                link(page_url(ProjectedEffect, row.pk), row.kind),
                badge(row.get_state_display()),
                datetime_html(row.due_at),
                datetime_html(row.finished_at),
                row.error or show_value(None),
            )
            for row in rows
        ],
        "No letter was sent yet.",
        all_url=f"{reverse('admin:projection_engine_projectedeffect_changelist')}?q={person}",
    )


def _tokens(person: UUID) -> Table:
    login = login_by_person(person)
    rows: Iterable[ApiToken] = ApiToken.objects.filter(owner=login).order_by("-made_at")[:MAX_ROWS] if login else ()
    return Table(
        "API tokens",
        ("Token", "State", "Scopes", "Created", "Used", "Expires"),
        [
            (
                link(page_url(ApiToken, row.pk), row.name),
                badge(row.state),
                row.scopes,
                datetime_html(row.made_at),
                show_value(row.used_on),
                datetime_html(row.expires_at),
            )
            for row in rows
        ],
        "This person has no API token.",
    )


def _sessions(person: UUID) -> Table:
    login = login_by_person(person)
    rows: Iterable[SignedInSession] = own_sessions(login.pk)[:MAX_ROWS] if login else ()
    return Table(
        "Sessions",
        ("Browser", "Signed in", "Ends"),
        [
            (
                link(page_url(SignedInSession, row.pk), row.browser),
                datetime_html(row.since),
                datetime_html(row.expires_at),
            )
            for row in rows
        ],
        "This person is not signed in.",
    )


def _activity(person: UUID) -> Table:
    rows = ActivityTimeline.objects.filter(Q(aggregate_id=person) | Q(customer_id=person)).order_by("-position")
    return Table(
        "Timeline, newest first",
        ("Activity", "Event", "Time", "By"),
        [
            (row.summary, link(event_url(row.position), row.event_type), datetime_html(row.at), actor_label(row.actor))
            for row in rows[:MAX_ROWS]
        ],
        "No activity was recorded yet.",
    )
