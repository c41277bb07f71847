"""The pages of the event catalogue: the list of messages, and each event, command, saga and projection."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.registry import Link
from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import registry
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.formats.form_fields import StrictIntegerField
from eventshop.operations import message_catalogue
from eventshop.operations.access_log.declarations import NotLogged, declare_access
from eventshop.operations.message_catalogue import Message
from eventshop.operations.rights import only_staff
from eventshop.projections.projection import projection_registry

#: The newest events whose commands are named as the senders of their type.
OBSERVED: Final = 200
#: The longest text that is checked: as long as an event can be.
MAX_PAYLOAD: Final = 1_000_000


class PayloadForm(forms.Form):
    """A payload to be checked, in one of the versions of the event."""

    version = StrictIntegerField(
        label="Schema version", min_value=1, max_value=10_000, widget=forms.NumberInput(attrs={"class": "es-input"})
    )
    payload = forms.CharField(
        max_length=MAX_PAYLOAD,
        label="Payload as JSON",
        widget=forms.Textarea(attrs={"class": "es-input es-code", "rows": 8, "spellcheck": "false"}),
    )


@only_staff("store.view_storedevent")
@declare_access(NotLogged("descriptions of messages"))
def catalogue_page(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Every event, command, saga and projection of the program."""
    _require_view(request, model_admin)
    sections = {
        "events": [(_link("event", event.name), event) for event in message_catalogue.events()],
        "commands": [(_link("command", command.name), command) for command in message_catalogue.commands()],
        "sagas": [
            (_link("saga", saga.kind), message_catalogue.about(saga), saga.version)
            for saga in message_catalogue.sagas()
        ],
        "projections": [
            (_link("projection", one.name), message_catalogue.about(one.model), one.version)
            for one in sorted(projection_registry.select([]), key=lambda one: one.name)
        ],
    }
    return _render(request, model_admin, "console/catalogue.html", "Event catalogue", sections)


@only_staff("store.view_storedevent")
@declare_access(NotLogged("descriptions of messages"))
def entry_page(request: HttpRequest, model_admin: Any, kind: str, name: str) -> HttpResponse:
    """One entry of the catalogue; a payload that is sent is checked, and stored nowhere. Raises `Http404`."""
    _require_view(request, model_admin)
    makers = {"event": _event_context, "command": _command_context, "saga": _saga_context}
    context = makers.get(kind, _projection_context)(request, name)
    if context is None:
        raise Http404(f"the catalogue has no {kind} {name}")
    return _render(request, model_admin, "console/catalogue_entry.html", name, {"kind": kind, "name": name, **context})


def _event_context(request: HttpRequest, name: str) -> dict[str, Any] | None:
    event = next((one for one in message_catalogue.events() if one.name == name), None)
    if event is None:
        return None
    newest = StoredEvent.objects.filter(event_type=name).order_by("-position")
    position = newest.values_list("position", flat=True).first()
    return {
        **_message_context(event),
        "versions": message_catalogue.versions_of(event),
        "version": event.schema_version,
        "former_names": registry.stored_names(registry.events[name])[1:],
        "related": [
            ("Made by", [_link("command", command) for command in _observed_commands(name)]),
            ("Heard by sagas", [_link("saga", kind) for kind in message_catalogue.sagas_hearing(event)]),
            (
                "Heard by projections",
                [_link("projection", one) for one in message_catalogue.projections_hearing(event)],
            ),
        ],
        "newest_url": event_url(position) if position else "",
        "list_url": f"{reverse('admin:store_storedevent_changelist')}?type={name}",
        **_check(request, event),
    }


def _observed_commands(event_type: str) -> list[str]:
    """The types of the commands that made the newest events of a type."""
    newest = StoredEvent.objects.filter(event_type=event_type).order_by("-position")
    ids = list(newest.values_list("command_id", flat=True)[:OBSERVED])
    return sorted(set(StoredReceipt.objects.filter(pk__in=ids).values_list("command_type", flat=True)))


def _check(request: HttpRequest, event: Message) -> dict[str, Any]:
    """The form, and what became of a payload that was sent."""
    form = PayloadForm(request.POST if request.method == "POST" else None, initial={"version": event.schema_version})
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        version, payload = form.cleaned_data["version"], form.cleaned_data["payload"]
        try:
            read = message_catalogue.check_payload(event.name, version, payload)
            context["read_as"] = _pretty(msgspec.to_builtins(read, str_keys=True))
        except EventShopError as error:
            context["problem"] = str(error)
    return context


def _command_context(request: HttpRequest, name: str) -> dict[str, Any] | None:
    command = next((one for one in message_catalogue.commands() if one.name == name), None)
    if command is None:
        return None
    sagas = [_link("saga", kind) for kind in message_catalogue.sagas_sending(command)]
    return {**_message_context(command), "related": [("Sent by sagas", sagas)]}


def _message_context(message: Message) -> dict[str, Any]:
    return {
        "about": message.about,
        "aggregate": message.aggregate,
        "fields": message_catalogue.fields_of(message),
        "schema": _pretty(message_catalogue.json_schema(message)),
    }


def _saga_context(request: HttpRequest, name: str) -> dict[str, Any] | None:
    saga = next((one for one in message_catalogue.sagas() if one.kind == name), None)
    if saga is None:
        return None
    return {
        "about": message_catalogue.about(saga),
        "version": saga.version,
        "related": [
            ("Hears", [_link("event", event.name) for event in message_catalogue.events_of(saga)]),
            ("Sends", [_link("command", command.name) for command in message_catalogue.commands_of(saga)]),
        ],
    }


def _projection_context(request: HttpRequest, name: str) -> dict[str, Any] | None:
    projection = next((one for one in projection_registry.select([]) if one.name == name), None)
    if projection is None:
        return None
    heard = sorted(registry.name_of(event) for event in projection.handlers)
    return {
        "about": message_catalogue.about(projection.model),
        "version": projection.version,
        "topic": projection.topic,
        "columns": [
            (field.column, field.get_internal_type().removesuffix("Field"))
            for field in projection.model._meta.concrete_fields
        ],
        "related": [("Hears", [_link("event", event) for event in heard])],
    }


def _link(kind: str, name: str) -> Link:
    return Link(name, reverse("admin:catalogue_entry", args=(kind, name)))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _require_view(request: HttpRequest, model_admin: Any) -> None:
    if not model_admin.has_view_permission(request):
        raise PermissionDenied


def _render(
    request: HttpRequest, model_admin: Any, template: str, title: str, context: dict[str, Any]
) -> TemplateResponse:
    common = {**model_admin.admin_site.each_context(request), "opts": StoredEvent._meta, "title": title}
    return TemplateResponse(request, template, common | context)
