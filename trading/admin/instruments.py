"""The instruments in the admin. A change adds a version, which applies to trades that are submitted afterwards."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.unfold_adapter import display
from eventshop.core.errors import EventShopError
from eventshop.formats.form_fields import StrictDecimalField, StrictIntegerField, TextField
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.staff_actors import staff_actor, staff_name
from trading.application.instruments import save_listing, versions_of
from trading.application.number_formatting import format_number
from trading.domain.business_days import CALENDARS
from trading.domain.instruments import COLUMNS
from trading.models import InstrumentVersion

#: Versions of an instrument that its page lists, newest first.
_MOST_VERSIONS: Final = 50
_CALENDARS: Final = [("", "Choose a calendar"), *((name, name) for name in sorted(CALENDARS))]


class InstrumentForm(forms.ModelForm):  # type: ignore[type-arg]
    """The terms of an instrument; the version that was shown must still be the newest one."""

    settlement_calendar = forms.ChoiceField(
        choices=_CALENDARS, widget=UnfoldAdminSelectWidget, help_text="The days on which trades settle."
    )
    trading_calendar = forms.ChoiceField(
        choices=_CALENDARS,
        widget=UnfoldAdminSelectWidget,
        help_text="The days on which the venue trades, and when they end.",
    )

    class Meta:
        model = InstrumentVersion
        fields = (*COLUMNS, "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.pop("reason", None)  # that of the shown version is none for the next one

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        code = self.instance.code if self.instance.pk else values["code"]
        shown = self.instance.version if self.instance.pk else 0
        newest = versions_of(code).values_list("version", flat=True).first() or 0
        if shown != newest:
            raise forms.ValidationError(
                f"Version {newest} of {code} is there already; open it and change that one.", code="instrument-changed"
            )
        try:
            InstrumentVersion(**{**values, "code": code}).to_listing()
        except EventShopError as error:
            raise forms.ValidationError(error.message, code=error.code) from None
        return values


@admin.register(InstrumentVersion)
class InstrumentAdmin(ModelAdmin):  # type: ignore[misc]
    """The newest version of each instrument, and its history."""

    access = NotLogged("the table of instruments")
    form = InstrumentForm
    list_display = ("code", "currency", "tick_text", "lot_text", "settlement", "trading_calendar", "active", "version")
    fields = InstrumentForm.Meta.fields
    list_filter = ("trading_calendar", "currency")
    search_fields = ("code",)
    ordering = ("code",)
    formfield_overrides: ClassVar[dict[type[models.Field[Any, Any]], dict[str, Any]]] = {
        models.DecimalField: {"form_class": StrictDecimalField},
        models.PositiveSmallIntegerField: {
            "form_class": StrictIntegerField,
            "widget": UnfoldAdminIntegerFieldWidget,
        },
        models.CharField: {"form_class": TextField},
    }
    change_form_template = "trading/admin/instrument.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[InstrumentVersion]:
        newer = InstrumentVersion.objects.filter(code=OuterRef("code"), version__gt=OuterRef("version"))
        versions: QuerySet[InstrumentVersion] = super().get_queryset(request)
        return versions.filter(~Exists(newer))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: InstrumentVersion, form: Any, change: bool) -> None:
        """Add a version; `obj` becomes the newest row. Raises `InstrumentChanged` if somebody else was faster."""
        shown = obj.version if change else 0
        save_listing(obj.to_listing(), actor=staff_actor(request.user), reason=obj.reason, expected_version=shown)
        newest = versions_of(obj.code).first()
        assert newest is not None  # noqa: S101  (narrows a type; it was added just now, or nothing has changed)
        obj.pk, obj.version = newest.pk, newest.version

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        shown = self.get_object(request, object_id)
        history = [
            (row, datetime_html(row.changed_at), staff_name(row.changed_by))
            for row in (versions_of(shown.code)[:_MOST_VERSIONS] if shown else ())
        ]
        context = {**(extra_context or {}), "history": history}
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

    @display(description="tick")
    def tick_text(self, row: InstrumentVersion) -> str:
        return format_number(row.tick) + (" and more" if row.tick_table else "")

    @display(description="lot")
    def lot_text(self, row: InstrumentVersion) -> str:
        return format_number(row.lot)

    @display(description="settles")
    def settlement(self, row: InstrumentVersion) -> str:
        return f"T+{row.settlement_days}, {row.settlement_calendar}"

    @display(description="active")
    def active(self, row: InstrumentVersion) -> str:
        if not row.active_from and not row.active_to:
            return "always"
        return f"{row.active_from or '…'} to {row.active_to or '…'}"
