"""URLs of the user pages: accounts under /account/, the privacy centre under /my/, the notice under /privacy/."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from eventshop.operations.rights import Audience, open_to
from eventshop.web.pages.post_only import post_only
from users.pages import (
    address_views,
    auth_views,
    category_views,
    erasure_views,
    newsletter_views,
    privacy_views,
    profile_views,
    second_factor_views,
    session_views,
)

app_name = "users"
urlpatterns = [
    path("account/sign-up/", auth_views.sign_up, name="sign-up"),
    path("account/sign-up/<str:token>/", auth_views.finish_sign_up, name="sign-up-finish"),
    path("account/sign-in/", auth_views.SignIn.as_view(), name="sign-in"),
    path(
        "account/sign-out/",
        open_to(Audience.EVERYBODY)(post_only("home")(LogoutView.as_view(next_page="/"))),
        name="sign-out",
    ),
    path("account/password/", auth_views.change_password, name="change-password"),
    path("account/second-factor/", second_factor_views.overview, name="second-factor"),
    path("account/second-factor/check/", second_factor_views.check, name="second-factor-check"),
    path("account/second-factor/app/", second_factor_views.add_app, name="add-app"),
    path("account/second-factor/passkey/", second_factor_views.add_passkey, name="add-passkey"),
    path("account/sessions/", session_views.sessions, name="sessions"),
    path("account/sessions/end/", session_views.end_others, name="end-other-sessions"),
    path("account/sessions/<int:session_id>/end/", session_views.end_one, name="end-session"),
    path("account/reset/", auth_views.request_password_reset, name="reset"),
    path("account/reset/<str:token>/", auth_views.finish_password_reset, name="reset-finish"),
    path("account/join/", auth_views.join, name="join"),
    path("account/join/<str:token>/", auth_views.finish_join, name="join-finish"),
    path("privacy/", privacy_views.privacy_notice, name="privacy"),
    path("privacy/<str:version>/", privacy_views.privacy_notice, name="notice"),
    path("my/", privacy_views.home, name="home"),
    path("my/consents/", privacy_views.consents, name="consents"),
    path("my/consents/<str:term>/choice/", privacy_views.choose_consent, name="choose"),
    path("my/consents/<int:version>/receipt/", privacy_views.consent_receipt, name="receipt"),
    path("my/consents/<int:version>/receipt.json", privacy_views.consent_receipt_json, name="receipt-json"),
    path("my/details/", profile_views.contact_details, name="details"),
    path("my/details/address/<str:token>/", profile_views.confirm_new_address, name="new-address"),
    path("my/addresses/", address_views.address_book, name="addresses"),
    path("my/addresses/add/", address_views.add_address, name="add-address"),
    path("my/addresses/<uuid:address_id>/", address_views.change_address, name="address"),
    path("my/addresses/<uuid:address_id>/remove/", address_views.remove_address, name="remove-address"),
    path("my/preferences/", address_views.preferences, name="preferences"),
    path("my/restriction/", profile_views.restriction, name="restriction"),
    path("my/data/", privacy_views.personal_data, name="data"),
    path("my/data.json", privacy_views.download_export, name="download"),
    path("my/erasure/", erasure_views.request_erasure, name="erase"),
    path("my/erasure/categories/", category_views.erase_categories, name="erase-categories"),
    path("my/erasure/stay/", erasure_views.cancel_erasure, name="stay"),
    path("erasure/<str:token>/", erasure_views.erasure_status, name="erasure"),
    path("erasure/<str:token>/certificate.pdf", erasure_views.certificate_pdf, name="certificate-pdf"),
    path("newsletter/<str:token>/", newsletter_views.leave_newsletter, name="leave-newsletter"),
    path("my/log/", privacy_views.processing_log, name="log"),
]
