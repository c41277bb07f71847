"""URLs of the commands of users. The read models of users are under projections.api."""

from __future__ import annotations

from django.urls import path

from users.api import addresses, erasures, legal_holds, url_names, users

urlpatterns = [
    path("people/<uuid:person_id>/contact", users.ContactDetails.as_view(), name="api-contact"),
    path("people/<uuid:person_id>/consents/<str:term>", users.Consent.as_view(), name="api-consent"),
    path("people/<uuid:person_id>/addresses", addresses.Addresses.as_view(), name=url_names.ADDRESSES),
    path("people/<uuid:person_id>/addresses/<uuid:address_id>", addresses.Address.as_view(), name="api-address"),
    path("people/<uuid:person_id>/preferences", addresses.LetterSettings.as_view(), name="api-preferences"),
    path("people/<uuid:person_id>/restriction", users.Restriction.as_view(), name="api-restriction"),
    path("people/<uuid:person_id>/erasure", users.ErasureRequest.as_view(), name="api-erasure"),
    path("people/<uuid:person_id>/erasure/categories", users.CategoryErasure.as_view(), name="api-erasure-categories"),
    path("people/<uuid:person_id>/holds", legal_holds.LegalHolds.as_view(), name="api-holds"),
    path("people/<uuid:person_id>/holds/release", legal_holds.LegalHoldRelease.as_view(), name="api-hold-release"),
    path("erasures/<str:token>", erasures.ErasureStatus.as_view(), name="api-erasure-status"),
]
