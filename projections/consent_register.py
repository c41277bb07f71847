"""The consent register: each person's consent per purpose. It is kept after the person's data is erased.

Art. 7(1) GDPR requires this proof. The only personal datum is an id; after erasure it can no longer be linked to a
person.
"""

from __future__ import annotations

from uuid import UUID

from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection
from projections.models import ConsentRegister
from users.domain.events import ConsentExpired, ConsentGranted, ConsentWithdrawn, DataErased

consent_register = Projection(ConsentRegister, topic="consent-projection", version=1, shared_rows=False)


def _consent_key(event: ConsentGranted | ConsentWithdrawn | ConsentExpired) -> tuple[UUID, str]:
    return event.user_id, event.purpose


@consent_register.on(ConsentGranted, key=_consent_key)
def granted(row: ConsentRegister, event: ConsentGranted, meta: Meta) -> None:
    row.status = ConsentRegister.Status.GIVEN
    row.notice, row.notice_digest, row.legal_basis = event.notice, event.notice_digest, event.legal_basis
    row.source = event.source
    row.grants += 1
    row.given_at, row.expires_at, row.ended_at = meta.occurred_at, event.expires_at, None


@consent_register.on(ConsentWithdrawn, key=_consent_key)
def withdrawn(row: ConsentRegister, event: ConsentWithdrawn, meta: Meta) -> None:
    row.status, row.source, row.ended_at = ConsentRegister.Status.WITHDRAWN, event.source, meta.occurred_at


@consent_register.on(ConsentExpired, key=_consent_key)
def expired(row: ConsentRegister, event: ConsentExpired, meta: Meta) -> None:
    row.status, row.ended_at = ConsentRegister.Status.EXPIRED, meta.occurred_at


@consent_register.on(DataErased, key=lambda event: [(event.user_id, purpose) for purpose in event.consents])
def ended(row: ConsentRegister, event: DataErased, meta: Meta) -> None:
    row.status, row.ended_at = ConsentRegister.Status.ENDED, meta.occurred_at
