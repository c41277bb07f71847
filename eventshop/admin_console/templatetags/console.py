"""`{{ event.actor|by }}`, in every template without `load`."""

from __future__ import annotations

from django import template

from eventshop.admin_console.display_names import by

register = template.Library()
register.filter("by", by)
