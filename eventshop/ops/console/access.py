"""Users and groups in the skin of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from eventshop.ops.console.skin import SkinAdmin

if TYPE_CHECKING:
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
    from django.contrib.auth.forms import AdminUserCreationForm as UserCreationForm

    Accounts: TypeAlias = UserAdmin[Any]
else:
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

    Accounts = UserAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffUserAdmin(Accounts, SkinAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    # Django's two-box chooser is wider than the page and has labels no screen reader may read.
    filter_horizontal = ()


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, SkinAdmin):
    filter_horizontal = ()
