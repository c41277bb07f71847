"""Pages of the privacy centre: consents, the processing log, and the data export of the signed-in person.

They replay the person's events instead of reading a read model, so that people read their own writes.
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
from eventshop.core.request_context import note_access
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from eventshop.operations.access_log.declarations import Kind, Logged, declare_access
from eventshop.operations.rights import Audience, open_to
from eventshop.privacy.processing import DataUse, require_ground
from eventshop.privacy.retention import load_rules
from eventshop.web.pages.command_form import CommandForm, report_duplicate
from eventshop.web.pages.post_only import post_only
from eventshop.web.shared import customer_port
from users.application.access_history import list_reads
from users.application.consent_receipts import Decision, build_receipt, list_decisions
from users.application.customer_adapter import Person, load_person, newest_events
from users.application.data_export import ExportedEvent, encode_export, export_personal_data
from users.application.user_timeline import describe_event, flatten_values, humanise_name, timeline_entry
from users.domain.commands import ExportData, GrantConsent, UserCommand, WithdrawConsent
from users.domain.errors import NoticeExpired
from users.domain.events import ConsentExpired, ConsentGranted, ConsentWithdrawn, DataAccessed, ProcessingRecorded
from users.domain.privacy_notices import NOTICES, current_notice
from users.domain.purposes import CONSENTABLE, PURPOSES, PURSUED, Basis, consent_expiry
from users.pages.forms import ChoiceForm

P = ParamSpec("P")

#: Entries per list on the page of the processing log.
MAX_LOG_ENTRIES = 200
#: Decisions on the page of consents without the parameter `all`.
MAX_DECISIONS = 20
#: Expiry for purposes without consent; the aggregate refuses such a consent anyway.
NO_EXPIRY = datetime.max.replace(tzinfo=UTC)


def person_page(view: Callable[Concatenate[HttpRequest, Person, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view for signed-in customers: it receives the loaded person."""

    @wraps(view)
    def wrapper(request: HttpRequest, user_id: UUID, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(request, load_person(user_id), *args, **kwargs)

    return customer_port.customer_required(wrapper)


def send_command(request: HttpRequest, me: Person, command: Callable[[], UserCommand], form_id: UUID) -> bool:
    """Build and send the command of a form. False if it was refused: the next page then shows the reason.

    Raises `AlreadyTaken`, which the caller shows beside a field.
    """
    try:
        command_dispatcher.send(command(), envelope=Envelope(command_id=form_id, actor=str(me.id)))
    except AlreadyTaken:
        raise
    except CommandIdReused:
        report_duplicate(request, "your data")
    except NoticeExpired as refusal:
        messages.warning(
            request,
            "The privacy notice has changed since you opened the page. Please read it and decide again.",
            extra_tags=refusal.code,
        )
    except (CommandRefused, InvalidMessage) as refusal:
        messages.error(request, f"{refusal.message}.", extra_tags=refusal.code)
    else:
        return True
    return False


@require_safe
@person_page
def home(request: HttpRequest, me: Person) -> HttpResponse:
    """The start page of the privacy centre."""
    return render(request, "users/home.html", {"me": me, "given": len(me.state.consents)})


# --- consents ----------------------------------------------------------------------------------------------------


@require_safe
@person_page
def consents(request: HttpRequest, me: Person) -> HttpResponse:
    """Every purpose with the person's decision, and the history of decisions."""
    now = datetime.now(UTC)
    given = {
        decision.granted.purpose: decision
        for decision in reversed(list_decisions(me))
        if not decision.ended and decision.granted.expires_at > now
    }
    choices = [
        (purpose, given.get(purpose.term), new_id(), consent_expiry(purpose.term, now))
        for purpose in CONSENTABLE
        if purpose.is_pursued or purpose.term in given
    ]
    consent_events = ConsentGranted | ConsentWithdrawn | ConsentExpired
    history = [
        timeline_entry(recorded) for recorded in reversed(me.events) if isinstance(recorded.event, consent_events)
    ]
    context = {
        "choices": choices,
        "history": history if "all" in request.GET else history[:MAX_DECISIONS],
        "older": 0 if "all" in request.GET else max(0, len(history) - MAX_DECISIONS),
        "notice": current_notice(now),
        "others": [purpose for purpose in PURSUED if purpose.basis is not Basis.CONSENT],
    }
    return render(request, "users/consents.html", context)


@post_only("users:consents")
@person_page
def choose_consent(request: HttpRequest, me: Person, term: str) -> HttpResponse:
    """Grant or withdraw the consent to one purpose."""
    form = ChoiceForm(request.POST)
    if not form.is_valid() or term not in PURPOSES:
        raise Http404
    values, now = form.cleaned_data, datetime.now(UTC)

    def command() -> UserCommand:
        if values["answer"] == "no":
            return WithdrawConsent(me.id, term)
        return GrantConsent(me.id, term, values["notice"], at=now, expires_at=consent_expiry(term, now) or NO_EXPIRY)

    if send_command(request, me, command, values["form_id"]):
        decided = "You agreed to" if values["answer"] == "yes" else "You took back your consent to"
        messages.success(request, f"{decided} “{PURPOSES[term].label}”.")
    return redirect("users:consents")


def _load_decision_or_404(me: Person, version: int) -> Decision:
    for decision in list_decisions(me):
        if decision.meta.version == version:
            return decision
    raise Http404


@require_safe
@person_page
def consent_receipt(request: HttpRequest, me: Person, version: int) -> HttpResponse:
    """The receipt of one consent as a page."""
    context = {"decision": _load_decision_or_404(me, version), "organisation": settings.ORGANISATION}
    return render(request, "users/receipt.html", context)


@require_safe
@person_page
def consent_receipt_json(request: HttpRequest, me: Person, version: int) -> HttpResponse:
    """The receipt of one consent as a JSON file."""
    response = JsonResponse(build_receipt(_load_decision_or_404(me, version)), json_dumps_params={"indent": 2})
    response["Content-Disposition"] = f'attachment; filename="consent-receipt-{version}.json"'
    return response


@open_to(Audience.EVERYBODY)
@require_safe
def privacy_notice(request: HttpRequest, version: str | None = None) -> HttpResponse:
    """The current privacy notice or one version of it, with every purpose of processing."""
    notice = NOTICES.get(version) if version else current_notice(datetime.now(UTC))
    if notice is None:
        raise Http404
    context = {
        "notice": notice,
        "versions": reversed(NOTICES.values()),
        "purposes": PURSUED,
        "rules": load_rules(),
        "authority": settings.SUPERVISORY_AUTHORITY,
        "controller": {
            "name": settings.ORGANISATION,
            "address": settings.SELLER_ADDRESS,
            "email": settings.SELLER_EMAIL,
        },
    }
    return render(request, "users/privacy.html", context)


# --- processing log ----------------------------------------------------------------------------------------------


@require_safe
@person_page
def processing_log(request: HttpRequest, me: Person) -> HttpResponse:
    """How the data was used, when staff viewed personal values, and who read the person's streams and rows."""
    uses = newest_events(me.id, ProcessingRecorded, MAX_LOG_ENTRIES)
    accesses = newest_events(me.id, DataAccessed, MAX_LOG_ENTRIES)
    context = {
        "uses": [*map(timeline_entry, uses)],
        "accesses": [*map(timeline_entry, accesses)],
        "reads": list_reads(me.id, MAX_LOG_ENTRIES),
    }
    return render(request, "users/log.html", context)


# --- data export -------------------------------------------------------------------------------------------------


@declare_access(Logged(Kind.EXPORT))
@require_safe
@person_page
def personal_data(request: HttpRequest, me: Person) -> HttpResponse:
    """All data about the person as a page."""
    export = export_personal_data(me.id, at=datetime.now(UTC))
    sentences = {recorded.meta.event_id: describe_event(recorded.event) for recorded in store.get_events(me.id)}
    note_access(stream=me.id, rows=len(export.events))
    titles: dict[UUID, str] = {}
    streams: dict[str, list[tuple[ExportedEvent, str, list[tuple[str, str]]]]] = {}
    for event in export.events:
        reference = event.data.get("reference") or event.stream
        title = titles.setdefault(
            event.stream, "Your account" if event.stream == me.id else f"{event.stream_type} {reference}"
        )
        sentence = sentences.get(event.event_id, humanise_name(event.event_type))
        streams.setdefault(title, []).append((event, sentence, list(flatten_values(event.data))))
    return render(request, "users/data.html", {"export": export, "streams": streams, "form_id": new_id()})


@declare_access(Logged(Kind.EXPORT))
@post_only("users:data")
@person_page
def download_export(request: HttpRequest, me: Person) -> HttpResponse:
    """All data about the person as a JSON file; each download is recorded as an event."""
    form = CommandForm(request.POST)
    if not form.is_valid() or not send_command(request, me, lambda: ExportData(me.id), form.cleaned_data["form_id"]):
        return redirect("users:data")
    note_access(stream=me.id)
    # `DataExported` is the record.
    require_ground(DataUse(me.id, "LegalCompliance", "A copy of all data", ("everything",), new_id()))
    now = datetime.now(UTC)
    response = HttpResponse(encode_export(export_personal_data(me.id, at=now)), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="my-data-{now:%Y-%m-%d}.json"'
    return response
