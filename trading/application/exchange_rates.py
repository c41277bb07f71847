"""Exchange rates: data with a time. Limits are in the currency of the account, whatever an instrument is worth in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from eventshop.core.decimal_math import divide, multiply, round_up
from trading.domain.errors import MissingRate, StaleRate
from trading.domain.events import MAX_DECIMALS
from trading.models import ExchangeRate

_BATCH: Final = 1_000


class RateKey(NamedTuple):
    """What has one rate: a pair of currencies at a time."""

    base: str
    quote: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.base}/{self.quote} of {self.at.isoformat()}"


def convert(amount: Decimal, source: str, target: str, at: datetime | None = None) -> Decimal:
    """An amount in another currency by the newest rate of either direction at a moment (now, without one), rounded up.

    Raises `MissingRate`, or `StaleRate` for one that is older than EXCHANGE_RATE_MAX_AGE_S.
    """
    if source == target:
        return amount
    moment = at or datetime.now(UTC)
    pair = Q(base=source, quote=target) | Q(base=target, quote=source)
    rate = ExchangeRate.objects.filter(pair, at__lte=moment).order_by("-at", "-id").first()
    if rate is None:
        raise MissingRate(rate=f"{source}/{target}", at=moment)
    oldest = moment - timedelta(seconds=settings.EXCHANGE_RATE_MAX_AGE_S)
    if rate.at < oldest:
        raise StaleRate(rate=f"{rate.base}/{rate.quote}", at=rate.at, oldest_allowed=oldest)
    is_direct = rate.base == source
    exact = multiply(amount, rate.rate) if is_direct else divide(amount, rate.rate, decimals=3 * MAX_DECIMALS)
    return round_up(exact, decimals=MAX_DECIMALS)


def convertible_currencies(target: str) -> set[str]:
    """The currencies of which an amount can be converted into another one now, and that one itself."""
    oldest = datetime.now(UTC) - timedelta(seconds=settings.EXCHANGE_RATE_MAX_AGE_S)
    pairs = ExchangeRate.objects.filter(Q(base=target) | Q(quote=target), at__gte=oldest).values_list("base", "quote")
    return {target}.union(*pairs.distinct().order_by())


def add_rates(rates: Mapping[RateKey, Decimal], *, actor: str, dry: bool = False) -> tuple[int, dict[RateKey, Decimal]]:
    """Add rates, all or none; returns how many are new, and the stored rates that differ: then none is added.

    With `dry`, none is added in any case.
    """
    with transaction.atomic():
        known = _stored_rates(rates)
        new = [
            ExchangeRate(**key._asdict(), rate=rate, recorded_by=actor)
            for key, rate in rates.items()
            if key not in known
        ]
        # Somebody else may add one meanwhile: the constraint decides, and the second look finds another value.
        ExchangeRate.objects.bulk_create(new, batch_size=_BATCH, ignore_conflicts=True)
        stored = _stored_rates(rates)
        others = {key: stored[key] for key, rate in rates.items() if stored[key] != rate}
        transaction.set_rollback(dry or bool(others))
    return len(new), others


def _stored_rates(rates: Mapping[RateKey, Decimal]) -> dict[RateKey, Decimal]:
    """The stored rates of these keys."""
    times = [key.at for key in rates]
    rows = (
        ExchangeRate.objects.filter(
            base__in={key.base for key in rates},
            quote__in={key.quote for key in rates},
            at__range=(min(times), max(times)),
        )
        if rates
        else ExchangeRate.objects.none()
    )
    stored = {
        RateKey(base, quote, at): rate for base, quote, at, rate in rows.values_list("base", "quote", "at", "rate")
    }
    return {key: stored[key] for key in rates if key in stored}
