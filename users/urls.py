"""Accounts under /account/, what people hold and decide under /my/, the notice under /privacy/."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from eventshop.web.buttons import sent_from
from users import details_pages, leaving_pages, pages, sign_in

app_name = "users"
urlpatterns = [
    path("account/sign-up/", sign_in.sign_up, name="sign-up"),
    path("account/sign-up/<str:token>/", sign_in.sign_up_finish, name="sign-up-finish"),
    path("account/sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("account/sign-out/", sent_from("home")(LogoutView.as_view(next_page="/")), name="sign-out"),
    path("account/password/", sign_in.change_password, name="change-password"),
    path("account/reset/", sign_in.reset, name="reset"),
    path("account/reset/<str:token>/", sign_in.reset_finish, name="reset-finish"),
    path("account/join/", sign_in.join, name="join"),
    path("privacy/", pages.privacy, name="privacy"),
    path("privacy/<str:version>/", pages.privacy, name="notice"),
    path("my/", pages.home, name="home"),
    path("my/consents/", pages.consents, name="consents"),
    path("my/consents/<str:term>/choice/", pages.choose, name="choose"),
    path("my/consents/<int:version>/receipt/", pages.consent_receipt, name="receipt"),
    path("my/consents/<int:version>/receipt.json", pages.consent_receipt_json, name="receipt-json"),
    path("my/details/", details_pages.details, name="details"),
    path("my/details/address/<str:token>/", details_pages.new_address, name="new-address"),
    path("my/restriction/", details_pages.restriction, name="restriction"),
    path("my/data/", pages.data, name="data"),
    path("my/data.json", pages.download, name="download"),
    path("my/erasure/", leaving_pages.erase, name="erase"),
    path("my/erasure/stay/", leaving_pages.stay, name="stay"),
    path("erasure/<str:token>/", leaving_pages.erasure, name="erasure"),
    path("erasure/<str:token>/certificate.pdf", leaving_pages.certificate_pdf, name="certificate-pdf"),
    path("my/log/", pages.log, name="log"),
]
