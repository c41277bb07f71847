"""Who took a copy of the audit trail: reading it leaves a trail as well."""

from __future__ import annotations

from typing import Final, Self
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.deterministic_ids import derive_id
from eventshop.core.message_registry import registry
from trading.domain.commands import RecordAuditExport
from trading.domain.events import AuditTrailExported

#: There is one.
AUDIT_LOG_ID: Final = derive_id("audit-log", "trading")


class AuditLog(Aggregate[RecordAuditExport, AuditTrailExported], frozen=True):
    """How often the trail was handed over."""

    exports: int = 0

    @staticmethod
    def id_of(command: RecordAuditExport) -> UUID:
        return command.log_id

    def decide(self, command: RecordAuditExport) -> list[AuditTrailExported]:
        it = command
        return [AuditTrailExported(it.log_id, it.account_id, it.reason, it.format, it.trades, it.events, it.sha256)]

    def evolve(self, event: AuditTrailExported) -> Self:
        return replace(self, exports=self.exports + 1)


registry.add(AuditLog)
