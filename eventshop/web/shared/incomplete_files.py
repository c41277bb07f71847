"""Files of figures that lack something say so where programs and people see it."""

from __future__ import annotations

from django.http.response import HttpResponseBase

from eventshop.operations.completeness import Missing


def name_file(response: HttpResponseBase, name: str, missing: Missing | None) -> None:
    """Send a response as a file of this name; if something is missing from it, the name and a header say so."""
    if missing:
        stem, _, ending = name.rpartition(".")
        name = f"{stem}-incomplete.{ending}"
        response["Incomplete"] = missing.header
    response["Content-Disposition"] = f'attachment; filename="{name}"'
