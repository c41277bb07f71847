"""A masked value cannot be found by asking: no list of the admin or API answers a condition on a personal column."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any, Final
from uuid import uuid4

import msgspec
import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import RequestFactory

from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.operations.models import AccessRecord
from eventshop.projections.read_model import ReadModel
from eventshop.web.api.resource import Resource
from projections.api import shop, trading
from projections.models import UserProfile
from tests.support.access_log import accesses
from tests.support.api_clients import ApiClient, staff
from tests.support.staff import boss, clerk, update_read_models
from users.domain.commands import CreateUser
from users.domain.events import DataAccessed

pytestmark = [
    pytest.mark.usefixtures("clean_database"),
    pytest.mark.long(on="postgres"),  # about what is asked, before any statement
]

LOOKUPS: Final = ("", *(f"__{name}" for name in ("exact", "iexact", "startswith", "contains", "regex", "gt", "lte")))
LOOKUPS_OF_LISTS: Final = (*LOOKUPS, "__in", "__isnull", "__range", "__length", "__endswith", "__iregex")
ADMINS: Final = {
    model._meta.label_lower: model_admin
    for model, model_admin in admin.site._registry.items()
    if isinstance(model_admin, ReadOnlyAdmin)
}
RESOURCES: Final = {
    str(resource.model._meta.model_name): resource
    for module in (shop, trading)
    for resource in vars(module).values()
    if isinstance(resource, Resource)
}
PATHS: Final = {"userprofile": "people", "ordersummary": "orders"}


def personal_columns(model: type[Model]) -> tuple[str, ...]:
    return tuple(model.personal) if issubclass(model, ReadModel) else ()


@pytest.mark.parametrize("label", sorted(ADMINS))
def test_an_admin_list_is_filtered_by_the_columns_of_its_filters_only(label: str) -> None:
    model_admin = ADMINS[label]
    request = RequestFactory().get("/")
    offered = {*map(_parameter_of, model_admin.list_filter), str(model_admin.date_hierarchy)}
    for field in model_admin.model._meta.concrete_fields:
        allowed = [text for text in LOOKUPS_OF_LISTS if model_admin.lookup_allowed(field.name + text, "a", request)]
        assert not allowed or field.name in offered, field.name
        assert field.name not in personal_columns(model_admin.model) or not allowed, field.name
    assert not model_admin.lookup_allowed("pk__startswith", "a", request)


def _parameter_of(list_filter: Any) -> str:
    """The column of a filter, or its own parameter."""
    if isinstance(list_filter, type):
        return str(getattr(list_filter, "parameter_name", ""))
    return str(list_filter if isinstance(list_filter, str) else list_filter[0])


@pytest.mark.parametrize("label", sorted(ADMINS))
def test_no_admin_list_is_ordered_or_searched_by_a_personal_column(label: str) -> None:
    model_admin = ADMINS[label]
    personal = personal_columns(model_admin.model)
    for name in model_admin.list_display:
        shown = getattr(model_admin, str(name), None)
        assert str(getattr(shown, "admin_order_field", name)).lstrip("-") not in personal
    assert not set(personal) & {*model_admin.search_fields, str(model_admin.date_hierarchy)}
    assert not set(personal) & {str(name).lstrip("-") for name in model_admin.ordering or ()}


@pytest.mark.parametrize("name", sorted(name for name in PATHS))
def test_a_request_with_such_a_condition_is_refused(name: str) -> None:
    """Over HTTP, with every permission but the one to show personal data; facets are not counted either."""
    send(CreateUser(uuid4(), "ada@example.org", "Ada Lovelace"))
    update_read_models()
    resource, client = RESOURCES[name], clerk(f"view_{name}")
    program = ApiClient(staff("program", f"view_{name}"))
    for column in resource.model.personal:
        for lookup in LOOKUPS:
            answer = client.get(f"/admin/projections/{name}/", {f"{column}{lookup}": "a", "_facets": "1"})
            assert answer.status_code == 400, (column, lookup)
            assert program.get(f"{PATHS[name]}?{column}{lookup}=a").status_code == 400, (column, lookup)
        for ordering in (column, f"-{column}"):
            assert program.get(f"{PATHS[name]}?ordering={ordering}").status_code == 400
            cursor = urlsafe_b64encode(msgspec.json.encode({"ordering": ordering, "value": "a", "key": ""})).decode()
            assert program.get(f"{PATHS[name]}?cursor={cursor.rstrip('=')}").status_code == 400
            assert program.get(f"{PATHS[name]}?ordering={ordering}&cursor={cursor.rstrip('=')}").status_code == 400


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_no_list_of_the_api_offers_a_personal_column(name: str) -> None:
    resource = RESOURCES[name]
    offered = {*resource.filters, *resource.orderings, resource.ordering, resource.time}
    assert not {text.lstrip("-") for text in offered} & set(personal_columns(resource.model))


def test_who_has_an_address_is_told_for_a_reason_that_the_person_sees() -> None:
    person = uuid4()
    send(CreateUser(person, "ada@example.org", "Ada Lovelace"))
    update_read_models()
    path = "/admin/projections/userprofile/"
    found = boss().get(path, {"q": "ada@example.org"})
    assert list(found.context["cl"].result_list) == [] and "Find by e-mail address" in found.content.decode()
    url, form = f"{path}find_by_email/", {"email": "Ada@Example.org", "command_id": str(uuid4())}
    assert clerk("view_userprofile").post(url, {**form, "reason": "she called"}).status_code == 403
    finder = clerk("view_userprofile", "reveal_personal")
    assert str(person) not in finder.post(url, form).content.decode()  # no reason
    assert str(person) in finder.post(url, {**form, "reason": "she called"}).content.decode()
    [access] = [record.event for record in store.get_events(person) if isinstance(record.event, DataAccessed)]
    assert (access.fields, access.reason) == (("email",), "she called")
    assert "Nobody" in finder.post(url, {**form, "email": "bob@example.org", "reason": "he called"}).content.decode()
    shown = [record for record in accesses() if record.kind == AccessRecord.Kind.PERSONAL]
    assert [record.stream for record in shown] == [person, None] and shown[0].command_id
    assert boss().get(path, {"q": str(UserProfile.objects.get().pk)}).status_code == 200
