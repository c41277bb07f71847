"""What is missing from figures: `{% missing_from "daily-sales" as missing %}`."""

from __future__ import annotations

from django.template import Library

from eventshop.operations import completeness
from eventshop.operations.completeness import Missing

register = Library()


@register.simple_tag
def missing_from(*projections: str) -> Missing | None:
    """What these projections lack; None if nothing. As text it is a sentence for staff."""
    return completeness.missing_from(projections)
