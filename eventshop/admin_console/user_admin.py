"""Django's users and groups with Unfold's forms and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse

from eventshop.admin_console.display_names import actor_name
from eventshop.admin_console.unfold_adapter import UnfoldModelAdmin, display
from eventshop.operations.access_log.declarations import Kind, Logged, NotLogged

if TYPE_CHECKING:
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
    from django.contrib.auth.forms import AdminUserCreationForm as UserCreationForm

    DjangoUserAdmin: TypeAlias = UserAdmin[Any]
else:
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

    DjangoUserAdmin = UserAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffUserAdmin(DjangoUserAdmin, UnfoldModelAdmin):
    access = Logged(Kind.ROWS)
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    # Django's two-box chooser is wider than the page, and screen readers cannot read its labels.
    filter_horizontal = ()
    list_display = ("display_name", "email", "first_name", "last_name", "is_staff")

    @display(description="username", ordering="username")
    def display_name(self, login: User) -> str:
        """The username of a customer's login is the customer's id, so it is shown in its short form."""
        return actor_name(login.username)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        login = self.get_object(request, object_id)
        title = {"title": actor_name(login.username)} if login else {}
        return super().change_view(request, object_id, form_url, {**title, **(extra_context or {})})


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, UnfoldModelAdmin):
    access = NotLogged("groups and their permissions")
    filter_horizontal = ()
