"""Pages where people put right what is known of them, and restrict its use."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import AlreadyTaken
from eventshop.privacy import encrypted_tokens, unique_values
from eventshop.web.pages.form_rate_limiting import EMAIL, check_rate_limit
from eventshop.web.shared.customer_port import Contact
from users.application.accounts import EMAIL_CLAIM
from users.application.customer_adapter import Person
from users.application.emails import requires_email, send_email
from users.domain.commands import ChangeContactDetails, LiftRestriction, RestrictProcessing, UserCommand
from users.pages.forms import ContactForm, RestrictionForm
from users.pages.privacy_views import person_page, send_command

_NEW_ADDRESS: Final = "new-address"
NEW_ADDRESS_LINK_MAX_AGE_S: Final = 24 * 3600


@requires_email
@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def contact_details(request: HttpRequest, me: Person) -> HttpResponse:
    """See and put right name and contact details; a new e-mail address holds once its letter is answered."""
    contact = me.contact or Contact("", "", "", "")
    form = ContactForm(request.POST or None, initial=contact._asdict())
    if not form.is_valid():
        return render(request, "my/details.html", {"form": form})
    values = dict(form.cleaned_data)
    form_id, email = values.pop("form_id"), values.pop("email")
    moving = email.casefold() != contact.email.casefold()
    if moving and (refusal := check_rate_limit(request, EMAIL, email)):
        return refusal
    if contact._replace(**values) != contact and send_command(
        request, me, lambda: ChangeContactDetails(me.id, contact.email, **values), form_id
    ):
        messages.success(request, "Your details are changed.")
    if moving:
        _send_confirmation(request, me, email)
    return redirect("users:details")


def _send_confirmation(request: HttpRequest, me: Person, email: str) -> None:
    """Whether somebody else has the address or not, this page says the same; only the letter differs."""
    if unique_values.find_holder(EMAIL_CLAIM, email) in (None, me.id):
        link = reverse("users:new-address", args=[encrypted_tokens.encrypt_token(_NEW_ADDRESS, (me.id, email))])
        send_email(request, email, "new_address", link=link)
    else:
        send_email(request, email, "already", link=reverse("users:sign-in"))
    messages.info(request, f"We have written to {email}. The new address holds once you open the link in the letter.")


@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def confirm_new_address(request: HttpRequest, me: Person, token: str) -> HttpResponse:
    """The link of that letter: one more click, as programs open links too."""
    try:
        person_id, email = encrypted_tokens.decrypt_token(_NEW_ADDRESS, token, tuple[UUID, str], max_age_s=NEW_ADDRESS_LINK_MAX_AGE_S)
    except encrypted_tokens.InvalidLink:
        person_id, email = None, ""
    if person_id != me.id or me.contact is None:
        return render(request, "account/link_expired.html", {"again": reverse("users:details")}, status=410)
    if request.method != "POST":
        return render(request, "my/new_address.html", {"email": email})
    details = me.contact._replace(email=email)._asdict()
    try:
        # Named after the place in the stream: the link works again only after another change.
        form_id = derive_id("address", token, me.events[-1].meta.version)
        if send_command(request, me, lambda: ChangeContactDetails(me.id, **details), form_id):
            messages.success(request, "From now on you sign in with the new address.")
    except AlreadyTaken:
        return render(request, "account/link_expired.html", {"again": reverse("users:details")}, status=410)
    return redirect("users:details")


@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def restriction(request: HttpRequest, me: Person) -> HttpResponse:
    """Have the data kept but not used, or lift that again."""
    form = RestrictionForm(request.POST or None, restricted=me.state.restricted)
    if form.is_valid():
        values, lifting = form.cleaned_data, "reason" not in form.cleaned_data

        def command() -> UserCommand:
            return LiftRestriction(me.id) if lifting else RestrictProcessing(me.id, values["reason"])

        if send_command(request, me, command, values["form_id"]):
            messages.success(request, "Your data may be used again." if lifting else "Your data is kept, and not used.")
        return redirect("users:restriction")
    return render(request, "my/restriction.html", {"form": form, "me": me})
