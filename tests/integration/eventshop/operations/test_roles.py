"""The ready-made roles: groups with the permissions of a job, and no more than that."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from eventshop.operations.models import OperatorAction
from eventshop.operations.roles import DESCRIPTIONS, RolePart, UnknownRole, ensure_roles, permissions_of, register
from tests.support.pages import texts
from tests.support.sales import Sale
from tests.support.staff import boss, order_url, record_sales, sign_in

pytestmark = [
    pytest.mark.usefixtures("clean_database"),
    pytest.mark.long(on="postgres"),  # about rights
]


def test_roles_are_created_once_and_keep_what_somebody_added() -> None:
    call_command("ensure_roles")
    assert set(Group.objects.values_list("name", flat=True)) == set(DESCRIPTIONS)
    support = Group.objects.get(name="Support")
    names = {f"{one.content_type.app_label}.{one.codename}" for one in support.permissions.all()}
    assert names == permissions_of("Support") != set()
    added = Permission.objects.get(codename="view_signedroot")
    support.permissions.add(added)
    support.permissions.remove(Permission.objects.get(codename="cancel_order"))
    assert ensure_roles()["Support"] == 1 and added in support.permissions.all()
    assert ensure_roles(reset=True)["Support"] == 1 and added not in support.permissions.all()
    assert not any(ensure_roles().values())
    assert OperatorAction.objects.filter(action="ensure roles").count() == 1


def test_roles_hold_what_they_promise() -> None:
    changing = {"add", "change", "delete", "cancel", "refund", "rebuild", "skip", "retry", "operate", "reveal", "set"}
    assert not {name for name in permissions_of("Auditor") if name.split(".")[1].split("_")[0] in changing}
    assert "users.reveal_personal" not in permissions_of("Operations") | permissions_of("Finance")
    for role in DESCRIPTIONS:
        assert permissions_of(role), role
        assert not {name for name in permissions_of(role) if name.startswith("auth.") and ".view_" not in name}, role
    with pytest.raises(UnknownRole):
        register(RolePart("Janitor", ()))


def test_somebody_with_a_role_sees_its_pages_and_no_others() -> None:
    sale = Sale(1)
    record_sales(sale)
    ensure_roles()
    user = User.objects.create(username="sam", is_staff=True)
    user.groups.set([Group.objects.get(name="Support")])
    sam = sign_in(user)
    assert sam.get(order_url(sale)).status_code == 200
    assert sam.get("/admin/store/storedevent/").status_code == 403
    user.groups.set([Group.objects.get(name="Operations")])
    sam = sign_in(User.objects.get(pk=user.pk))
    assert sam.get("/admin/store/storedevent/").status_code == 200
    assert sam.get("/admin/projections/userprofile/").status_code == 403
    shown = boss().get("/admin/auth/group/")
    assert shown.status_code == 200 and DESCRIPTIONS["Support"] in shown.content.decode()
    assert texts(shown, id="result_list")
