"""What the page of a row shows of other models: only what this member of staff may see there."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse


def may_see(request: HttpRequest, model: type[Model]) -> bool:
    """Whether somebody may see the rows of a model, wherever they are shown."""
    options = model._meta
    return request.user.has_perm(f"{options.app_label}.view_{options.model_name}")


def page_url(model: type[Model], key: Any) -> str:
    """The admin page of a row."""
    options = model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=(quote(str(key)),))
