"""The REST API of the terms of fees."""

from __future__ import annotations

from typing import Final

from eventshop.operations.access_log.declarations import NotLogged
from eventshop.web.api.resource import Resource
from eventshop.web.api.resource_views import RowListView
from trading.models import FeeSchedule

FEE_SCHEDULES: Final = Resource(
    FeeSchedule,
    projection="",
    scope="trades:read",
    ordering="-valid_from",
    orderings=("valid_from",),
    filters=("account_id", "instrument"),
    time="valid_from",
    hidden=("recorded_by",),
)


class FeeScheduleList(RowListView):
    """The terms of fees, those of the past and of the future too; a trade gets those of its submission."""

    resource = FEE_SCHEDULES
    access = NotLogged("terms of fees")
