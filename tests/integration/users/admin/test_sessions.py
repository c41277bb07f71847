"""Staff see who is signed in, and end sessions; what they did is recorded."""

from __future__ import annotations

import pytest
from django.urls import reverse

from eventshop.operations.models import OperatorAction
from tests.support.customers import sign_in_customer
from tests.support.staff import actor_of, clerk
from users.models import SignedInSession

pytestmark = pytest.mark.usefixtures("clean_database")

LIST = reverse("admin:users_signedinsession_changelist")


def test_staff_with_the_right_end_a_persons_sessions_and_it_is_recorded() -> None:
    customer, person = sign_in_customer("eve@example.org")
    other, _ = sign_in_customer("adam@example.org")
    staff = clerk("view_signedinsession", "delete_signedinsession")
    session = SignedInSession.objects.get(login__username=str(person))
    page = staff.get(LIST, {"q": str(person)})
    assert [row.pk for row in page.context["cl"].result_list] == [session.pk]
    staff.post(LIST, {"action": "delete_selected", "_selected_action": [session.pk], "post": "yes"})
    assert [client.get("/my/").status_code for client in (customer, other)] == [302, 200]
    [action] = OperatorAction.objects.all()
    assert (action.actor, action.action, action.result) == (actor_of("clerk"), "end sessions", "1 sessions")


def test_staff_without_the_right_only_look() -> None:
    customer, person = sign_in_customer("eve@example.org")
    session = SignedInSession.objects.get(login__username=str(person))
    staff = clerk("view_signedinsession")
    assert staff.post(reverse("admin:users_signedinsession_delete", args=(session.pk,))).status_code == 403
    assert customer.get("/my/").status_code == 200
