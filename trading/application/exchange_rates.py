"""Exchange rates: data with a time. Limits are in the currency of the account, whatever an instrument is worth in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Q

from eventshop.core.decimal_math import divide, multiply, round_up
from trading.domain.errors import MissingRate, StaleRate
from trading.domain.events import MAX_DECIMALS
from trading.models import ExchangeRate


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
