"""Privacy pages: people with their personal data masked, and the consent register."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html
from eventshop.admin_console.list_filters import ValuesFilter
from eventshop.admin_console.registry import Link
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, display
from projections.admin.person_page import person_tables
from projections.admin.related import stream_links
from projections.admin.search import SearchById
from projections.models import ConsentRegister, UserProfile
from projections.timeline import follow_stream
from users.admin.users import PersonActions
from users.application.customer_adapter import load_person

MASK: Final = "•••••"
_COLOURS: Final = {"Active": "success", "Leaving": "warning", "Being erased": "danger", "Erased": "info"}
_CONSENT_COLOURS: Final = {
    "Given": "success",
    "Withdrawn": "warning",
    "Expired": "info",
    "Ended with the erasure": "info",
}


def person_link(user_id: UUID) -> SafeString:
    """A link to the page of a person."""
    url = reverse("admin:projections_userprofile_change", args=(user_id,))
    return format_html('<a class="es-link" href="{}" title="{}">{}</a>', url, user_id, short_name("Person", user_id))


@admin.register(UserProfile)
class UserProfileAdmin(PersonActions, SearchById):
    empty_message = "No person has an account yet."
    list_display = (
        "person_column",
        "state",
        "name_mask",
        "email_mask",
        "consents_text",
        "legal_holds",
        "joining_time",
        "erasure_due_time",
    )
    list_filter = (("status", ChoicesDropdownFilter), "restricted")
    search_fields = ("user_id",)
    search_help_text = "Id of a person"
    sortable_by = ("joining_time", "erasure_due_time")
    ordering = ("-created_at", "-user_id")
    change_list_template = "projections/list.html"
    fieldsets = (
        section("Person", "state", "restricted", "user_id", "source", "consents_text", "legal_holds"),
        section("Personal data", "name_mask", "email_mask", "phone_mask", "address_mask", "addresses", "reveal_link"),
        section("Seen and taken", "accesses", "exports"),
        section("Times", "created_at", "updated_at", "erasure_requested_at", "erasure_due_at", "erased_at"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # To find who has an address is to learn that a person has it, so it asks for a reason.
        if "@" in search_term:
            messages.warning(request, "Find people by “Find by e-mail address”, which asks for the reason.")
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def detail_context(self, request: HttpRequest, obj: UserProfile) -> dict[str, Any]:
        return {
            "title": short_name("Person", obj.user_id),
            "subtitle": obj.get_status_display(),
            "stream_links": stream_links(request, obj.pk),
            "tables": person_tables(request, obj.pk),
            **follow_stream(obj.pk, None, f"{obj.status} {obj.holds}"),
        }

    @display(description="phone")
    def phone_mask(self, row: UserProfile) -> str:
        return mask_value(row.phone)

    @display(description="address")
    def address_mask(self, row: UserProfile) -> str:
        return mask_value(row.address)

    @display(description="address book")
    def addresses(self, row: UserProfile) -> str:
        number = len(load_person(row.user_id).state.addresses)
        return f"{MASK} {number:,} delivery address{'es' if number != 1 else ''}" if number else EMPTY_VALUE

    @display(description="to see them")
    def reveal_link(self, row: UserProfile) -> str | SafeString:
        if row.status in (UserProfile.Status.ERASING, UserProfile.Status.ERASED):
            return "erased"
        url = reverse("admin:projections_userprofile_reveal", args=(row.pk,))
        return format_html('<a class="es-link" data-dialog href="{}">Show …</a>, with a reason', url)

    @display(description="status", label=_COLOURS)
    def state(self, row: UserProfile) -> str:
        return row.get_status_display()

    @display(description="person")
    def person_column(self, row: UserProfile) -> str:
        return short_name("Person", row.user_id)

    @display(description="name")
    def name_mask(self, row: UserProfile) -> str:
        return mask_value(row.name)

    @display(description="e-mail")
    def email_mask(self, row: UserProfile) -> str:
        return mask_value(row.email)

    @display(description="consents")
    def consents_text(self, row: UserProfile) -> str:
        return row.consents or EMPTY_VALUE

    @display(description="legal holds")
    def legal_holds(self, row: UserProfile) -> str:
        return str(row.holds) if row.holds else EMPTY_VALUE

    @display(description="joined", ordering="-created_at")
    def joining_time(self, row: UserProfile) -> str | SafeString:
        return datetime_html(row.created_at)

    @display(description="erasure due", ordering="erasure_due_at")
    def erasure_due_time(self, row: UserProfile) -> str | SafeString:
        return datetime_html(row.erasure_due_at)


class PurposeFilter(ValuesFilter):
    title = "purpose"
    parameter_name = "purpose"


@admin.register(ConsentRegister)
class ConsentRegisterAdmin(SearchById):
    empty_message = "No consent was requested yet."
    list_display = (
        "purpose",
        "person_column",
        "state",
        "notice",
        "legal_basis",
        "source",
        "grant_time",
        "expiry_time",
        "end_time",
    )
    list_filter = (PurposeFilter, ("status", ChoicesDropdownFilter))
    search_fields = ("user_id",)
    search_help_text = "Id of a person"
    sortable_by = ("grant_time", "expiry_time")
    ordering = ("-key",)
    change_list_template = "projections/list.html"
    fieldsets = (
        section("Consent", "purpose", "state", "person_column", "grants"),
        section("Times", "given_at", "expires_at", "ended_at"),
        section("What the person agreed to", "notice", "notice_digest", "legal_basis", "source"),
    )

    @display(description="person")
    def person_column(self, row: ConsentRegister) -> SafeString:
        return person_link(row.user_id)

    @display(description="status", label=_CONSENT_COLOURS)
    def state(self, row: ConsentRegister) -> str:
        return row.get_status_display()

    @display(description="given", ordering="given_at")
    def grant_time(self, row: ConsentRegister) -> str | SafeString:
        return datetime_html(row.given_at)

    @display(description="ends", ordering="expires_at")
    def expiry_time(self, row: ConsentRegister) -> str | SafeString:
        return datetime_html(row.expires_at)

    @display(description="ended")
    def end_time(self, row: ConsentRegister) -> str | SafeString:
        return datetime_html(row.ended_at)


def mask_value(value: str) -> str:
    """A mask for a value, so that the page shows only that there is one."""
    return MASK if value else EMPTY_VALUE


def find_person_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """The page of a person's row."""
    if aggregate_type != "User" or not UserProfile.objects.filter(pk=aggregate_id).exists():
        return None
    return Link(
        short_name("Person", aggregate_id), reverse("admin:projections_userprofile_change", args=(aggregate_id,))
    )
