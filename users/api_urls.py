"""What a person decides about their data; the people themselves stand beside the read models."""

from __future__ import annotations

from django.urls import path

from users import api, erasure_api, holds_api

urlpatterns = [
    path("people/<uuid:user_id>/contact", api.ContactDetails.as_view(), name="api-contact"),
    path("people/<uuid:user_id>/consents/<str:term>", api.Consent.as_view(), name="api-consent"),
    path("people/<uuid:user_id>/restriction", api.Restriction.as_view(), name="api-restriction"),
    path("people/<uuid:user_id>/erasure", api.ErasureRequest.as_view(), name="api-erasure"),
    path("people/<uuid:user_id>/holds", holds_api.LegalHolds.as_view(), name="api-holds"),
    path("people/<uuid:user_id>/holds/release", holds_api.LegalHoldRelease.as_view(), name="api-hold-release"),
    path("erasures/<str:token>", erasure_api.ErasureStatus.as_view(), name="api-erasure-status"),
]
