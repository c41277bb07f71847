"""The gateway's pages: the behaviours and newest payments, and the card page for customers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any, Final

from deploy.gateway.behaviours import DEFAULT, OTHER_METHODS, TEST_CARDS, Behaviour, is_card_number
from eventshop.core.errors import UnknownCurrency
from eventshop.core.money import from_minor_units

_STYLE: Final = """
html { color-scheme: light dark; line-height: 1.5; background: light-dark(#fff, #16181c);
  color: light-dark(#1a1a1a, #ececec) }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 0 0 2rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8886; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums }
div.scroll { overflow-x: auto }
code { white-space: nowrap }
form { max-width: 26rem }
label { display: block; font-weight: 600; margin-top: 1rem }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .6rem; border: 1px solid #888;
  border-radius: .4rem }
.pair { display: flex; gap: 1rem } .pair > div { flex: 1; min-width: 0 }
button { font: inherit; font-weight: 600; width: 100%; margin: 1.5rem 0 1rem; padding: .8rem; border: 0;
  border-radius: .4rem; background: #1d4ed8; color: #fff; cursor: pointer }
.error { color: light-dark(#b91c1c, #fca5a5); margin: .2rem 0 0 }
a { color: light-dark(#1d4ed8, #93c5fd) }
:focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px }
"""
_EXPIRY: Final = re.compile(r"(0[1-9]|1[0-2])\s*/\s*(?:20)?([0-9]{2})")


def check_card(form: Mapping[str, str], now: datetime) -> tuple[Behaviour | None, dict[str, str]]:
    """The behaviour of the card in a submitted form, or the errors by field."""
    errors = {}
    number = re.sub(r"[ -]", "", form.get("number", ""))
    if not is_card_number(number):
        errors["number"] = "Enter a valid card number."
    elif number not in TEST_CARDS:
        errors["number"] = "This is no test card. Use one of the list below."
    expiry = _EXPIRY.fullmatch(form.get("expiry", "").strip())
    if expiry is None:
        errors["expiry"] = "Enter month and year, such as 09/31."
    elif (2000 + int(expiry[2]), int(expiry[1])) < (now.year, now.month):
        errors["expiry"] = "This card has expired."
    if not re.fullmatch(r"[0-9]{3,4}", form.get("cvc", "").strip()):
        errors["cvc"] = "Enter the three or four digits on the card."
    return (None if errors else TEST_CARDS[number]), errors


def render_card_page(session: sqlite3.Row, form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    """The page on which a customer enters a card. It needs no scripts and no external resources."""
    amount = escape(_format_amount(session["amount"], session["currency"]))
    summary = "".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in errors.items())
    alert = f'<div role="alert" class="error"><p>Please check the card:</p><ul>{summary}</ul></div>' if errors else ""
    fields = {
        "number": ("Card number", 'inputmode="numeric" autocomplete="cc-number" maxlength="30"'),
        "expiry": ("Expiry (MM/YY)", 'inputmode="numeric" autocomplete="cc-exp" maxlength="9" placeholder="MM/YY"'),
        "cvc": ("Security code (CVC)", 'inputmode="numeric" autocomplete="cc-csc" maxlength="4"'),
    }
    number, expiry, cvc = (
        _field(name, label, attributes, "" if name == "cvc" else form.get(name, ""), errors.get(name))
        for name, (label, attributes) in fields.items()
    )
    cards = "".join(
        f'<tr><th scope="row"><a href="?number={card}">{_grouped(card)}</a></th>'
        f"<td>{escape(behaviour.meaning)}</td></tr>"
        for card, behaviour in TEST_CARDS.items()
    )
    return _page(
        f"Pay {amount}",
        f"""<h1>Pay {amount}</h1>
<p>For order {escape(session["reference"])}. This is a test gateway: no money moves, and no real card is accepted.</p>
{alert}
<form method="post" novalidate>
{number}<div class="pair">{expiry}{cvc}</div>
<button>Pay {amount}</button>
<a href="{escape(session["cancel_url"])}">Back to the shop without paying</a>
</form>
<h2>Test cards</h2>
<p>With any expiry date in the future and any security code. A number fills in the form.</p>
{_table("Test cards", ("Card number", "What happens"), cards)}""",
    )


def render_message_page(title: str, text: str) -> str:
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>")


def render_index(payments: list[dict[str, Any]]) -> str:
    """The behaviours and the newest payments."""
    behaviours = "".join(
        f'<tr><th scope="row"><code>{one.method}</code></th><td><code>{_grouped(card)}</code></td>'
        f"<td>{escape(one.meaning)}</td></tr>"
        for card, one in TEST_CARDS.items()
    )
    rows = "".join(
        f"<tr><th scope='row'><code>{one['reference']}</code></th><td>{one['kind']}</td>"
        f"<td><code>{one['key']}</code></td>"
        f"<td class='n'>{escape(_format_amount(one['amount'], one['currency']))}</td>"
        f"<td>{escape(one['method'])}</td><td>{one['status']}</td><td>{escape(one['reason'])}</td></tr>"
        for one in payments
    )
    head = ("Reference", "Kind", "Key", "Amount", "Method", "Status", "Reason")
    also = " and ".join(f"<code>{method}</code>" for method in OTHER_METHODS)
    return _page(
        "Local payment gateway",
        f"""<h1>Local payment gateway</h1>
<p>It moves no money. The test card that a customer enters, or the name of a behaviour as payment <code>method</code>,
chooses what happens. The methods {also} do as <code>{DEFAULT.method}</code>; any other is declined.</p>
<h2>Behaviours</h2>
{_table("Behaviours", ("Method", "Test card", "What happens"), behaviours)}
<h2>Newest payments</h2>
{_table("Newest payments", head, rows) if payments else "<p>None yet.</p>"}""",
    )


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>{title}</title><style>{_STYLE}</style></head><body><main>
{body}
</main></body></html>
"""


def _field(name: str, label: str, attributes: str, value: str, error: str | None) -> str:
    state = f' aria-invalid="true" aria-describedby="{name}-error"' if error else ""
    message = f'<p class="error" id="{name}-error">{escape(error)}</p>' if error else ""
    return (
        f'<div><label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" value="{escape(value)}" required {attributes}{state}>{message}</div>'
    )


def _table(label: str, head: tuple[str, ...], rows: str) -> str:
    cells = "".join(f'<th scope="col">{name}</th>' for name in head)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{label}"><table>'
        f"<thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _grouped(card: str) -> str:
    return " ".join(card[start : start + 4] for start in range(0, len(card), 4))


def _format_amount(minor_units: int, currency: str) -> str:
    try:
        return str(from_minor_units(minor_units, currency))
    except UnknownCurrency:  # recorded by an earlier release
        return f"{minor_units} minor units of {currency}"
