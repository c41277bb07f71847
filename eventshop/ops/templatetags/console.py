"""`{{ event.actor|by }}`, in every template without `load`."""

from __future__ import annotations

from django import template

from eventshop.ops.console.naming import by

register = template.Library()
register.filter("by", by)
