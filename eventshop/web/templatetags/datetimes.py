"""`{{ at|moment }}` and `{{ at|day }}`, in every template without `load`."""

from __future__ import annotations

from django import template

from eventshop.datetimes import day, moment

register = template.Library()
register.filter("moment", moment)
register.filter("day", day)
