"""Kafka and the outbox: topics against what they should be, offsets, lag, leaders, waiting rows, single records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from eventshop.admin_console.confirmation import confirm_with_view_permission, reason_field
from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.projection_lag import read_lag
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import section
from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoreEpoch
from eventshop.eventstore.tail_reader import newest_position
from eventshop.formats.form_fields import StrictIntegerField
from eventshop.messaging.models import KnownTopic, RelayCheckpoint
from eventshop.operations.access_log.declarations import Kind, Logged, NotLogged, declare_access
from eventshop.operations.rights import only_staff
from eventshop.operations.staff_actors import staff_actor
from eventshop.operations.topic_operations import republish
from eventshop.projections.models import OutboxRecord
from eventshop.projections.projection import projection_registry
from eventshop.projections.republish_rows import count_rows

#: Waiting rows that are listed, and up to which they are counted.
LISTED: Final = 20
COUNTED: Final = 100_000
_INPUT: Final = {"class": "es-input"}


class RecordsForm(forms.Form):
    """Where to look: a topic, a partition and an offset."""

    topic = forms.CharField(max_length=249, widget=forms.TextInput(attrs={**_INPUT, "list": "topics"}))
    partition = StrictIntegerField(min_value=0, max_value=100_000, widget=forms.NumberInput(attrs=_INPUT))
    offset = StrictIntegerField(min_value=0, max_value=10**18 - 1, widget=forms.NumberInput(attrs=_INPUT))

    def clean_topic(self) -> str:
        topic: str = self.cleaned_data["topic"]
        if not KnownTopic.objects.filter(name=topic).exists():
            raise forms.ValidationError("EventShop has no such topic.")
        return topic


class RepublishForm(forms.Form):
    """Which rows; the first answer says how many they are, the second publishes them."""

    button = "Dry run"
    dangerous = False

    projection = forms.ChoiceField(label="Read model", widget=forms.Select(attrs=_INPUT))
    first = forms.CharField(label="From key", required=False, max_length=250, widget=forms.TextInput(attrs=_INPUT))
    last = forms.CharField(label="To key", required=False, max_length=250, widget=forms.TextInput(attrs=_INPUT))
    reason = reason_field("The operator log shows it with your name.", max_length=400)
    publish = forms.BooleanField(label="Publish them now", required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.effect = (
            "Readers of the topic get the newest value of each row once more. First it says how many they are."
        )
        names = sorted(projection.name for projection in projection_registry.select([]))
        self.fields["projection"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]


@admin.register(KnownTopic)
class KnownTopicAdmin(ReadOnlyAdmin):
    access = NotLogged("names of topics")
    empty_message = "No topic is known: the event log is the event table, or create_topics has not run."
    list_display = ("name", "partitions", "topic_id", "known_since")
    ordering = ("name",)
    fieldsets = (section("Topic", "name", "partitions", "known_since"), section("On Kafka", "topic_id", "cluster_id"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("kafka/", view(self.kafka), name="kafka"),
            path("records/", view(self.records), name="kafka_records"),
            path("republish/", view(self.republish), name="kafka_republish"),
            *super().get_urls(),
        ]

    @only_staff("log.view_knowntopic")
    @declare_access(NotLogged("topics, offsets and leaders"))
    def kafka(self, request: HttpRequest) -> HttpResponse:
        self._require_view(request)
        topics, problem = _topics()
        lag = read_lag()
        context = {
            "topics": topics,
            "problem": problem,
            "has_kafka": bool(settings.KAFKA_OPTIONS),
            "lag": lag.statuses,
            "leaders": [
                (row, datetime_html(row.moved_at), datetime_html(row.leased_until))
                for row in RelayCheckpoint.objects.order_by("topic")
            ],
            "epochs": [(row, datetime_html(row.began_at)) for row in StoreEpoch.objects.order_by("-number")[:5]],
            "head": newest_position(),
            **_outbox(),
            "records_form": RecordsForm(None),
        }
        return self._render(request, "console/kafka.html", "Kafka and outbox", context)

    @only_staff("log.view_knowntopic", "store.view_storedevent")
    @declare_access(Logged(Kind.EVENTS))
    def records(self, request: HttpRequest) -> HttpResponse:
        """Records from an offset on, as they are on the topic: what is personal in them is encrypted."""
        self._require_view(request)
        if not request.user.has_perm("store.view_storedevent"):
            raise PermissionDenied
        form, found, problem = RecordsForm(request.GET or None), list[Any](), ""
        if form.is_valid() and settings.KAFKA_OPTIONS:
            from eventshop.messaging.kafka.topic_inspection import read_records

            values = form.cleaned_data
            try:
                found = read_records(values["topic"], values["partition"], values["offset"])
            except EventShopError as error:
                problem = str(error)
        elif not settings.KAFKA_OPTIONS:
            problem = "The event log is the event table; there are no topics."
        context = {
            "form": form,
            "problem": problem,
            "records": [
                (record, datetime_html(record.written_at), event_url(record.position) if record.position else "")
                for record in found
            ],
            "next_offset": found[-1].offset + 1 if found else None,
            "known_topics": KnownTopic.objects.order_by("name").values_list("name", flat=True),
        }
        return self._render(request, "console/kafka_records.html", "Records of a topic", context)

    @only_staff("log.view_knowntopic", "projection_engine.rebuild_projection")
    @declare_access(NotLogged("a form"))
    def republish(self, request: HttpRequest) -> HttpResponse:
        self._require_view(request)
        if not request.user.has_perm("projection_engine.rebuild_projection"):
            raise PermissionDenied
        form = RepublishForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            values = form.cleaned_data
            name, first, last = values["projection"], values["first"], values["last"]
            try:
                if values["publish"]:
                    actor = staff_actor(request.user)
                    number = republish(name, first, last, actor=actor, reason=values["reason"])
                    messages.success(request, f"{number:,} rows of {name} are in the outbox.")
                    return HttpResponseRedirect(reverse("admin:kafka"))
                number = count_rows(projection_registry.get(name), first, last)
                form.effect = f"{number:,} rows of {name} would be published. Tick the box to publish them."
                form.button = "Go on"
            except EventShopError as error:
                form.add_error(None, str(error))
        return confirm_with_view_permission(self, request, "Publish rows again", form, reverse("admin:kafka"))

    def _require_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _render(self, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context}
        return TemplateResponse(request, template, context)


def _topics() -> tuple[Sequence[Any], str]:
    """The topics as they are, or why they are unknown."""
    if not settings.KAFKA_OPTIONS:
        return [], ""
    from eventshop.messaging.kafka import topics
    from eventshop.messaging.kafka.topic_inspection import inspect_topics

    try:
        specs = topics.topic_specs(projection.topic for projection in projection_registry.select([]))
        return inspect_topics(specs), ""
    except EventShopError as error:
        return [], str(error)


def _outbox() -> dict[str, Any]:
    """Rows that wait to be published, the oldest first, without their values."""
    rows = OutboxRecord.objects.order_by("position").annotate(size=Length(F("value"))).defer("value", "headers")
    waiting = rows[:LISTED]
    return {
        "outbox": [(row, datetime_html(row.created_at)) for row in waiting],
        "outbox_count": OutboxRecord.objects.order_by()[:COUNTED].count(),
        "outbox_limit": COUNTED,
    }
