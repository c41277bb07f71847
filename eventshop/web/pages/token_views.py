"""The page where users create and revoke API tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from eventshop.core.human_text import VISIBLE_TEXT
from eventshop.formats.form_fields import TextField
from eventshop.operations.rights import Audience, open_to
from eventshop.web.api import api_tokens
from eventshop.web.api.token_permissions import SCOPES, usable_scopes
from eventshop.web.models import ApiToken
from eventshop.web.pages.password_confirmation import PasswordConfirmation
from eventshop.web.shared.logins import login_of

#: The most valid tokens of one user; more than that suggests that old ones are not revoked.
MAX_VALID_TOKENS: Final = 20
_LIFETIMES: Final = ((7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year"))


class TokenForm(PasswordConfirmation):
    name = TextField(rule=VISIBLE_TEXT, max_length=100, label="Name", error_messages={"required": "Enter a name"})
    days = forms.TypedChoiceField(choices=_LIFETIMES, coerce=int, initial=30, label="Valid for")
    scopes = forms.MultipleChoiceField(
        choices=list(SCOPES.items()),
        widget=forms.CheckboxSelectMultiple,
        label="Permissions",
        error_messages={"required": "Choose at least one permission"},
    )
    field_order = ("name", "days", "scopes", "password")

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        scopes = self.fields["scopes"]
        if isinstance(scopes, forms.MultipleChoiceField):
            scopes.choices = list(usable_scopes(request.user).items())


@open_to(Audience.SIGNED_IN)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def tokens(request: HttpRequest) -> HttpResponse:
    """The user's tokens. A new token is shown once, in the response to the form."""
    own_tokens = ApiToken.objects.filter(owner_id=request.user.pk).order_by("-made_at")
    form, token = TokenForm(request, request.POST or None), ""
    if form.is_valid():
        if sum(own.state == "valid" for own in own_tokens) >= MAX_VALID_TOKENS:
            form.add_error(None, f"You have {MAX_VALID_TOKENS} valid tokens. Revoke one first.")
        else:
            values = form.cleaned_data
            owner = login_of(request)
            lifetime = timedelta(days=values["days"])
            record, token = api_tokens.create_token(
                owner, name=values["name"], scopes=values["scopes"], lifetime=lifetime
            )
            api_tokens.token_created.send(sender=ApiToken, token=record)
            form = TokenForm(request)
    context = {"form": form, "tokens": [(own, _scope_labels(own)) for own in own_tokens.all()], "token": token}
    return render(request, "account/tokens.html", context)


@open_to(Audience.SIGNED_IN)
@require_POST
@login_required
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke one of the user's tokens."""
    token = get_object_or_404(ApiToken, pk=token_id, owner_id=request.user.pk)
    api_tokens.revoke_token(token)
    messages.success(request, f"The token “{token.name}” was revoked.")
    return redirect("web:tokens")


def _scope_labels(token: ApiToken) -> list[str]:
    """The descriptions of the token's scopes."""
    return [SCOPES.get(scope, scope) for scope in token.scopes.split()]
