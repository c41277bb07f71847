"""The behaviours of the venue, each chosen by the symbol of an order; any other symbol is filled in two parts."""

from __future__ import annotations

from typing import Final, NamedTuple

#: The market of the test symbols, such as `SIM/REST`.
MARKET: Final = "SIM"


class Behaviour(NamedTuple):
    """One behaviour; `symbol` is its name. Shares are of the ordered quantity, in percent."""

    symbol: str
    meaning: str
    at_once: int = 50
    later: int = 100  # at most what is open then
    refusal: str = ""
    on_cancel: str = "cancel"  # or `decline`, `late fill`, `silent`
    on_amend: str = "amend"  # or `decline`
    overfills: bool = False
    then: str = ""  # `correct` or `bust` the first fill, after a while
    copies: int = 1  # how often each report is sent, under ids of their own
    errors_first: int = 0  # 503 responses before anything happens


#: What happens with an ordinary symbol.
DEFAULT: Final = Behaviour("FILL", "Half is filled at once, the rest a moment later.")
BEHAVIOURS: Final = (
    DEFAULT,
    Behaviour("REST", "Rests in the book until it is cancelled, amended or expires.", 0, 0),
    Behaviour("PARTIAL", "Half is filled, the rest rests.", 50, 0),
    Behaviour("REFUSED", "Refused.", refusal="outside the collar"),
    Behaviour("LATE_FILL", "Rests; cancelled when asked, then half is reported as filled.", 0, 0, "", "late fill"),
    Behaviour("TOO_LATE", "Rests; a cancellation is declined, and it is filled.", 0, 0, "", "decline"),
    Behaviour("SILENT", "Rests; a cancellation is not reported: ask again.", 0, 0, "", "silent"),
    Behaviour("FIXED", "Rests; amendments are declined.", 0, 0, on_amend="decline"),
    Behaviour("CORRECT", "Filled; the price of the first half is corrected a moment later.", then="correct"),
    Behaviour("BUST", "Filled; the first half is declared void a moment later.", then="bust"),
    Behaviour("TWICE", "Filled; each report comes twice.", copies=2),
    Behaviour("OVERFILL", "Filled with half more than ordered.", overfills=True),
    Behaviour("UNSTABLE", "Two 503 responses before anything happens, then filled.", errors_first=2),
    Behaviour("DOWN", "Always a 503 response; nothing happens.", errors_first=1_000_000),
)
_BY_SYMBOL: Final = {f"{MARKET}/{behaviour.symbol}": behaviour for behaviour in BEHAVIOURS}


def behaviour_of(instrument: str) -> Behaviour:
    return _BY_SYMBOL.get(instrument, DEFAULT)
