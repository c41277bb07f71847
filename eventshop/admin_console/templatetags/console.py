"""Filters and tags of the console; template builtins, so that no template has to load them."""

from __future__ import annotations

from django import template
from django.contrib.admin.helpers import AdminReadonlyField
from django.template import Context
from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.registry import Link
from eventshop.admin_console.row_page import field_value
from eventshop.admin_console.sidebar import place_of

register = template.Library()
register.filter("actor_label", actor_label)


@register.simple_tag(takes_context=True, name="field_value")
def show_field(context: Context, field: AdminReadonlyField) -> str | SafeString:
    """The value of a field on the page of a row."""
    return field_value(field, context["request"])


@register.simple_tag(takes_context=True)
def console_path(context: Context) -> list[Link]:
    """The way to the page of a list or a row, in the sidebar's words; empty for any other page."""
    options, title = context.get("opts"), str(context.get("title") or "")
    place = place_of(options.model) if options is not None else None
    if options is None or place is None:
        return []
    section, entry = place
    steps = [Link(section, ""), Link(entry, reverse(f"admin:{options.app_label}_{options.model_name}_changelist"))]
    return steps if "cl" in context or title == entry else [*steps, Link(title, "")]
