"""Django's users and groups with Unfold's forms and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse

from eventshop.admin_console.display_names import actor_name
from eventshop.admin_console.formatting import EMPTY_VALUE
from eventshop.admin_console.password_forms import OthersPasswordForm
from eventshop.admin_console.unfold_adapter import UnfoldModelAdmin, display
from eventshop.operations.access_log.declarations import Kind, Logged, NotLogged
from eventshop.operations.roles import DESCRIPTIONS

if TYPE_CHECKING:
    from django.contrib.auth.forms import AdminUserCreationForm as UserCreationForm
    from django.contrib.auth.forms import UserChangeForm

    DjangoUserAdmin: TypeAlias = UserAdmin[Any]
else:
    from unfold.forms import UserChangeForm, UserCreationForm

    DjangoUserAdmin = UserAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffUserAdmin(DjangoUserAdmin, UnfoldModelAdmin):
    access = Logged(Kind.ROWS)
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = OthersPasswordForm
    # Django's two-box chooser is wider than the page, and screen readers cannot read its labels.
    filter_horizontal = ()

    list_display = ("display_name", "email", "first_name", "last_name", "is_staff")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As Django has it: whoever adds a user sees and changes them on the next page."""
        return super().has_add_permission(request) and self.has_change_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only superusers give rights: others could give themselves every permission."""
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, "is_superuser", "groups", "user_permissions")

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
    list_display = ("name", "description")

    @display(description="what it is for")
    def description(self, group: Group) -> str:
        return DESCRIPTIONS.get(group.name, EMPTY_VALUE)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, "permissions")


def _may_touch(request: HttpRequest, login: Any) -> bool:
    """Nobody changes, deletes or sets the password of somebody who may do more: they could act as them."""
    if login is None or request.user.is_superuser:
        return True
    return not login.is_superuser and login.get_all_permissions() <= request.user.get_all_permissions()
