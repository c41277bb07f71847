"""Pages of the erasure: the request, its status, and the certificate.

Status and certificate are also reachable by a link in an e-mail, because an erased person cannot sign in.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from eventshop.core.messages import new_id
from eventshop.datetimes import format_date, format_datetime
from eventshop.operations.rights import Audience, open_to
from eventshop.privacy.erasure import certificates, personal_data_holders
from eventshop.privacy.erasure.erasure_job import DONE, STEPS
from eventshop.privacy.models import Certificate, Erasure
from eventshop.web.letters.letter import site_url
from eventshop.web.pages.command_form import CommandForm
from eventshop.web.pages.new_document import new_document
from eventshop.web.pages.post_only import post_only
from users.application.customer_adapter import Person, load_person
from users.application.emails import EmailNotSent, send_email_to
from users.application.erasure_links import erasure_link, person_from_token
from users.domain.commands import CancelErasure, RequestErasure
from users.domain.user import Status
from users.pages.forms import PasswordForm
from users.pages.privacy_views import person_page, send_command

#: The steps of an erasure as the person reads them.
STEP_LABELS: Final = {
    "collect": "Finding where your data is stored",
    "destroy": "Destroying the keys; from now on nobody can read your data",
    "release": "Releasing your e-mail address",
    "elsewhere": "Clearing lists, closing your account, ending every session",
    "wait": "Waiting until every server has dropped its cached keys",
    "scan": "Searching every store for remaining data",
    "forget": "Deleting the search terms",
}


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def request_erasure(request: HttpRequest, me: Person) -> HttpResponse:
    """Show what is erased and what is kept; request the erasure after the password was checked."""
    if me.state.status is Status.LEAVING:
        blockers = personal_data_holders.find_blockers(me.id)
        context: dict[str, Any] = {"due_at": me.state.due_at, "form_id": new_id(), "blockers": blockers}
        return render(request, "users/erasure_requested.html", context)
    form = PasswordForm(request, request.POST or None)
    if form.is_valid():
        return _send_request(request, me, form.cleaned_data["form_id"])
    context = {
        "form": form,
        "kept": certificates.kept_data_of(me.id, timezone.localdate()),
        "blockers": personal_data_holders.find_blockers(me.id),
        "days": settings.ERASURE_COOLING_OFF_DAYS,
    }
    return render(request, "users/erase.html", context)


def _send_request(request: HttpRequest, me: Person, form_id: UUID) -> HttpResponse:
    now = datetime.now(UTC)
    due = now + timedelta(days=settings.ERASURE_COOLING_OFF_DAYS)
    if send_command(request, me, lambda: RequestErasure(me.id, at=now, due_at=due), form_id) and me.contact:
        link = erasure_link(me.id)
        try:
            send_email_to(
                me.id,
                me.contact.email,
                "erasure",
                link=link,
                is_answer=True,
                due=due,
                days=settings.ERASURE_COOLING_OFF_DAYS,
            )
        except EmailNotSent:
            url = site_url(link)
            messages.warning(request, f"We could not send you an e-mail. Keep this link to follow the erasure: {url}")
    return redirect("users:erase")


@post_only("users:home")
@person_page
def cancel_erasure(request: HttpRequest, me: Person) -> HttpResponse:
    """Cancel the erasure."""
    form = CommandForm(request.POST)
    if form.is_valid() and send_command(request, me, lambda: CancelErasure(me.id), form.cleaned_data["form_id"]):
        messages.success(request, "The erasure is cancelled. Your account stays as it is.")
    return redirect("users:home")


@open_to(Audience.LINK)
@never_cache
@require_safe
def erasure_status(request: HttpRequest, token: str) -> HttpResponse:
    """Show the progress of an erasure or, at the end, its certificate, to anybody who has the link."""
    person_id = person_from_token(token)
    if person_id is None:
        return render(request, "users/erasure_link_invalid.html", status=410)
    certificate = Certificate.objects.filter(subject=person_id).first()
    if certificate:
        context = {"certificate": certificate, "body": certificates.read_certificate(certificate), "token": token}
        return render(request, "users/certificate.html", context)
    state = load_person(person_id).state
    erasure = Erasure.objects.filter(subject=person_id).first()
    blockers = personal_data_holders.find_blockers(person_id)
    context = {"state": state, "steps": erasure_steps(erasure) if erasure else [], "blockers": blockers}
    return render(request, "users/erasure_status.html", context)


@open_to(Audience.LINK)
@never_cache
@require_safe
def certificate_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """The certificate of erasure as a PDF file."""
    person_id = person_from_token(token)
    certificate = Certificate.objects.filter(subject=person_id).first() if person_id else None
    if certificate is None:
        raise Http404
    body = certificates.read_certificate(certificate)
    document = new_document("Certificate of erasure", issuer=settings.ORGANISATION, made_at=certificate.issued_at)
    document.add_facts(
        [
            ("Number", str(certificate.certificate_id)),
            ("Person", str(body.person)),
            ("Keys destroyed", format_datetime(body.destroyed_at)),
            ("Searched and issued", format_datetime(certificate.issued_at)),
        ]
    )
    document.add_heading("What is erased")
    document.add_paragraph(
        "All personal data, by destroying the only keys that decrypt it: "
        + (", ".join(body.purposes) or "none existed")
    )
    document.add_heading("What is kept")
    document.add_table(
        ("Data", "Legal duty", "Until"),
        [(item.what, item.duty, format_date(item.until) if item.until else "the duty ends") for item in body.kept],
        widths=(45, 35, 20),
        numeric_columns=0,
    )
    found = {hit.where: hit.count for hit in body.scan.hits}
    document.add_heading("What was searched afterwards")
    document.add_table(
        ("Place", "Searched", "Found"),
        [(where, f"{count:,}", str(found.get(where, 0))) for where, count in sorted(body.scan.looked_at.items())],
        widths=(60, 20, 20),
        numeric_columns=2,
    )
    if body.findings:
        document.add_heading("What was found in the words of others")
        rows = [(item.place, str(item.count), item.state, item.reason) for item in body.findings]
        document.add_table(("Place", "Found", "State", "Reason"), rows, widths=(35, 15, 15, 35), numeric_columns=0)
    if body.clear_fields:
        document.add_heading("Texts that stay in clear")
        texts = [(item.event_type, item.field, item.why, str(item.events)) for item in body.clear_fields]
        document.add_table(("Event", "Field", "Why", "Events"), texts, widths=(25, 25, 35, 15), numeric_columns=1)
    return document.to_response("certificate-of-erasure.pdf")


class StepProgress(NamedTuple):
    """One step of an erasure; `done_at` is None until it is done."""

    label: str
    done_at: datetime | None
    is_current: bool


def erasure_steps(erasure: Erasure) -> list[StepProgress]:
    """All steps of an erasure, in their order."""
    done = {name: datetime.fromisoformat(at) for name, at, _ in msgspec.json.decode(erasure.log, type=list[Any])}
    return [
        StepProgress(
            label=STEP_LABELS.get(step.name, step.name),
            done_at=done.get(step.name),
            is_current=step.name == erasure.step != DONE,
        )
        for step in STEPS
    ]
