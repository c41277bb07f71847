"""Pages where people put right what is known of them, and restrict its use."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from eventshop.core.deterministic_ids import derived_id
from eventshop.core.errors import AlreadyTaken
from eventshop.privacy import encrypted_tokens, unique_values
from eventshop.web.pages.form_rate_limiting import LETTER, too_many
from eventshop.web.shared.customer_port import Contact
from users.application.accounts import EMAIL
from users.application.customer_adapter import Person
from users.application.emails import by_letter, write
from users.domain.commands import ChangeContactDetails, LiftRestriction, RestrictProcessing, UserCommand
from users.pages.forms import ContactForm, RestrictionForm
from users.pages.privacy_views import customer, send

_NEW_ADDRESS: Final = "new-address"
NEW_ADDRESS_S: Final = 24 * 3600


@by_letter
@require_http_methods(["GET", "HEAD", "POST"])
@customer
def details(request: HttpRequest, me: Person) -> HttpResponse:
    """See and put right name and contact details; a new e-mail address holds once its letter is answered."""
    contact = me.contact or Contact("", "", "", "")
    form = ContactForm(request.POST or None, initial=contact._asdict())
    if not form.is_valid():
        return render(request, "my/details.html", {"form": form})
    values = dict(form.cleaned_data)
    form_id, email = values.pop("form_id"), values.pop("email")
    moving = email.casefold() != contact.email.casefold()
    if moving and (refusal := too_many(request, LETTER, email)):
        return refusal
    if contact._replace(**values) != contact and send(
        request, me, lambda: ChangeContactDetails(me.id, contact.email, **values), form_id
    ):
        messages.success(request, "Your details are changed.")
    if moving:
        _write_to(request, me, email)
    return redirect("users:details")


def _write_to(request: HttpRequest, me: Person, email: str) -> None:
    """Whether somebody else has the address or not, this page says the same; only the letter differs."""
    if unique_values.holder(EMAIL, email) in (None, me.id):
        link = reverse("users:new-address", args=[encrypted_tokens.token(_NEW_ADDRESS, (me.id, email))])
        write(request, email, "new_address", link=link)
    else:
        write(request, email, "already", link=reverse("users:sign-in"))
    messages.info(request, f"We have written to {email}. The new address holds once you open the link in the letter.")


@require_http_methods(["GET", "HEAD", "POST"])
@customer
def new_address(request: HttpRequest, me: Person, token: str) -> HttpResponse:
    """The link of that letter: one more click, as programs open links too."""
    try:
        person_id, email = encrypted_tokens.carried(_NEW_ADDRESS, token, tuple[UUID, str], max_age_s=NEW_ADDRESS_S)
    except encrypted_tokens.InvalidLink:
        person_id, email = None, ""
    if person_id != me.id or me.contact is None:
        return render(request, "account/link_expired.html", {"again": reverse("users:details")}, status=410)
    if request.method != "POST":
        return render(request, "my/new_address.html", {"email": email})
    details = me.contact._replace(email=email)._asdict()
    try:
        # Named after the place in the stream: the link works again only after another change.
        form_id = derived_id("address", token, me.events[-1].meta.version)
        if send(request, me, lambda: ChangeContactDetails(me.id, **details), form_id):
            messages.success(request, "From now on you sign in with the new address.")
    except AlreadyTaken:
        return render(request, "account/link_expired.html", {"again": reverse("users:details")}, status=410)
    return redirect("users:details")


@require_http_methods(["GET", "HEAD", "POST"])
@customer
def restriction(request: HttpRequest, me: Person) -> HttpResponse:
    """Have the data kept but not used, or lift that again."""
    form = RestrictionForm(request.POST or None, restricted=me.state.restricted)
    if form.is_valid():
        values, lifting = form.cleaned_data, "reason" not in form.cleaned_data

        def command() -> UserCommand:
            return LiftRestriction(me.id) if lifting else RestrictProcessing(me.id, values["reason"])

        if send(request, me, command, values["form_id"]):
            messages.success(request, "Your data may be used again." if lifting else "Your data is kept, and not used.")
        return redirect("users:restriction")
    return render(request, "my/restriction.html", {"form": form, "me": me})
