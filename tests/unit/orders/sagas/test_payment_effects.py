"""The handlers of fulfilment's effects against the gateway's own ledger: results are the gateway's answers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from eventshop.core.money import Money
from eventshop.core.saga import Effect, EffectResult
from eventshop.core.serialization import decode_stored, encode_canonical
from orders.domain.errors import RefundDeclined
from orders.payment_gateway.errors import CaptureDeclined, GatewayNotConfigured, OutcomeUnknown, VoidDeclined
from orders.sagas.fulfilment_effects import (
    AuthorisationVoided,
    CapturePayment,
    PaymentCaptured,
    PaymentRefused,
    PaymentReturned,
    PaymentSetAside,
    PaymentTaken,
    RefundPayment,
    TakePayment,
    VoidAuthorisation,
)
from orders.sagas.payment_effects import PaymentEffects
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.sales import gbp

ORDER, PAYMENT, REFUND, KEY = (UUID(int=number) for number in range(1, 5))
NINE = gbp("9.00")
MONEY = '{"amount":"9.00","currency":"GBP"}'


@pytest.fixture
def bank() -> InMemoryGateway:
    return InMemoryGateway()


@pytest.fixture
def effects(bank: InMemoryGateway) -> PaymentEffects:
    return PaymentEffects(lambda: bank)


def take(
    effects: PaymentEffects, method: str = "card", amount: Money = NINE, *, token: str = "", capture: bool = True
) -> EffectResult | None:
    effect = TakePayment(ORDER, amount, method, PAYMENT, token, capture)
    return effects.take_payment(effect, KEY)


def test_a_charge_gives_what_the_bank_took(effects: PaymentEffects, bank: InMemoryGateway) -> None:
    result = take(effects, "voucher")
    assert isinstance(result, PaymentTaken) and result.processed_at is not None
    assert result == PaymentTaken(KEY, NINE, PAYMENT, "voucher", result.processed_at)
    assert abs((datetime.now(UTC) - result.processed_at).total_seconds()) < 3600
    assert take(effects, "voucher") == result and bank.balance == 9


def test_what_is_set_aside_is_captured_once(effects: PaymentEffects, bank: InMemoryGateway) -> None:
    held = take(effects, capture=False)
    assert isinstance(held, PaymentSetAside)
    assert held == PaymentSetAside(PAYMENT, KEY, NINE, "card", held.authorised_at)
    assert bank.balance == 0 and bank.set_aside == 9
    effect, key = CapturePayment(ORDER, PAYMENT, KEY, gbp("7.00")), uuid4()
    taken = effects.capture_payment(effect, key)
    assert isinstance(taken, PaymentCaptured)
    assert taken == PaymentCaptured(PAYMENT, KEY, gbp("7.00"), "card", taken.processed_at)
    assert effects.capture_payment(effect, key) == taken
    assert bank.balance == 7 and bank.set_aside == 0
    with pytest.raises(CaptureDeclined, match="captured already"):
        effects.capture_payment(effect, uuid4())


def test_what_is_set_aside_is_voided(effects: PaymentEffects, bank: InMemoryGateway) -> None:
    take(effects, capture=False)
    effect = VoidAuthorisation(ORDER, PAYMENT, KEY)
    released = effects.void_authorisation(effect, uuid4())
    assert isinstance(released, AuthorisationVoided)
    assert released == AuthorisationVoided(PAYMENT, KEY, NINE, released.voided_at)
    assert bank.balance == 0 and bank.set_aside == 0
    with pytest.raises(VoidDeclined, match="voided already"):
        effects.void_authorisation(effect, uuid4())


def test_a_refund_gives_what_the_bank_gave_back(effects: PaymentEffects, bank: InMemoryGateway) -> None:
    take(effects)
    result = effects.refund_payment(RefundPayment(ORDER, KEY, gbp("4.00"), REFUND), uuid4())
    assert isinstance(result, PaymentReturned) and result.refunded_at is not None
    assert (result.amount, result.refund_id) == (gbp("4.00"), REFUND) and bank.balance == 5
    with pytest.raises(RefundDeclined, match="more than was taken"):
        effects.refund_payment(RefundPayment(ORDER, KEY, gbp("5.01"), uuid4()), uuid4())


@pytest.mark.parametrize(
    ("method", "amount", "reason"),
    [
        ("declined", "9.00 GBP", "insufficient funds"),
        ("paypal", "9.00 GBP", "unknown method"),
        ("card", "9.005 GBP", "9.005 GBP cannot be paid"),
        ("card", "9.00 ZZZ", "No price can be in this currency"),
        ("card", "0 GBP", "a payment must be more than 0 GBP"),
    ],
)
def test_a_refused_payment_says_why(
    effects: PaymentEffects, bank: InMemoryGateway, method: str, amount: str, reason: str
) -> None:
    number, currency = amount.split()
    result = take(effects, method, Money(Decimal(number), currency))
    assert isinstance(result, PaymentRefused) and result.reason.startswith(reason)
    assert (result.payment_id, result.method) == (PAYMENT, method) and bank.balance == 0


def test_a_card_from_the_gateways_page_is_charged(effects: PaymentEffects, bank: InMemoryGateway) -> None:
    result = take(effects, token=bank.enter_card(order_id=ORDER, amount=NINE))
    assert isinstance(result, PaymentTaken) and result.method == "card"


def test_a_card_for_another_amount_is_declined(effects: PaymentEffects, bank: InMemoryGateway) -> None:
    result = take(effects, token=bank.enter_card(order_id=ORDER, amount=gbp("8.99")))
    assert isinstance(result, PaymentRefused) and bank.balance == 0


@pytest.mark.parametrize("method", ["pending", "late"])
def test_what_is_not_decided_has_no_result(effects: PaymentEffects, bank: InMemoryGateway, method: str) -> None:
    assert take(effects, method) is None and bank.balance == 0


def test_a_gateway_that_fails_is_an_error_with_its_reason(effects: PaymentEffects, bank: InMemoryGateway) -> None:
    with pytest.raises(OutcomeUnknown, match="500"):
        take(effects, "down")
    assert bank.balance == 0


@pytest.mark.parametrize("method", ["lost", "html", "huge", "broken"])
def test_what_became_of_a_request_without_an_answer_is_looked_up(
    effects: PaymentEffects, bank: InMemoryGateway, method: str
) -> None:
    assert isinstance(take(effects, method), PaymentTaken) and bank.balance == 9


def test_without_a_gateway_a_payment_is_refused() -> None:
    def no_gateway() -> InMemoryGateway:
        raise GatewayNotConfigured()

    result = PaymentEffects(no_gateway).take_payment(TakePayment(ORDER, NINE, "card", PAYMENT), KEY)
    assert isinstance(result, PaymentRefused) and "PAYMENT_GATEWAY_URL" in result.reason


@pytest.mark.parametrize(
    ("stored", "decoded"),
    [
        (f'{{"order_id":"{ORDER}","amount":{MONEY},"method":"card"}}', TakePayment(ORDER, NINE, "card")),
        (f'{{"order_id":"{ORDER}","charge":"{KEY}","amount":{MONEY}}}', RefundPayment(ORDER, KEY, NINE)),
        (f'{{"charge":"{KEY}","amount":{MONEY}}}', PaymentTaken(KEY, NINE)),
        ('{"reason":"card expired"}', PaymentRefused("card expired")),
        (f'{{"amount":{MONEY}}}', PaymentReturned(NINE)),
    ],
)
def test_effects_and_results_of_an_earlier_release_are_read(stored: str, decoded: Effect | EffectResult) -> None:
    assert decode_stored(type(decoded), stored) == decoded
    assert decode_stored(type(decoded), encode_canonical(decoded)[0].decode()) == decoded
