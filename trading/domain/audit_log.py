"""The AuditLog aggregate: records each export of the audit trail, so that access to it is itself audited."""

from __future__ import annotations

from typing import Final, Self
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.deterministic_ids import derive_id
from trading.domain.commands import RecordAuditExport
from trading.domain.events import AuditTrailExported

#: The id of the only audit log.
AUDIT_LOG_ID: Final = derive_id("audit-log", "trading")


class AuditLog(Aggregate[RecordAuditExport, AuditTrailExported], frozen=True):
    """The number of exports of the audit trail."""

    snapshot_version = 3

    exports: int = 0

    @staticmethod
    def id_of(command: RecordAuditExport) -> UUID:
        return command.log_id

    def decide(self, command: RecordAuditExport) -> list[AuditTrailExported]:
        return [
            AuditTrailExported(
                log_id=command.log_id,
                account_id=command.account_id,
                reason=command.reason,
                format=command.format,
                trades=command.trades,
                events=command.events,
                sha256=command.sha256,
            )
        ]

    def evolve(self, event: AuditTrailExported) -> Self:
        return replace(self, exports=self.exports + 1)
