"""Pages where people see and decide what is done with their data. Each shows the person who is signed in, nobody else.

They read the person's own events, so what somebody has just decided is there at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from eventshop.core.errors import AlreadyTaken, CommandIdReused, CommandRefused, InvalidMessage
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from eventshop.web.pages.command_form import CommandForm, report_duplicate
from eventshop.web.pages.post_only import post_only
from eventshop.web.shared import customer_port
from users.application.consent_receipts import Decision, list_decisions, build_receipt
from users.application.customer_adapter import Person, newest_events, load_person
from users.application.data_export import ExportedEvent, encode_export, export_personal_data
from users.application.user_timeline import timeline_entry, flatten_values, humanise_name, describe_event
from users.domain.commands import ExportData, GrantConsent, UserCommand, WithdrawConsent
from users.domain.errors import NoticeExpired
from users.domain.events import ConsentExpired, ConsentGranted, ConsentWithdrawn, DataAccessed, ProcessingRecorded
from users.domain.privacy_notices import NOTICES, current_notice
from users.domain.purposes import BY_CONSENT, PURPOSES, Basis, consent_expiry
from users.pages.forms import ChoiceForm

P = ParamSpec("P")

#: How much of a log one page shows.
MAX_LOG_ENTRIES = 200
#: How many decisions the page of consents shows before it is asked for all.
MAX_DECISIONS = 20
#: For purposes that are not asked about: the rules then refuse the consent, whatever it says.
NO_EXPIRY = datetime.max.replace(tzinfo=UTC)


def person_page(page: Callable[Concatenate[HttpRequest, Person, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """For signed-in customers, with all that happened to them."""

    @wraps(page)
    def shown(request: HttpRequest, user_id: UUID, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return page(request, load_person(user_id), *args, **kwargs)

    return customer_port.customer_required(shown)


def send_command(request: HttpRequest, me: Person, command: Callable[[], UserCommand], form_id: UUID) -> bool:
    """Make and send the command that a form means. False when it was refused; the next page then says why.

    Raises `AlreadyTaken`, which belongs beside a field.
    """
    try:
        command_dispatcher.send(command(), envelope=Envelope(command_id=form_id, actor=str(me.id)))
    except AlreadyTaken:
        raise
    except CommandIdReused:
        report_duplicate(request, "things stand")
    except NoticeExpired:
        messages.warning(request, "The notice has changed since you opened the page. Please read it and decide again.")
    except (CommandRefused, InvalidMessage) as refusal:
        messages.error(request, f"{refusal.message}.")
    else:
        return True
    return False


@require_safe
@person_page
def home(request: HttpRequest, me: Person) -> HttpResponse:
    """Everything a person can do about their data."""
    return render(request, "my/home.html", {"me": me, "given": len(me.state.consents)})


# --- consents ----------------------------------------------------------------------------------------------------


@require_safe
@person_page
def consents(request: HttpRequest, me: Person) -> HttpResponse:
    """What is asked, what was answered, and all that happened in between."""
    now = datetime.now(UTC)
    given = {it.granted.purpose: it for it in reversed(list_decisions(me)) if not it.ended and it.granted.expires_at > now}
    choices = [(purpose, given.get(purpose.term), new_id(), consent_expiry(purpose.term, now)) for purpose in BY_CONSENT]
    kinds = ConsentGranted | ConsentWithdrawn | ConsentExpired
    history = [timeline_entry(recorded) for recorded in reversed(me.events) if isinstance(recorded.event, kinds)]
    context = {
        "choices": choices,
        "history": history if "all" in request.GET else history[:MAX_DECISIONS],
        "older": 0 if "all" in request.GET else max(0, len(history) - MAX_DECISIONS),
        "notice": current_notice(now),
        "others": [purpose for purpose in PURPOSES.values() if purpose.basis is not Basis.CONSENT],
    }
    return render(request, "my/consents.html", context)


@post_only("users:consents")
@person_page
def choose_consent(request: HttpRequest, me: Person, term: str) -> HttpResponse:
    """Agree to one purpose or take the consent back."""
    form = ChoiceForm(request.POST)
    if not form.is_valid() or term not in PURPOSES:
        raise Http404
    values, now = form.cleaned_data, datetime.now(UTC)

    def command() -> UserCommand:
        if values["answer"] == "no":
            return WithdrawConsent(me.id, term)
        return GrantConsent(me.id, term, values["notice"], at=now, expires_at=consent_expiry(term, now) or NO_EXPIRY)

    if send_command(request, me, command, values["form_id"]):
        said = "You agreed to" if values["answer"] == "yes" else "You took back your consent to"
        messages.success(request, f"{said} “{PURPOSES[term].label}”.")
    return redirect("users:consents")


def _get_decision(me: Person, version: int) -> Decision:
    for decision in list_decisions(me):
        if decision.meta.version == version:
            return decision
    raise Http404


@require_safe
@person_page
def consent_receipt(request: HttpRequest, me: Person, version: int) -> HttpResponse:
    """Proof of one consent, to print or keep."""
    context = {"decision": _get_decision(me, version), "organisation": settings.ORGANISATION}
    return render(request, "my/receipt.html", context)


@require_safe
@person_page
def consent_receipt_json(request: HttpRequest, me: Person, version: int) -> HttpResponse:
    """The same for programs."""
    answer = JsonResponse(build_receipt(_get_decision(me, version)), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="consent-receipt-{version}.json"'
    return answer


@require_safe
def privacy_notice(request: HttpRequest, version: str | None = None) -> HttpResponse:
    """The notice as it is now, or as it was in one version; and every purpose."""
    notice = NOTICES.get(version) if version else current_notice(datetime.now(UTC))
    if notice is None:
        raise Http404
    context = {"notice": notice, "versions": reversed(NOTICES.values()), "purposes": PURPOSES.values()}
    return render(request, "my/privacy.html", context)


# --- the log --------------------------------------------------------------------------------------------------------


@require_safe
@person_page
def processing_log(request: HttpRequest, me: Person) -> HttpResponse:
    """What was done with the data, and who looked at it."""
    done, looked = (newest_events(me.id, kind, MAX_LOG_ENTRIES) for kind in (ProcessingRecorded, DataAccessed))
    return render(request, "my/log.html", {"done": [*map(timeline_entry, done)], "looked": [*map(timeline_entry, looked)]})


# --- everything --------------------------------------------------------------------------------------------------


@require_safe
@person_page
def personal_data(request: HttpRequest, me: Person) -> HttpResponse:
    """All that is held, to read."""
    held = export_personal_data(me.id, at=datetime.now(UTC))
    words = {it.meta.event_id: describe_event(it.event) for it in store.get_events(me.id)}
    titles: dict[UUID, str] = {}
    streams: dict[str, list[tuple[ExportedEvent, str, list[tuple[str, str]]]]] = {}
    for it in held.events:
        title = "Your account" if it.stream == me.id else f"{it.stream_type} {it.data.get('reference') or it.stream}"
        streams.setdefault(titles.setdefault(it.stream, title), []).append(
            (it, words.get(it.event_id, humanise_name(it.event_type)), list(flatten_values(it.data)))
        )
    return render(request, "my/data.html", {"held": held, "streams": streams, "form_id": new_id()})


@post_only("users:data")
@person_page
def download_export(request: HttpRequest, me: Person) -> HttpResponse:
    """All that is held, to take away; that a copy was taken is on record."""
    form = CommandForm(request.POST)
    if not form.is_valid() or not send_command(request, me, lambda: ExportData(me.id), form.cleaned_data["form_id"]):
        return redirect("users:data")
    now = datetime.now(UTC)
    answer = HttpResponse(encode_export(export_personal_data(me.id, at=now)), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="my-data-{now:%Y-%m-%d}.json"'
    return answer
