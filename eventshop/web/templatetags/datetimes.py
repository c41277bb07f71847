"""The filters `datetime`, `date_html` and, for texts, `day_text`: in every template without `load`."""

from __future__ import annotations

from django import template

from eventshop.datetimes import format_date, format_date_html, format_datetime_html

register = template.Library()
register.filter("datetime", format_datetime_html)
register.filter("date_html", format_date_html)
register.filter("day_text", format_date)
