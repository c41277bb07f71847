"""The bodies of requests and responses, and the data of events. Generated from schemas/openapi.json: do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class AccountCostMethod(TypedDict):
    """The method by which the account's results are computed: average cost, or first in, first out."""

    cost_method: CostMethod


class AccountLimit(TypedDict):
    """The limit of one instrument or, without an instrument, the gross limit over all."""

    instrument: NotRequired[str | None]
    limit: str


class AccountState(TypedDict):
    """The current state of an account. `available` is the unused part of the gross limit."""

    account_id: str
    available: Amount
    cost_method: CostMethod
    currency: str
    frozen: list[FrozenAmount]
    gross_limit: Amount
    limits: dict[str, Amount]
    owner_id: str | None
    reference: str
    version: int


class ActionResult(TypedDict):
    """What became of it."""

    result: str


class ActivityTimeline(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    actor: NotRequired[str]
    aggregate_id: NotRequired[str]
    aggregate_type: NotRequired[str]
    amount: NotRequired[Money | None]
    at: NotRequired[str]
    correlation_id: NotRequired[str]
    currency: NotRequired[str]
    customer_id: NotRequired[str | None]
    event_id: NotRequired[str]
    event_type: NotRequired[str]
    lines: NotRequired[int]
    meta: NotRequired[dict[str, Any]]
    position: NotRequired[int]
    recorded_at: NotRequired[str]
    reference: NotRequired[str]
    summary: NotRequired[str]
    units: NotRequired[int]
    version: NotRequired[int]


class AddressBook(TypedDict):
    """The addresses of a person, in the order in which they were added."""

    results: list[SavedAddress]


class Amendment(TypedDict):
    """The new quantity, the new limit price or both, and the reason. What is missing stays as it is."""

    limit_price: NotRequired[str | None]
    quantity: NotRequired[str | None]
    reason: str


class Amount(TypedDict):
    """An amount of money. `currency` is a code of ISO 4217, or what a trading venue calls a coin."""

    amount: str
    currency: str


class AttemptDetails(TypedDict):
    """One attempt of a delivery. Without `status` there was no response, and `error` says why."""

    at: str
    error: str
    status: int | None
    took_ms: int


class AttentionAction(TypedDict):
    """A note; for how long with `snooze`; the user name with `assign`."""

    minutes: NotRequired[int]
    note: NotRequired[str]
    to: NotRequired[str]


class AttentionState(TypedDict):
    """Something that is wrong or late."""

    acknowledged_by: str
    assigned_to: str
    detail: str
    id: int
    note: str
    part: str
    severity: str
    since: str
    snoozed_until: str | None
    title: str


class AttentionStates(TypedDict):
    """What is open, worst first."""

    results: list[AttentionState]


class Batch(TypedDict):
    """The commands. `atomic`: all are accepted, or none; otherwise each on its own."""

    atomic: NotRequired[bool]
    commands: list[BatchCommand]


class BatchCommand(TypedDict):
    """One command as a request of its own: the path below `/api/v1/`, and the body. `if_match` is its header."""

    body: NotRequired[dict[str, Any]]
    idempotency_key: NotRequired[str]
    if_match: NotRequired[str]
    method: NotRequired[Literal["DELETE", "POST", "PUT"]]
    path: str


class BatchResult(TypedDict):
    """The answer to one command: the status, headers and body that a request of its own would have had."""

    body: dict[str, Any] | None
    headers: dict[str, str]
    status: int


class BatchResults(TypedDict):
    """The answers, in the order of the commands."""

    results: list[BatchResult]


class BookAddress(TypedDict):
    """An address that parcels can go to. With `is_default` it is offered first, in place of the one before."""

    address: str
    is_default: NotRequired[bool]
    name: str


class CallerIdentity(TypedDict):
    """The caller's identity and scopes."""

    expires_at: NotRequired[str | None]
    person_id: str | None
    scopes: list[str]
    staff: bool
    token: NotRequired[str]


class Cancellation(TypedDict):
    """The reason of the cancellation."""

    reason: str


class Cause(TypedDict):
    """An event that caused a change, with its actor, its command, and its correlation and causation ids."""

    actor: str
    causation_id: str | None
    command: str
    command_id: str
    correlation_id: str
    event_id: str
    occurred_at: str
    recorded_at: str
    type: str
    version: int


class CauseAction(TypedDict):
    """The cause as the console names it, such as `PaymentProcessed: KeyError: …`; a skip needs a reason."""

    cause: str
    reason: NotRequired[str]


class ClockSetting(TypedDict):
    """The time that the clock is put forward to."""

    now: str


class ClockState(TypedDict):
    """A customer's clock. `fired` are the timers that became due by putting it forward, `waiting` the next ones."""

    ahead_s: int
    fired: list[ClockTimer]
    now: str
    waiting: list[ClockTimer]


class ClockTimer(TypedDict):
    """What waits for a time: its name, the process that set it, the aggregate it is about, and when it is due."""

    aggregate_id: str
    due_at: str
    name: str
    process: str


class CommandOutcome(TypedDict):
    """The outcome of an accepted command. `reason` is why it failed, `resource` the URL of its aggregate."""

    aggregate_id: str
    aggregate_type: str
    command_id: str
    ended_at: str | None
    ended_by: str | None
    reason: str
    resource: str | None
    state: OutcomeState
    version: int


class CommandReceipt(TypedDict):
    """The receipt of an accepted command. It never changes."""

    aggregate_id: str
    aggregate_type: str
    command_id: str
    events: int
    position: int
    version: int


class ConsentGrant(TypedDict):
    """The version of the privacy notice that the person was shown."""

    notice: str


class ConsentRegister(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    ended_at: NotRequired[str | None]
    expires_at: NotRequired[str | None]
    given_at: NotRequired[str | None]
    grants: NotRequired[int]
    id: NotRequired[str]
    legal_basis: NotRequired[str]
    meta: NotRequired[dict[str, Any]]
    notice: NotRequired[str]
    notice_digest: NotRequired[str]
    person_id: NotRequired[str]
    purpose: NotRequired[str]
    source: NotRequired[str]
    status: NotRequired[Literal["ConsentGiven", "ConsentWithdrawn", "ConsentExpired", "ConsentInvalidated"]]


class ContactData(TypedDict):
    """Name and contact details. The e-mail address can be changed on the page only, because it must be
    confirmed.
    """

    address: NotRequired[str]
    name: str
    phone: NotRequired[str]


class Contract(TypedDict):
    """What one piece is worth where that is not its price: see `trading.domain.contract_value`."""

    currency: str
    inverse: bool
    multiplier: str


class CorrectionState(TypedDict):
    """A correction of an event for a projection, without its values."""

    approved_at: str | None
    approved_by: str
    event_id: str
    event_type: str
    id: int
    made_at: str
    made_by: str
    position: int
    projection: str
    reason: str


class CorrectionStates(TypedDict):
    """The newest corrections."""

    results: list[CorrectionState]


CostMethod: TypeAlias = "Literal['AVERAGE', 'FIFO']"


class CreatedWebhook(TypedDict):
    """A new webhook. `secret` is shown this once; it is null in the answer to a repeated request."""

    active: bool
    cursor: int
    id: str
    made_at: str
    owner: str
    secret: str | None
    types: list[str]
    url: str
    version: int


class CustomerSummary(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    currency: NotRequired[str]
    customer_id: NotRequired[str]
    first_order_at: NotRequired[str | None]
    id: NotRequired[str]
    last_order_at: NotRequired[str | None]
    lifetime_value: NotRequired[Money]
    meta: NotRequired[dict[str, Any]]
    orders: NotRequired[int]
    paid_orders: NotRequired[int]
    refunded: NotRequired[Money]
    spent: NotRequired[Money]


class DailySales(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    currency: NotRequired[str]
    day: NotRequired[str]
    gross: NotRequired[Money]
    id: NotRequired[str]
    meta: NotRequired[dict[str, Any]]
    net: NotRequired[Money]
    orders: NotRequired[int]
    refunded: NotRequired[Money]
    refunds: NotRequired[int]
    units_returned: NotRequired[int]
    units_sold: NotRequired[int]


class DeadLetterJobState(TypedDict):
    """A retry or skip of all dead letters of a cause."""

    error: str
    fingerprint: str
    finished_at: str | None
    handled: int
    id: int
    projection: str
    reason: str
    requested_at: str
    state: str
    succeeded: int
    total: int
    verb: str


class Delivery(TypedDict):
    """The person who accepted the parcel."""

    received_by: NotRequired[str]


class DeliveryDetails(TypedDict):
    """The delivery of one event: `id` is the header webhook-id, `state` is waiting, delivered or failed."""

    attempts: list[AttemptDetails]
    due_at: str | None
    id: str
    position: int
    state: str
    type: str


class DeliveryOption(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    about: NotRequired[str]
    code: NotRequired[str]
    currency: NotRequired[str]
    free_from: NotRequired[Money | None]
    name: NotRequired[str]
    position: NotRequired[int]
    price: NotRequired[Money]


class DeliveryPage(TypedDict):
    """A page of a webhook's deliveries, newest first; `next` is the URL of the next page."""

    next: str | None
    next_cursor: str | None
    results: list[DeliveryDetails]


class Destination(TypedDict):
    """The name and address for the delivery."""

    address: str
    name: str


class ErasedCategories(TypedDict):
    """The categories of data that are erased: the person stays a customer."""

    categories: list[Literal["contact", "delivery", "marketing", "notes", "trading notes"]]


class ErasureProgress(TypedDict):
    """The progress of an erasure. It can be cancelled until `due_at`; `certificate_id` is set at the end."""

    certificate_id: str | None
    certified_at: str | None
    due_at: str | None
    person_id: str
    state: ErasureState
    steps: list[ErasureProgressStep]


class ErasureProgressStep(TypedDict):
    """One step of an erasure; `done_at` is null until it is done."""

    done_at: str | None
    what: str


ErasureState: TypeAlias = "Literal['done', 'requested', 'running', 'taken back']"


class ErrorDetail(TypedDict):
    """An invalid part of a request (JSON pointer, query parameter or header), and why it is invalid."""

    detail: str
    header: NotRequired[str]
    parameter: NotRequired[str]
    pointer: NotRequired[str]


class EventAccountOpened(TypedDict):
    """A trading account was opened with a gross limit over all instruments. `owner_id` is None for a house
    account.
    """

    account_id: str
    currency: str
    gross_limit: str
    owner_id: str | None
    reference: str


class EventAmendRejected(TypedDict):
    """The venue did not amend; the order stays as it was."""

    deal: EventDeal
    reason: str | EventRedacted | None
    trade_id: str


class EventAmendRequested(TypedDict):
    """The venue is asked to change quantity or limit price of an open trade. Both are the new values."""

    deal: EventDeal
    limit_price: str | None
    quantity: str
    reason: str | EventRedacted | None
    trade_id: str


class EventAmountFrozen(TypedDict):
    """An open trade froze part of the limits."""

    account_id: str
    amount: str
    instrument: str
    trade_id: str


class EventAmountReleased(TypedDict):
    """The amount that a trade had frozen is available again."""

    account_id: str
    amount: str
    instrument: str
    trade_id: str


class EventAuditTrailExported(TypedDict):
    """The audit trail was exported. The metadata of the event holds the actor and the time."""

    account_id: str | None
    events: int
    format: str
    log_id: str
    reason: str | EventRedacted | None
    sha256: str
    trades: int


class EventCancelRejected(TypedDict):
    """The venue did not cancel: it was too late, for instance."""

    deal: EventDeal
    reason: str | EventRedacted | None
    trade_id: str


class EventCancelRequested(TypedDict):
    """The venue is asked to cancel the open quantity; until it answers, it may fill."""

    deal: EventDeal
    reason: str | EventRedacted | None
    trade_id: str


class EventCategoriesErased(TypedDict):
    """The person's data of these categories is erased; they stay a customer. Consumers that copied it must erase
    it.
    """

    categories: list[Literal["contact", "delivery", "everything", "marketing", "notes", "trading notes"]]
    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventConsentExpired(TypedDict):
    """A consent reached its expiry date."""

    purpose: str
    user_id: str


class EventConsentGranted(TypedDict):
    """A person consented to one purpose, in the wording of one version of the privacy notice."""

    expires_at: str
    legal_basis: str
    notice: str
    notice_digest: str
    purpose: str
    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventConsentWithdrawn(TypedDict):
    """A person withdrew a consent; earlier processing stays lawful (Art. 7(3) GDPR)."""

    purpose: str
    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventContactDetailsChanged(TypedDict):
    """A person's contact details were replaced (Art. 16 GDPR)."""

    address: str | EventRedacted | None
    email: str | EventRedacted | None
    name: str | EventRedacted | None
    phone: str | EventRedacted | None
    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventContract(TypedDict):
    """What one piece is worth where that is not its price: see `trading.domain.contract_value`."""

    currency: str
    inverse: bool
    multiplier: str


EventCostMethod: TypeAlias = "Literal['AVERAGE', 'FIFO']"


class EventCostMethodSet(TypedDict):
    """The method by which the account's results are computed was chosen; before, it is the average cost."""

    account_id: str
    cost_method: EventCostMethod


class EventCreditNoteIssued(TypedDict):
    """The customer was credited an amount that belongs to no stored order."""

    country: str
    customer_external_id: NotRequired[str | EventRedacted | None]
    customer_id: str | None
    external_ids: NotRequired[list[EventExternalId]]
    lines: list[EventLine]
    order_id: str
    reason: str | EventRedacted | None
    reference: str
    total: EventMoney


class EventCreditNoteReversed(TypedDict):
    """A credit note is void, for example because the sale that it credits became known. It may be issued anew."""

    customer_id: str | None
    lines: list[EventLineAmount]
    order_id: str
    reference: str
    total: EventMoney


class EventDataAccessed(TypedDict):
    """A staff member displayed masked personal data; the person can see this event."""

    fields: list[str]
    reason: str | EventRedacted | None
    staff: str
    user_id: str


class EventDataErased(TypedDict):
    """The keys of this person's data are destroyed. Consumers that copied the data must erase it too."""

    consents: list[str]
    kept: list[EventKept]
    purposes: list[str]
    user_id: str


class EventDataExported(TypedDict):
    """The person received a copy of all their data (Art. 15 and 20 GDPR)."""

    format: Literal["json", "page"]
    user_id: str


class EventDeal(TypedDict):
    """Account, instrument and side of a trade. Part of every trade event, so that consumers need no lookup."""

    account_id: str
    contract: NotRequired[EventContract | None]
    currency: str
    instrument: str
    side: EventSide


class EventDeliveryAddressRemoved(TypedDict):
    """A person took an address out of their address book."""

    address_id: str
    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventDeliveryAddressSaved(TypedDict):
    """A person added an address to their address book, or changed one that is in it."""

    address: str | EventRedacted | None
    address_id: str
    is_default: bool
    name: str | EventRedacted | None
    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventDocumentIssued(TypedDict):
    """A document got its number."""

    amounts: list[EventVatAmount]
    customer_id: str | None
    kind: Literal["credit-note", "invoice"]
    number: int
    order_id: str
    rates: list[EventLineVat]
    reference: str
    supplied_at: str


class EventErasureBegun(TypedDict):
    """The cooling-off period is over; from now on only `DataErased` can follow."""

    user_id: str


class EventErasureCancelled(TypedDict):
    """The person cancelled the erasure."""

    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventErasureRequested(TypedDict):
    """The person requested erasure and can cancel it until `due_at` (Art. 17 GDPR)."""

    due_at: str
    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventExternalId(TypedDict):
    """The identifier that another system (`source`) uses: a marketplace's order number, a customer number."""

    source: str
    value: str


class EventFee(TypedDict):
    """What an execution costs the account; a rebate is below 0. Its currency is that of the trade's values."""

    amount: str
    currency: str


class EventFeeTerms(TypedDict):
    """How the fee of a fill is computed where its report names none: see `trading.domain.fees`."""

    minimum: NotRequired[str]
    per_piece: NotRequired[str]
    rate: str


class EventFill(TypedDict):
    """A full or partial execution at the venue, with the venue's identifier and time."""

    at: str
    fee: NotRequired[EventFee | None]
    price: str
    quantity: str
    venue_trade_id: str


class EventFillsFlagged(TypedDict):
    """What the venue reported just before breaks a rule of ours: it is booked, and staff are to look at it."""

    deal: EventDeal
    excess: str
    rule: EventReviewRule
    trade_id: str


class EventFreezeRefused(TypedDict):
    """A limit was too small, so nothing was frozen. `limit` names it: an instrument code, or `gross`."""

    account_id: str
    amount: str
    available: str
    instrument: str
    limit: str
    trade_id: str


class EventInstrument(TypedDict):
    """An instrument and its trading terms; a trade keeps the terms of its submission."""

    calendar: str
    code: str
    contract: NotRequired[EventContract | None]
    currency: str
    lot: str
    negative_prices: NotRequired[bool]
    settlement_days: int
    tick: str
    tick_table: NotRequired[list[EventTickBand]]


class EventInventoryDispatched(TypedDict):
    """Units reserved for an order left the warehouse."""

    order_id: str
    quantity: int
    sku: str


class EventInventoryRefused(TypedDict):
    """There were not enough units on hand for an order; none was reserved."""

    available: int
    order_id: str
    quantity: int
    reason: str
    sku: str


class EventInventoryReleased(TypedDict):
    """Units reserved for an order are on hand again."""

    order_id: str
    quantity: int
    sku: str


class EventInventoryReserved(TypedDict):
    """Units on hand were reserved for an order."""

    order_id: str
    quantity: int
    sku: str


class EventItemsReturned(TypedDict):
    """The shop received goods of a return. `damaged` is the part of `lines` that cannot be sold again."""

    customer_id: str | None
    damaged: NotRequired[list[EventLineAmount]]
    lines: list[EventLineAmount]
    observed: NotRequired[bool]
    order_id: str
    reason: str | EventRedacted | None
    reference: str


class EventKept(TypedDict):
    """Data that survives the erasure: the legal duty to keep it, and until when (empty: as long as the duty
    lasts).
    """

    duty: str
    until: str | None
    what: str


class EventLegalHoldPlaced(TypedDict):
    """The data must be kept for now, even if the person requests erasure (Art. 17(3) GDPR)."""

    hold: str | EventRedacted | None
    reason: str | EventRedacted | None
    user_id: str


class EventLegalHoldReleased(TypedDict):
    """A legal hold ended."""

    hold: str | EventRedacted | None
    user_id: str


class EventLimitSet(TypedDict):
    """The limit of one instrument was set, or the gross limit over all if `instrument` is None."""

    account_id: str
    instrument: str | None
    limit: str


class EventLine(TypedDict):
    """A quantity of one product at the price that the customer was shown; or freight, a discount, a tax."""

    description: str
    external_ids: NotRequired[list[EventExternalId]]
    kind: NotRequired[Literal["discount", "freight", "product", "tax"]]
    price: EventMoney
    quantity: int
    sku: str


class EventLineAmount(TypedDict):
    """A quantity of one order line and its price in total."""

    amount: EventMoney
    kind: NotRequired[Literal["discount", "freight", "product", "tax"]]
    line: int
    quantity: int
    sku: str


class EventLineVat(TypedDict):
    """The rate of one line of the order."""

    line: int
    percent: str


class EventLinesAdded(TypedDict):
    """More lines of an order became known. `sold` is those that count as sold at once, as the order's others do."""

    customer_id: str | None
    first_line: int
    lines: list[EventLine]
    observed: NotRequired[bool]
    order_id: str
    reference: str
    sold: list[EventLineAmount]
    total: EventMoney


class EventMoney(TypedDict):
    """An amount (exact, finite `Decimal`) and the code of its currency."""

    amount: str
    currency: str


class EventOpenOrder(TypedDict):
    """An order that was open at the venue before its record began here; what it had filled then is not counted
    here.
    """

    ordered: str
    placed_at: str


class EventOrderCancelled(TypedDict):
    """The order will not be fulfilled. `lines` no longer count as sold: empty if they never did, or were
    shipped.
    """

    customer_id: str | None
    lines: list[EventLineAmount]
    observed: NotRequired[bool]
    order_id: str
    reason: str | EventRedacted | None
    reference: str


class EventOrderCreated(TypedDict):
    """A customer ordered goods at the prices that they were shown. `customer_id` is None for an anonymous sale."""

    country: str
    customer_external_id: NotRequired[str | EventRedacted | None]
    customer_id: str | None
    delivery_address: NotRequired[str | EventRedacted | None]
    delivery_name: NotRequired[str | EventRedacted | None]
    external_ids: NotRequired[list[EventExternalId]]
    lines: list[EventLine]
    order_id: str
    reference: str
    total: EventMoney


class EventOrderDelivered(TypedDict):
    """The parcel arrived."""

    customer_id: str | None
    observed: NotRequired[bool]
    order_id: str
    received_by: str | EventRedacted | None


class EventOrderShipped(TypedDict):
    """The parcel left the warehouse."""

    carrier: str | EventRedacted | None
    customer_id: str | None
    observed: NotRequired[bool]
    order_id: str
    service: NotRequired[str | EventRedacted | None]
    tracking: str | EventRedacted | None


EventOrderType: TypeAlias = "Literal['LIMIT', 'MARKET']"


class EventPaymentAuthorised(TypedDict):
    """The amount was set aside on the customer's card. It is captured when the order is shipped."""

    amount: EventMoney
    authorised_at: str
    charge_id: str
    customer_id: str | None
    method: str
    order_id: str
    payment_id: str
    reference: str


class EventPaymentDeclined(TypedDict):
    """A payment failed. The order still waits for a payment."""

    amount: EventMoney
    customer_id: str | None
    method: NotRequired[str]
    order_id: str
    payment_id: NotRequired[str | None]
    reason: str | EventRedacted | None


class EventPaymentProcessed(TypedDict):
    """An amount was paid. `lines` is what counts as sold from here on: filled by the payment that covers the
    total.
    """

    amount: EventMoney
    charge_id: NotRequired[str | None]
    customer_id: str | None
    lines: list[EventLineAmount]
    method: str
    observed: NotRequired[bool]
    order_id: str
    payment_id: NotRequired[str | None]
    processed_at: NotRequired[str | None]
    reference: str


class EventPaymentRefunded(TypedDict):
    """An amount was given back to the customer, for a return or a cancelled order."""

    amount: EventMoney
    customer_id: str | None
    observed: NotRequired[bool]
    order_id: str
    payment_id: NotRequired[str | None]
    reason: str | EventRedacted | None
    reference: str
    refund_id: NotRequired[str | None]
    refunded_at: NotRequired[str | None]


class EventPaymentRequested(TypedDict):
    """The customer decided to pay this amount by this method. Nothing is charged without it."""

    amount: EventMoney
    customer_id: str | None
    method: str
    order_id: str
    payment_id: NotRequired[str | None]
    token: NotRequired[str]


class EventPaymentVoided(TypedDict):
    """What was set aside on the customer's card was released without being taken."""

    amount: EventMoney
    charge_id: str
    customer_id: str | None
    order_id: str
    payment_id: str


class EventPreferencesChanged(TypedDict):
    """A person chose the language and the time zone in which they are written to."""

    language: str | EventRedacted | None
    source: Literal["api", "import", "page", "retention", "staff"]
    time_zone: str | EventRedacted | None
    user_id: str


class EventProcessingRecorded(TypedDict):
    """A person's data was used on a valid legal basis."""

    about: NotRequired[str | None]
    activity: str | EventRedacted | None
    data: NotRequired[
        list[
            Literal["address", "e-mail address", "everything", "name", "orders", "payment", "phone number", "purchases"]
        ]
    ]
    legal_basis: str
    offer: NotRequired[str | EventRedacted | None]
    purpose: str
    recipient: str | EventRedacted | None
    suggestion: NotRequired[str | EventRedacted | None]
    user_id: str


class EventProcessingRestricted(TypedDict):
    """The data is kept and used only where the law requires it (Art. 18 GDPR)."""

    reason: str | EventRedacted | None
    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventProcessingResumed(TypedDict):
    """The restriction was lifted: the data may be used again."""

    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventRedacted(TypedDict):
    """Stands for a personal value that can no longer be decrypted because its key was destroyed."""

    redacted: str


class EventRefundRequested(TypedDict):
    """The shop owes the customer an amount, to be given back to the payment that it came from."""

    amount: EventMoney
    customer_id: str | None
    order_id: str
    payment_id: str
    reason: str | EventRedacted | None
    reference: str
    refund_id: str


class EventReturnAccepted(TypedDict):
    """The shop agreed to take these goods back."""

    customer_id: str | None
    order_id: str
    reference: str


class EventReturnDeclined(TypedDict):
    """The shop does not take these goods back."""

    customer_id: str | None
    order_id: str
    reason: str | EventRedacted | None
    reference: str


class EventReturnRequested(TypedDict):
    """The customer wants to return these goods. Nothing has come back yet."""

    customer_id: str | None
    lines: list[EventLineAmount]
    order_id: str
    reason: str | EventRedacted | None
    reference: str
    requested_by: Literal["customer", "staff"]


class EventReturnReversed(TypedDict):
    """An observed return was recorded wrongly: these goods did not come back, and this amount was not given
    back.
    """

    customer_id: str | None
    lines: list[EventLineAmount]
    observed: NotRequired[bool]
    order_id: str
    reference: str
    refunded: EventMoney


class EventReturnWindowClosed(TypedDict):
    """The time within which the customer may ask for a return is over."""

    customer_id: str | None
    order_id: str


EventReviewRule: TypeAlias = "Literal['AFTER_REJECTION', 'AFTER_SETTLEMENT', 'BEYOND_QUANTITY']"


class EventRuleBroken(TypedDict):
    """An observed fact breaks a rule of the shop; a person must look at it. `rule` is a code: see
    `observed_facts`.
    """

    customer_id: str | None
    detail: str
    order_id: str
    rule: str


class EventSettlementHeld(TypedDict):
    """The settlement was put on hold."""

    reason: str | EventRedacted | None
    trade_id: str


class EventSettlementResumed(TypedDict):
    """The hold on the settlement was released."""

    reason: str | EventRedacted | None
    trade_id: str


EventSide: TypeAlias = "Literal['BUY', 'SELL']"


class EventStockReceived(TypedDict):
    """Units arrived in the warehouse: bought or returned. The first receipt starts the stock count."""

    quantity: int
    reference: str
    sku: str


class EventStockWrittenOff(TypedDict):
    """Units were lost, broken or missing at a stock count."""

    quantity: int
    reason: str | EventRedacted | None
    reference: str
    sku: str


class EventTickBand(TypedDict):
    """A band of a tick table: from this price on, without its sign, prices are multiples of the tick."""

    from_price: str
    tick: str


EventTimeInForce: TypeAlias = "Literal['DAY', 'GTC', 'IOC']"


class EventTradeAmended(TypedDict):
    """Quantity or limit price of an open trade changed. Both are the new values; `open` is what can still be
    filled.
    """

    deal: EventDeal
    limit_price: str | None
    open: str
    quantity: str
    reason: str | EventRedacted | None
    trade_id: str


class EventTradeBusted(TypedDict):
    """The venue declared a fill void. `corrects` is the stream version of the event that reported the fill."""

    corrects: int
    deal: EventDeal
    open: str
    reason: str | EventRedacted | None
    trade_id: str
    was: EventFill


class EventTradeCancelled(TypedDict):
    """The open quantity was cancelled; the fills stay."""

    cancelled: str
    deal: EventDeal
    reason: str | EventRedacted | None
    trade_id: str


class EventTradeCorrected(TypedDict):
    """A fill was corrected. `corrects` is the stream version of the event that reported the wrong fill."""

    corrects: int
    deal: EventDeal
    now: EventFill
    open: str
    reason: str | EventRedacted | None
    trade_id: str
    was: EventFill


class EventTradeExecuted(TypedDict):
    """The venue filled some or all of the open quantity. `open` is the remaining open quantity."""

    deal: EventDeal
    fills: list[EventFill]
    open: str
    trade_id: str


class EventTradeExpired(TypedDict):
    """The time for which the order was good is over; the fills stay."""

    deal: EventDeal
    expired: str
    trade_id: str


class EventTradeRejected(TypedDict):
    """The trade was rejected before it reached the venue."""

    deal: EventDeal
    reason: str | EventRedacted | None
    trade_id: str


class EventTradeReviewed(TypedDict):
    """Staff have looked at what was flagged."""

    reason: str | EventRedacted | None
    trade_id: str


class EventTradeSettled(TypedDict):
    """The trade settled. If a fill is reported, corrected or void afterwards, it settles again with its new
    totals.
    """

    deal: EventDeal
    notional: str
    quantity: str
    settled_on: str
    trade_id: str


class EventTradeSubmitted(TypedDict):
    """An order to buy or sell was submitted. Without a limit price it is a market order."""

    account_id: str
    fee_terms: NotRequired[EventFeeTerms | None]
    good_until: NotRequired[str | None]
    instrument: EventInstrument
    limit_price: str | None
    quantity: str
    reference: str
    routed: NotRequired[bool]
    side: EventSide
    taken_in: NotRequired[EventOpenOrder | None]
    time_in_force: NotRequired[EventTimeInForce]
    trade_id: str
    type: EventOrderType


class EventUserCreated(TypedDict):
    """A person was signed up."""

    address: str | EventRedacted | None
    email: str | EventRedacted | None
    name: str | EventRedacted | None
    phone: str | EventRedacted | None
    source: Literal["api", "import", "page", "retention", "staff"]
    user_id: str


class EventVatAmount(TypedDict):
    """What was charged at one rate: the amount without tax, the tax in it, and both."""

    gross: EventMoney
    net: EventMoney
    percent: str
    vat: EventMoney


class EventRecord(TypedDict):
    """An event. `data` has the fields of its type and schema version; personal fields are null for most readers."""

    aggregate_id: str
    aggregate_type: str
    causation_id: str | None
    command_id: str
    correlation_id: str
    data: dict[str, Any]
    event_id: str
    occurred_at: str
    position: int
    recorded_at: str
    schema_version: int
    type: str
    version: int


class ExternalId(TypedDict):
    """The identifier that another system (`source`) uses: a marketplace's order number, a customer number."""

    source: str
    value: str


class Fee(TypedDict):
    """What an execution costs the account; a rebate is below 0. Its currency is that of the trade's values."""

    amount: str
    currency: str


class FeeSchedule(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    account_id: NotRequired[str | None]
    id: NotRequired[int]
    instrument: NotRequired[str]
    minimum: NotRequired[str]
    per_piece: NotRequired[str]
    rate: NotRequired[str]
    recorded_at: NotRequired[str]
    valid_from: NotRequired[str]


class FeedPage(TypedDict):
    """A page of the event feed; `next` continues after it, also when there is nothing more yet (`more`)."""

    cursor: int
    more: bool
    next: str
    results: list[EventRecord]


class FieldChange(TypedDict):
    """One changed field, by its path (`lines.1.quantity`). `by` lists the events that changed it, in order."""

    after: Any
    before: Any
    by: list[Cause]
    field: str


class Fill(TypedDict):
    """A full or partial execution at the venue, with the venue's identifier and time."""

    at: str
    fee: NotRequired[Fee | None]
    price: str
    quantity: str
    venue_trade_id: str


class FillBust(TypedDict):
    """The fill that is void, and the reason."""

    reason: str
    venue_trade_id: str


class FillCorrection(TypedDict):
    """The right values of a fill with the same `venue_trade_id`, and the reason."""

    fill: Fill
    reason: str


class FillReport(TypedDict):
    """The fills of the venue: one fill, or all fills of one sweep through its order book."""

    fills: list[Fill]


class FrozenAmount(TypedDict):
    """The amount of the limits that one open trade uses."""

    amount: Amount
    instrument: str
    trade_id: str


class ImportPage(TypedDict):
    """A page of imports, the newest first; `next` is the URL of the next page."""

    next: str | None
    next_cursor: str | None
    results: list[ImportStatus]


class ImportStatus(TypedDict):
    """An import. Each row of the file is counted once; `errors` are the first 500 rows that were not imported."""

    already_there: int
    dry_run: bool
    error: str
    errors: list[RowError]
    events: int
    finished_at: str | None
    held_back: int
    import_id: str
    kind: str
    not_tried: int
    on_error: str
    refused: int
    requested_at: str
    rows: int
    started_at: str | None
    state: str
    stored: int


class Instrument(TypedDict):
    """An instrument and its trading terms; a trade keeps the terms of its submission."""

    calendar: str
    code: str
    contract: NotRequired[Contract | None]
    currency: str
    lot: str
    negative_prices: NotRequired[bool]
    settlement_days: int
    tick: str
    tick_table: NotRequired[list[TickBand]]


class InstrumentDetails(TypedDict):
    """An instrument. `can_be_traded` says whether it is traded today, between its first and its last day."""

    active_from: str | None
    active_to: str | None
    can_be_traded: bool
    code: str
    terms: Instrument
    trading_calendar: str
    venue: str


class InstrumentList(TypedDict):
    """All instruments, by their codes."""

    next: NotRequired[str | None]
    prev: NotRequired[str | None]
    results: list[InstrumentDetails]


class JobState(TypedDict):
    """A job of any kind; `done` and `total` in `unit`."""

    done: int | None
    id: str
    kind: str
    result: str
    since: str
    state: str
    subject: str
    total: int | None
    unit: str


class JobStates(TypedDict):
    """The first jobs: those that have not ended, then the newest."""

    results: list[JobState]


class LetterAction(TypedDict):
    """Why; with `correct`, the fields that the projection is to read; with `retry`, whether it ends with this
    one.
    """

    fields: NotRequired[dict[str, Any]]
    reason: NotRequired[str]
    up_to_here: NotRequired[bool]


class LetterPreferences(TypedDict):
    """The language of letters, `en` or `de`, and the time zone of the times in them, such as `Europe/Berlin`."""

    language: str
    time_zone: str


class MarketMinute(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    currency: NotRequired[str]
    high: NotRequired[Money | None]
    id: NotRequired[str]
    instrument: NotRequired[str]
    low: NotRequired[Money | None]
    meta: NotRequired[dict[str, Any]]
    minute: NotRequired[str]
    notional: NotRequired[Money]
    trades: NotRequired[int]
    volume: NotRequired[str]
    vwap: NotRequired[Money | None]


class Money(TypedDict):
    """An amount (exact, finite `Decimal`) and the code of its currency."""

    amount: str
    currency: str


class NewAccount(TypedDict):
    """Owner, currency and gross limit of a new account. Without an owner it is a house account."""

    currency: str
    gross_limit: str
    owner_id: NotRequired[str | None]
    reference: str


class NewLegalHold(TypedDict):
    """The file number that identifies the hold, and its reason."""

    hold: str
    reason: str


class NewOrder(TypedDict):
    """The order, of at most 50 lines. Without `delivery` it is delivered to the name and address of your
    account.
    """

    customer_external_id: NotRequired[ExternalId | None]
    customer_id: NotRequired[str | None]
    delivery: NotRequired[Destination | None]
    external_ids: NotRequired[list[ExternalId]]
    lines: list[RequestedLine]
    reference: NotRequired[str]


class NewPointInTimeQuery(TypedDict):
    """As of when, by the time it was recorded or, with `happened`, happened; all rows or the one with a key."""

    at: str
    happened: NotRequired[bool]
    key: NotRequired[str]


class NewRebuild(TypedDict):
    """Why, whether somebody switches by hand, how fast, and for a reset up to which position of the store, or
    time.
    """

    by_hand: NotRequired[bool]
    events_per_s: NotRequired[int | None]
    reason: str
    up_to: NotRequired[int | None]
    up_to_time: NotRequired[str | None]


class NewRowCheck(TypedDict):
    """One row by its key, or the rows of a stream; with `repair` they are put right, which needs a reason."""

    key: NotRequired[str]
    reason: NotRequired[str]
    repair: NotRequired[bool]
    stream: NotRequired[str | None]


class NewTrade(TypedDict):
    """An order to buy or sell for one of your accounts. Only a limit order has a limit price."""

    account_id: str
    instrument: str
    limit_price: NotRequired[str | None]
    quantity: str
    repeated: NotRequired[bool]
    side: Side
    taken_in: NotRequired[OpenOrder | None]
    time_in_force: NotRequired[TimeInForce]
    type: OrderType


class NewWebhook(TypedDict):
    """A new webhook: its URL (https, public) and the event types to send; without `types` all events are sent."""

    types: NotRequired[list[str]]
    url: str


class ObservedFact(TypedDict):
    """What happened. A payment has `amount`, `method` and perhaps `reference`; a shipment `carrier` and perhaps
    `tracking`; a delivery perhaps `received_by`; a cancellation `reason`; a return `reference`, `lines`,
    `reason` and perhaps `refunded` (`false`: no money was given back); a refund `reference`, `amount` and
    `reason`.
    """

    amount: NotRequired[Money | None]
    carrier: NotRequired[str]
    kind: Literal["cancellation", "delivery", "payment", "refund", "return", "shipment"]
    lines: NotRequired[list[ReturnLine]]
    method: NotRequired[str | None]
    reason: NotRequired[str]
    received_by: NotRequired[str]
    reference: NotRequired[str]
    refunded: NotRequired[bool | None]
    tracking: NotRequired[str]


class OpenOrder(TypedDict):
    """An order that was open at the venue before its record began here; what it had filled then is not counted
    here.
    """

    ordered: str
    placed_at: str


class OperatorReason(TypedDict):
    """Why; with `throttle` the limit."""

    events_per_s: NotRequired[int | None]
    reason: NotRequired[str]


class OrderLine(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    amount: NotRequired[Money]
    currency: NotRequired[str]
    damaged: NotRequired[int]
    description: NotRequired[str]
    id: NotRequired[str]
    kind: NotRequired[Literal["product", "freight", "discount", "tax"]]
    line: NotRequired[int]
    meta: NotRequired[dict[str, Any]]
    order_id: NotRequired[str]
    price: NotRequired[Money]
    quantity: NotRequired[int]
    refunded: NotRequired[Money]
    returned: NotRequired[int]
    sku: NotRequired[str]


class OrderPayment(TypedDict):
    """One payment. `requested` was asked for, `authorised` is set aside, `taken` and `refunded` is what moved."""

    authorised: Money
    method: str
    payment_id: str
    reason: str
    refunded: Money
    requested: Money
    status: Literal["authorised", "declined", "requested", "taken", "voided"]
    taken: Money


class OrderPayments(TypedDict):
    """What an order costs, what is outstanding and until when, and its payments, the oldest first."""

    outstanding: Money
    pay_until: str | None
    payment_state: PaymentStateName
    payments: list[OrderPayment]
    total: Money


class OrderReturn(TypedDict):
    """One return: what was asked for, what came back, and what was refunded for it."""

    decline_reason: str
    lines: list[ReturnedLine]
    reason: str
    received: list[ReturnedLine]
    reference: str
    refunds: list[Money]
    requested_at: str
    status: Literal["accepted", "declined", "received", "requested"]


class OrderShipment(TypedDict):
    """A parcel: its carrier, its tracking number, and when it left and arrived."""

    carrier: str
    delivered_at: str | None
    shipped_at: str
    tracking: str


class OrderSummary(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    authorised: NotRequired[Money]
    cancelled_at: NotRequired[str | None]
    carrier: NotRequired[str]
    country: NotRequired[str]
    created_at: NotRequired[str]
    currency: NotRequired[str]
    customer_id: NotRequired[str | None]
    declined: NotRequired[int]
    delivered_at: NotRequired[str | None]
    delivery_address: NotRequired[str | None]
    delivery_name: NotRequired[str | None]
    external_ids: NotRequired[str]
    kind: NotRequired[Literal["order", "credit-note"]]
    line_count: NotRequired[int]
    lines: NotRequired[list[OrderedLine]]
    meta: NotRequired[dict[str, Any]]
    observed: NotRequired[bool]
    order_id: NotRequired[str]
    outstanding: NotRequired[Money]
    paid: NotRequired[Money]
    paid_at: NotRequired[str | None]
    payment: NotRequired[str]
    payment_state: NotRequired[Literal["UNPAID", "PARTLY_PAID", "AUTHORISED", "PAID", "OVERPAID"]]
    payments: NotRequired[list[OrderPayment]]
    reason: NotRequired[str]
    received_by: NotRequired[str | None]
    reference: NotRequired[str]
    refund_due: NotRequired[Money]
    refunded: NotRequired[Money]
    returned_value: NotRequired[Money]
    returns: NotRequired[list[OrderReturn]]
    returns_accepted: NotRequired[int]
    returns_asked: NotRequired[int]
    returns_closed_at: NotRequired[str | None]
    returns_to_decide: NotRequired[int]
    review: NotRequired[str]
    shipments: NotRequired[list[OrderShipment]]
    shipped_at: NotRequired[str | None]
    status: NotRequired[Literal["CREATED", "PAID", "SHIPPED", "DELIVERED", "CANCELLED", "CREDITED", "REVERSED"]]
    total: NotRequired[Money]
    tracking: NotRequired[str]
    units: NotRequired[int]
    units_returned: NotRequired[int]
    updated_at: NotRequired[str]
    version: NotRequired[int]


OrderType: TypeAlias = "Literal['LIMIT', 'MARKET']"


class OrderedLine(TypedDict):
    """One line, counted from 1: a quantity of a product, its price for one unit, and how many units came back."""

    description: str
    kind: Literal["discount", "freight", "product", "tax"]
    line: int
    price: Money
    quantity: int
    returned: int
    sku: str


OutcomeState: TypeAlias = "Literal['failed', 'running', 'succeeded']"


class PaginatedActivityTimelineList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[ActivityTimeline]


class PaginatedConsentRegisterList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[ConsentRegister]


class PaginatedCustomerSummaryList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[CustomerSummary]


class PaginatedDailySalesList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[DailySales]


class PaginatedDeliveryOptionList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[DeliveryOption]


class PaginatedFeeScheduleList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[FeeSchedule]


class PaginatedMarketMinuteList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[MarketMinute]


class PaginatedOrderLineList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[OrderLine]


class PaginatedOrderSummaryList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[OrderSummary]


class PaginatedPositionList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[Position]


class PaginatedProductList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[Product]


class PaginatedProductSalesList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[ProductSales]


class PaginatedStockLevelList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[StockLevel]


class PaginatedTradeBlotterList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[TradeBlotter]


class PaginatedTradingAccountList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[TradingAccount]


class PaginatedUserProfileList(TypedDict):
    incomplete: NotRequired[dict[str, Any]]
    next: str | None
    next_cursor: str | None
    prev: str | None
    prev_cursor: str | None
    results: list[UserProfile]


class PaymentDecision(TypedDict):
    """How to pay and how much; without `amount`, all that is outstanding. `token` is from the gateway's card
    page.
    """

    amount: NotRequired[Money | None]
    method: NotRequired[str]
    token: NotRequired[str]


class PaymentMethodDetails(TypedDict):
    """A means of payment: `method` is what a payment names, `name` what people call it."""

    method: str
    name: str


class PaymentMethodList(TypedDict):
    """The means of payment."""

    next: NotRequired[str | None]
    prev: NotRequired[str | None]
    results: list[PaymentMethodDetails]


PaymentStateName: TypeAlias = "Literal['AUTHORISED', 'OVERPAID', 'PAID', 'PARTLY_PAID', 'UNPAID']"


class PeriodicJobState(TypedDict):
    """A periodic job: when it is due, and the result of its last run."""

    due_at: str
    failed: bool
    finished_at: str | None
    name: str
    said: str
    started_at: str | None


class PeriodicJobStates(TypedDict):
    """All periodic jobs by name."""

    results: list[PeriodicJobState]


class Position(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    account_id: NotRequired[str]
    average_cost: NotRequired[Money | None]
    bought: NotRequired[str]
    bought_notional: NotRequired[Money]
    currency: NotRequired[str]
    fees: NotRequired[Money]
    fifo_average_cost: NotRequired[Money | None]
    fifo_net_realised: NotRequired[Money]
    fifo_open_cost: NotRequired[Money]
    fifo_realised: NotRequired[Money]
    id: NotRequired[str]
    instrument: NotRequired[str]
    inverse: NotRequired[bool]
    meta: NotRequired[dict[str, Any]]
    multiplier: NotRequired[str]
    net_realised: NotRequired[Money]
    open_cost: NotRequired[Money]
    price_currency: NotRequired[str]
    quantity: NotRequired[str]
    realised: NotRequired[Money]
    sold: NotRequired[str]
    sold_notional: NotRequired[Money]
    updated_at: NotRequired[str | None]


class Problem(TypedDict):
    """Problem details (RFC 9457). `code` never changes; quote `trace_id` when you report a problem."""

    code: str
    detail: str
    errors: NotRequired[list[ErrorDetail]]
    status: int
    title: str
    trace_id: NotRequired[str]
    type: str
    version: NotRequired[int]


class Product(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    added_at: NotRequired[str]
    available: int | None
    category: NotRequired[str | None]
    currency: NotRequired[str]
    description: NotRequired[str]
    name: NotRequired[str]
    picture: NotRequired[str]
    picture_shows: NotRequired[str]
    price: NotRequired[Money]
    sku: NotRequired[str]
    vat_percent: NotRequired[str]


class ProductSales(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    currency: NotRequired[str]
    described_at: NotRequired[str | None]
    description: NotRequired[str]
    gross: NotRequired[Money]
    id: NotRequired[str]
    meta: NotRequired[dict[str, Any]]
    net: NotRequired[Money]
    refunded: NotRequired[Money]
    sku: NotRequired[str]
    units_net: NotRequired[int]
    units_returned: NotRequired[int]
    units_sold: NotRequired[int]


class ProjectionState(TypedDict):
    """A projection: how far it is, summed over its partitions."""

    dead_letters: int
    head: int
    lag: int
    lag_s: float
    name: str
    paused: bool
    position: int
    state: str


class ProjectionStates(TypedDict):
    """All projections, the longest lag first."""

    results: list[ProjectionState]


class Reason(TypedDict):
    """The reason of the action."""

    reason: str


class RebuildState(TypedDict):
    """A rebuild: progress, rate in events per second, seconds to go, and what it changes once it is compared."""

    added: int
    by_hand: bool
    changed: int
    error: str
    eta_s: float | None
    events: int
    events_per_s: int | None
    finished_at: str | None
    head: int
    id: int
    position: int
    projection: str
    rate: float
    reason: str
    removed: int
    requested_at: str
    state: str
    undoes: int | None
    up_to: int | None


class RebuildStates(TypedDict):
    """The newest rebuilds."""

    results: list[RebuildState]


class ReceivedLine(TypedDict):
    """A quantity of one order line that came back, and its condition."""

    condition: NotRequired[Literal["damaged", "resellable"]]
    line: int
    quantity: int


class ReleasedLegalHold(TypedDict):
    """The file number of the hold to release."""

    hold: str


class ReplayState(TypedDict):
    """A check, repair, dry run or point-in-time query: progress in positions, and how many rows differ. No rows."""

    added: int
    changed: int
    events: int
    failed: int
    finished_at: str | None
    head: int
    id: int
    kind: str
    position: int
    projection: str
    removed: int
    requested_at: str
    rows: int
    state: str


class Republication(TypedDict):
    """The first and last key, both empty for all rows; a dry run counts them, anything else needs a reason."""

    dry_run: NotRequired[bool]
    first: NotRequired[str]
    last: NotRequired[str]
    reason: NotRequired[str]


class RequestedLine(TypedDict):
    """A quantity of a product, at the unit price that you were shown: at most 99 units of one product."""

    description: NotRequired[str]
    external_ids: NotRequired[list[ExternalId]]
    kind: NotRequired[Literal["discount", "freight", "product", "tax"]]
    price: Money
    quantity: int
    sku: str


class RestrictionReason(TypedDict):
    """Why the processing is to be restricted (Art. 18 GDPR)."""

    reason: str


class Return(TypedDict):
    """The quantities to return by line, and the reason."""

    lines: list[ReturnLine]
    reason: str


ReturnAcceptance: TypeAlias = "dict[str, Any]"


class ReturnLine(TypedDict):
    """A quantity of one order line to return."""

    line: int
    quantity: int


class ReturnReceipt(TypedDict):
    """What came back, by line and condition."""

    lines: list[ReceivedLine]


class ReturnRefusal(TypedDict):
    """Why the return is declined."""

    reason: str


class ReturnedLine(TypedDict):
    """A quantity of one line of the order; lines are counted from 1."""

    line: int
    quantity: int


class RowError(TypedDict):
    """A row that was not imported: its line in the file (the header is line 1), and why."""

    detail: str
    line: int


class SagaGroup(TypedDict):
    """Sagas of one kind that are held up by one cause."""

    cause: str
    is_suspended: bool
    key: str
    kind: str
    sagas: int
    since: str
    step: str


class SagaGroupAction(TypedDict):
    """The key of a group, and why."""

    group: str
    reason: str


class SagaGroups(TypedDict):
    """All groups, suspended ones first."""

    results: list[SagaGroup]


class SavedAddress(TypedDict):
    """An address of the address book."""

    address: str
    address_id: str
    is_default: bool
    name: str


class SettlementDay(TypedDict):
    """The value date of the settlement."""

    settled_on: str


class Shipment(TypedDict):
    """The carrier of the parcel, and the tracking number."""

    carrier: str
    tracking: NotRequired[str]


Side: TypeAlias = "Literal['BUY', 'SELL']"


class SigningSecret(TypedDict):
    """A new signing secret, shown this once. Messages are also signed with the previous one until
    `former_until`.
    """

    former_until: NotRequired[str | None]
    secret: str


class StockLevel(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    dispatched: NotRequired[int]
    meta: NotRequired[dict[str, Any]]
    on_hand: NotRequired[int]
    received: NotRequired[int]
    received_at: NotRequired[str | None]
    refusals: NotRequired[int]
    refused_at: NotRequired[str | None]
    reserved: NotRequired[int]
    sku: NotRequired[str]
    stock_item_id: NotRequired[str]
    uncounted: NotRequired[int]
    updated_at: NotRequired[str]
    version: NotRequired[int]
    written_off: NotRequired[int]


class StockReceipt(TypedDict):
    """The units received, and the delivery note."""

    quantity: int
    reference: str


class StockWriteOff(TypedDict):
    """The units to write off, and the reason."""

    quantity: int
    reason: str
    reference: str


class StreamDiff(TypedDict):
    """The changes between two versions of an aggregate; version 0 is the state before the first event."""

    aggregate_id: str
    changes: list[FieldChange]
    from_version: int
    to_version: int


class StreamPage(TypedDict):
    """A page of events of one stream; `next` and `prev` are the URLs of the pages after and before."""

    next: str | None
    prev: str | None
    results: list[EventRecord]


class StreamState(TypedDict):
    """The state of an aggregate. `because` is the last event that it contains; null before the first event."""

    aggregate_id: str
    aggregate_type: str
    because: Cause | None
    state: dict[str, Any]
    version: int


class TickBand(TypedDict):
    """A band of a tick table: from this price on, without its sign, prices are multiples of the tick."""

    from_price: str
    tick: str


TimeInForce: TypeAlias = "Literal['DAY', 'GTC', 'IOC']"


class TradeBlotter(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    account_id: NotRequired[str]
    amend_requested: NotRequired[bool]
    average_price: NotRequired[Money | None]
    cancel_requested: NotRequired[bool]
    corrections: NotRequired[int]
    currency: NotRequired[str]
    executed: NotRequired[str]
    fee_currency: NotRequired[str]
    fees: NotRequired[Money]
    fills: NotRequired[int]
    instrument: NotRequired[str]
    limit_price: NotRequired[Money | None]
    meta: NotRequired[dict[str, Any]]
    needs_review: NotRequired[bool]
    notional: NotRequired[Money]
    on_hold: NotRequired[bool]
    quantity: NotRequired[str]
    reason: NotRequired[str]
    reference: NotRequired[str]
    settled_on: NotRequired[str | None]
    side: NotRequired[str]
    status: NotRequired[Literal["OPEN", "PARTLY_FILLED", "FILLED", "CANCELLED", "EXPIRED", "REJECTED", "SETTLED"]]
    submitted_at: NotRequired[str]
    trade_id: NotRequired[str]
    type: NotRequired[str]
    updated_at: NotRequired[str]
    version: NotRequired[int]


class TradingAccount(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    account_id: NotRequired[str]
    cost_method: NotRequired[str]
    currency: NotRequired[str]
    frozen: NotRequired[Money]
    frozen_trades: NotRequired[int]
    gross_limit: NotRequired[Money]
    meta: NotRequired[dict[str, Any]]
    opened_at: NotRequired[str]
    owner_id: NotRequired[str | None]
    reference: NotRequired[str]
    refusals: NotRequired[int]
    updated_at: NotRequired[str]
    version: NotRequired[int]


class UnreadableRecordState(TypedDict):
    """A record of the log that is no event, as one projection came across it."""

    attempts: int
    cause: str
    error: str
    found_at: str
    id: int
    last_attempt_at: str | None
    offset: int
    partition: int
    projection: str
    topic: str


class UnreadableRecordStates(TypedDict):
    """The newest such records."""

    results: list[UnreadableRecordState]


class UserProfile(TypedDict):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    accesses: NotRequired[int]
    address: NotRequired[str | None]
    consents: NotRequired[str]
    created_at: NotRequired[str]
    email: NotRequired[str | None]
    erased_at: NotRequired[str | None]
    erasure_due_at: NotRequired[str | None]
    erasure_requested_at: NotRequired[str | None]
    exports: NotRequired[int]
    holds: NotRequired[int]
    meta: NotRequired[dict[str, Any]]
    name: NotRequired[str | None]
    person_id: NotRequired[str]
    phone: NotRequired[str | None]
    restricted: NotRequired[bool]
    source: NotRequired[str]
    status: NotRequired[Literal["ACTIVE", "LEAVING", "ERASING", "ERASED"]]
    updated_at: NotRequired[str]
    version: NotRequired[int]


class WebhookDetails(TypedDict):
    """A webhook. `cursor` is the store position up to which events were enqueued for it."""

    active: bool
    cursor: int
    id: str
    made_at: str
    owner: str
    types: list[str]
    url: str
    version: int


class WebhookMessage(TypedDict):
    """The message that a webhook sends."""

    data: EventRecord
    timestamp: str
    type: str


class WebhookPage(TypedDict):
    """A page of webhooks; `next` is the URL of the next page."""

    next: str | None
    next_cursor: str | None
    results: list[WebhookDetails]


class WebhookUpdate(TypedDict):
    """The new values of a webhook. A switched-off webhook gets the missed events when it is switched on again."""

    active: bool
    types: list[str]
    url: str
