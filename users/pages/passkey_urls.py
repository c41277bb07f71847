"""The URLs that the script of the passkeys' library asks for; their names are the library's."""

from functools import partial

from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from eventshop.operations.rights import Audience, open_to
from users.pages.second_factor_views import passkey_endpoint

_endpoints = [
    path("new/begin/", partial(passkey_endpoint, step="new-begin"), name="credential-registration-begin"),
    path("new/complete/", partial(passkey_endpoint, step="new-complete"), name="credential-registration-complete"),
    path("begin/", partial(passkey_endpoint, step="begin"), name="credential-authentication-begin"),
    path("complete/", partial(passkey_endpoint, step="complete"), name="credential-authentication-complete"),
    path(
        "texts/",
        open_to(Audience.EVERYBODY)(JavaScriptCatalog.as_view(packages=["django_otp_webauthn"])),
        name="js-i18n-catalog",
    ),
]
urlpatterns = [path("account/second-factor/passkeys/", include((_endpoints, "otp_webauthn")))]
