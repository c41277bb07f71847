"""Pages for leaving: what goes and what stays, the request, its state, and the certificate at the end.

State and certificate are reached by a link in a letter too: after the erasure there is nobody left who could sign in.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User as Login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from eventshop.core.messages import new_id
from eventshop.datetimes import format_date, format_datetime
from eventshop.privacy import encrypted_tokens
from eventshop.privacy.erasure import certificates, personal_data_holders
from eventshop.privacy.erasure.erasure_job import DONE, STEPS
from eventshop.privacy.models import Certificate, Erasure
from eventshop.web.pages.command_form import CommandForm
from eventshop.web.pages.form_rate_limiting import SIGN_IN, check_rate_limit
from eventshop.web.pages.pdf import Document
from eventshop.web.pages.post_only import post_only
from users.application.customer_adapter import Person, load_person
from users.application.emails import EmailNotSent, send_email
from users.domain.commands import CancelErasure, RequestErasure
from users.domain.user import Status
from users.pages.forms import PasswordForm
from users.pages.privacy_views import person_page, send_command

_TOKEN_KIND: Final = "erasure"
#: How long the link to state and certificate works.
LINK_MAX_AGE_S: Final = 400 * 24 * 3600
#: What each step of an erasure is to the person.
STEP_LABELS: Final = {
    "collect": "Looking up where your data lies",
    "destroy": "Destroying the keys: from here on nobody can read it",
    "release": "Giving your e-mail address free",
    "elsewhere": "Emptying lists, closing your account, ending every session",
    "wait": "Waiting until no computer remembers a key",
    "scan": "Looking everywhere for anything that is left",
    "forget": "Forgetting what we looked for",
}


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def request_erasure(request: HttpRequest, me: Person) -> HttpResponse:
    """What goes and what stays; then, with the password, the request."""
    if me.state.status is Status.LEAVING:
        leaving = {"due_at": me.state.due_at, "form_id": new_id(), "grounds": personal_data_holders.find_blockers(me.id)}
        return render(request, "my/leaving.html", leaving)
    form = PasswordForm(request.POST or None)
    if form.is_valid():
        if refusal := check_rate_limit(request, SIGN_IN, request.user.get_username()):
            return refusal
        if Login.objects.get(username=request.user.get_username()).check_password(form.cleaned_data["password"]):
            return _send_request(request, me, form.cleaned_data["form_id"])
        form.add_error("password", "This is not your password")
    context = {
        "form": form,
        "kept": certificates.kept_data_of(me.id, timezone.localdate()),
        "grounds": personal_data_holders.find_blockers(me.id),
        "days": settings.ERASURE_COOLING_OFF_DAYS,
    }
    return render(request, "my/erase.html", context)


def erasure_link(person_id: UUID) -> str:
    """The page that shows how far a person's erasure has come, for whoever has this link."""
    return reverse("users:erasure", args=[erasure_token(person_id)])


def erasure_token(person_id: UUID) -> str:
    """What the address of an erasure's state ends with."""
    return encrypted_tokens.encrypt_token(_TOKEN_KIND, person_id)


def _send_request(request: HttpRequest, me: Person, form_id: UUID) -> HttpResponse:
    now = datetime.now(UTC)
    due = now + timedelta(days=settings.ERASURE_COOLING_OFF_DAYS)
    if send_command(request, me, lambda: RequestErasure(me.id, at=now, due_at=due), form_id) and me.contact:
        link = erasure_link(me.id)
        try:
            send_email(request, me.contact.email, "erasure", link=link, due=due, days=settings.ERASURE_COOLING_OFF_DAYS)
        except EmailNotSent:
            url = request.build_absolute_uri(link)
            messages.warning(request, f"We could not write to you. Keep this link to follow the erasure: {url}")
    return redirect("users:erase")


@post_only("users:home")
@person_page
def cancel_erasure(request: HttpRequest, me: Person) -> HttpResponse:
    """Change one's mind."""
    form = CommandForm(request.POST)
    if form.is_valid() and send_command(request, me, lambda: CancelErasure(me.id), form.cleaned_data["form_id"]):
        messages.success(request, "Nothing will be erased. It is good to have you back.")
    return redirect("users:home")


@never_cache
@require_safe
def erasure_status(request: HttpRequest, token: str) -> HttpResponse:
    """How far it has come, for whoever has the link."""
    leaver = person_from_token(token)
    if leaver is None:
        return render(request, "my/erasure_link.html", status=410)
    found = Certificate.objects.filter(subject=leaver).first()
    if found:
        context = {"certificate": found, "body": certificates.read_certificate(found), "token": token}
        return render(request, "my/certificate.html", context)
    state = load_person(leaver).state
    work = Erasure.objects.filter(subject=leaver).first()
    context = {"state": state, "steps": erasure_steps(work) if work else [], "grounds": personal_data_holders.find_blockers(leaver)}
    return render(request, "my/erasure.html", context)


@never_cache
@require_safe
def certificate_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """The certificate to keep."""
    leaver = person_from_token(token)
    found = Certificate.objects.filter(subject=leaver).first() if leaver else None
    if found is None:
        raise Http404
    body = certificates.read_certificate(found)
    made = Document("Certificate of erasure", issuer=settings.ORGANISATION, made_at=found.issued_at)
    made.add_facts(
        [
            ("Number", str(found.certificate_id)),
            ("Person", str(body.person)),
            ("Keys destroyed", format_datetime(body.destroyed_at)),
            ("Looked through and issued", format_datetime(found.issued_at)),
        ]
    )
    made.add_heading("What is erased")
    made.add_paragraph(
        "All personal data, by destroying the only keys that open it: " + (", ".join(body.purposes) or "there was none")
    )
    made.add_heading("What is kept")
    made.add_table(
        ("What", "Under which duty", "Until"),
        [(it.what, it.duty, format_date(it.until) if it.until else "as long as it lasts") for it in body.kept],
        widths=(45, 35, 20),
        numeric_columns=0,
    )
    made.add_heading("What was looked through afterwards")
    made.add_table(
        ("Where", "Looked at", "Found"),
        [(where, f"{count:,}", "0") for where, count in sorted(body.scan.looked_at.items())],
        widths=(60, 20, 20),
        numeric_columns=2,
    )
    return made.to_response("certificate-of-erasure.pdf")


def person_from_token(token: str) -> UUID | None:
    """Whom a link is about; None for one that is none of ours, or has expired."""
    try:
        return encrypted_tokens.decrypt_token(_TOKEN_KIND, token, UUID, max_age_s=LINK_MAX_AGE_S)
    except encrypted_tokens.InvalidLink:
        return None


def erasure_steps(work: Erasure) -> list[dict[str, Any]]:
    """Every step with when it was done; the one that is under way is the first without."""
    done = {name: datetime.fromisoformat(at) for name, at, _ in msgspec.json.decode(work.log, type=list[Any])}
    return [
        {
            "words": STEP_LABELS.get(step.name, step.name),
            "at": done.get(step.name),
            "now": step.name == work.step != DONE,
        }
        for step in STEPS
    ]
