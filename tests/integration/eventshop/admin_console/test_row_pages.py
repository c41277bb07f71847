"""Every page of a row is designed: it has sections with headings, or a template of its own; or it is named why not."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory

from eventshop.admin_console.row_page import ROW_TEMPLATE

#: Pages that are Django's own forms, and why they stay so.
DJANGOS_FORMS: Final = {
    "auth.group": "two fields: the name, and the permissions to choose from",
    "auth.user": "Django's form with its own sections",
    "trading.instrumentversion": "a form that stores a new version; below it stands the history",
}
_PAGES: dict[Any, Any] = dict(admin.site._registry)


def label(model: Any) -> str:
    return str(model._meta.label_lower)


@pytest.mark.parametrize("model", _PAGES, ids=label)
def test_a_page_has_sections_with_headings_or_is_named(model: Any, db: None) -> None:
    page = _PAGES[model]
    request = RequestFactory().get("/")
    request.user = User(username="ada", is_staff=True, is_superuser=True)
    has_own_template = page.change_form_template not in (None, ROW_TEMPLATE)
    headings = [heading for heading, _ in page.get_fieldsets(request, model())] if not has_own_template else ["own"]
    is_designed = all(headings) and (has_own_template or page.fieldsets)
    assert is_designed or label(model) in DJANGOS_FORMS, headings
    if not page.has_change_permission(request, None):
        assert page.change_form_template, "a page that nobody can change is no form"


@pytest.mark.parametrize("name", sorted(DJANGOS_FORMS))
def test_nothing_is_excused_that_is_not_there(name: str) -> None:
    assert name in map(label, _PAGES)


def test_each_field_is_in_one_section() -> None:
    for model, page in _PAGES.items():
        if page.change_form_template == ROW_TEMPLATE and page.fieldsets:
            names = [name for _, options in page.fieldsets for name in options["fields"]]
            assert len(names) == len(set(names)), label(model)
