"""The filters `{{ value|datetime }}` and `{{ value|date_html }}`, in every template without `load`."""

from __future__ import annotations

from django import template

from eventshop.datetimes import format_date_html, format_datetime_html

register = template.Library()
register.filter("datetime", format_datetime_html)
register.filter("date_html", format_date_html)
