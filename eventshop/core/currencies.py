"""The currencies of ISO 4217 with the decimals of their minor units, and how card payments differ from them.

Source: list one (current currencies and funds) of SIX Financial Information, the standard's maintenance agency, as
published on 2026-09-17: all 178 codes, amendments up to 180 (which moved Bulgaria to the euro). Checked against
`iso-codes` (pycountry 26.2.16) and CLDR (Babel 2.19). A new amendment changes this table and nothing else.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Final

from eventshop.core.errors import UnknownCurrency

_CODES_BY_DECIMALS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW"
        " CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF"
        " IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK"
        " MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP"
        " SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG"
        " YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
#: The number of decimals of each currency and fund that has a minor unit.
DECIMALS: Final = {code: decimals for decimals, codes in _CODES_BY_DECIMALS.items() for code in codes.split()}
#: Units of account between banks and in indexed contracts: no price is in them.
FUNDS: Final = frozenset(("BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XAD"))
#: Codes without a minor unit: metals, bond units, special drawing rights, tests (XTS), no currency (XXX).
WITHOUT_MINOR_UNIT: Final = frozenset(
    ("XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX")
)
#: Currencies in which a price can be.
CURRENCIES: Final = frozenset(DECIMALS) - FUNDS
#: Decimals of card payments where they are fewer than in the standard: the coins are out of use, and only whole
#: forints, new Taiwan dollars and ariaries are moved (https://docs.stripe.com/currencies#special-cases). Some gateways
#: also count ISK and UGX in hundredths, for compatibility: an adapter for one of them converts. Everything here counts
#: as ISO 4217 does.
CARD_DECIMALS: Final = {"HUF": 0, "MGA": 0, "TWD": 0}


def decimals_of(currency: str) -> int:
    """The decimals of a currency's minor unit: 2 for GBP, 0 for JPY, 3 for KWD. Raises `UnknownCurrency`."""
    if currency not in CURRENCIES:
        raise UnknownCurrency(currency=currency)
    return DECIMALS[currency]


@cache
def smallest_payment(currency: str) -> Decimal:
    """The smallest amount that can be paid, of which every payment is a multiple: 0.01 for GBP, 1 for JPY and HUF.

    Raises `UnknownCurrency`.
    """
    return Decimal(1).scaleb(-CARD_DECIMALS.get(currency, decimals_of(currency)))
