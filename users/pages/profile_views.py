"""Pages to change the contact details (Art. 16 GDPR) and to restrict the processing of the data (Art. 18 GDPR)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import AlreadyTaken
from eventshop.privacy import blind_index, encrypted_tokens
from eventshop.web.pages.return_path import return_path
from eventshop.web.shared.customer_port import Contact
from eventshop.web.shared.logins import login_of
from users.application.accounts import EMAIL_CLAIM
from users.application.customer_adapter import Person
from users.application.emails import count_email, requires_email, send_email, send_email_to, send_security_notice
from users.domain.commands import ChangeContactDetails, LiftRestriction, RestrictProcessing, UserCommand
from users.pages.forms import ContactForm, RestrictionForm
from users.pages.privacy_views import person_page, send_command

_NEW_ADDRESS: Final = "new-address"
NEW_ADDRESS_LINK_MAX_AGE_S: Final = 24 * 3600


@requires_email
@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def contact_details(request: HttpRequest, me: Person) -> HttpResponse:
    """Show and change the contact details. A new e-mail address is used after its link was opened."""
    contact = me.contact or Contact("", "", "", "")
    form = ContactForm(request, request.POST or None, initial=contact._asdict())
    if not form.is_valid():
        return render(request, "users/details.html", {"form": form})
    values = dict(form.cleaned_data)
    form_id, email = values.pop("form_id"), values.pop("email")
    del values["password"]
    is_new_email = email != contact.email
    if is_new_email:
        count_email(request, email)
    if contact._replace(**values) != contact and send_command(
        request, me, lambda: ChangeContactDetails(me.id, contact.email, **values), form_id
    ):
        messages.success(request, "Your details are changed.")
        if not is_new_email and return_path(request):
            return redirect(return_path(request))
    if is_new_email:
        event = format_lazy(_("Somebody asked to change its e-mail address to {email}."), email=email)
        send_security_notice(login_of(request), event, to=contact.email)
        _send_confirmation(request, me, email)
    return redirect("users:details")


def _send_confirmation(request: HttpRequest, me: Person, email: str) -> None:
    """E-mail a new address. The page is the same whether another account has the address; only the e-mail differs."""
    if blind_index.is_available(EMAIL_CLAIM, email, me.id):
        link = reverse("users:new-address", args=[encrypted_tokens.encrypt_token(_NEW_ADDRESS, (me.id, email))])
        send_email_to(me.id, email, "new_address", link=link)
    else:
        send_email(email, "already", link=reverse("users:sign-in"))
    messages.info(request, f"We have sent an e-mail to {email}. Open the link in it to use the new address.")


@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def confirm_new_address(request: HttpRequest, me: Person, token: str) -> HttpResponse:
    """Confirm a new e-mail address. Asks for one more click, because mail scanners open links too."""
    try:
        person_id, email = encrypted_tokens.decrypt_token(
            _NEW_ADDRESS, token, tuple[UUID, str], max_age_s=NEW_ADDRESS_LINK_MAX_AGE_S
        )
    except encrypted_tokens.InvalidLink:
        person_id, email = None, ""
    if person_id != me.id or me.contact is None:
        return render(request, "account/link_expired.html", {"again": reverse("users:details")}, status=410)
    if request.method != "POST":
        return render(request, "users/new_address.html", {"email": email})
    details = me.contact._replace(email=email)._asdict()
    try:
        # The command id depends on the stream version: the link works once, until the details change again.
        form_id = derive_id("address", token, me.events[-1].meta.version)
        if send_command(request, me, lambda: ChangeContactDetails(me.id, **details), form_id):
            messages.success(request, "From now on you sign in with the new address.")
    except AlreadyTaken:
        return render(request, "account/link_expired.html", {"again": reverse("users:details")}, status=410)
    return redirect("users:details")


@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def restriction(request: HttpRequest, me: Person) -> HttpResponse:
    """Restrict the processing of the data, or lift the restriction."""
    form = RestrictionForm(request.POST or None, restricted=me.state.restricted)
    if form.is_valid():
        values, is_lifting = form.cleaned_data, "reason" not in form.cleaned_data

        def command() -> UserCommand:
            return LiftRestriction(me.id) if is_lifting else RestrictProcessing(me.id, values["reason"])

        if send_command(request, me, command, values["form_id"]):
            messages.success(
                request, "Your data may be used again." if is_lifting else "Your data is kept but not used."
            )
        return redirect("users:restriction")
    return render(request, "users/restriction.html", {"form": form, "me": me})
