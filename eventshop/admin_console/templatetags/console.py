"""The filter `{{ event.actor|actor_label }}`; a template builtin, so that no template has to load it."""

from __future__ import annotations

from django import template

from eventshop.admin_console.display_names import actor_label

register = template.Library()
register.filter("actor_label", actor_label)
