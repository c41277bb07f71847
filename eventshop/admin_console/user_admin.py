"""Users and groups in the skin of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse

from eventshop.admin_console.display_names import actor_name
from eventshop.admin_console.unfold_adapter import UnfoldModelAdmin, display

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
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    # Django's two-box chooser is wider than the page and has labels no screen reader may read.
    filter_horizontal = ()
    list_display = ("called", "email", "first_name", "last_name", "is_staff")

    @display(description="username", ordering="username")
    def called(self, login: User) -> str:
        """Customers sign in by their address; the name of their login is their id."""
        return actor_name(login.username)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        login = self.get_object(request, object_id)
        shown = {"title": actor_name(login.username)} if login else {}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, UnfoldModelAdmin):
    filter_horizontal = ()
