"""The gateway's page: the behaviours by card token and amount, and the newest payments."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from deploy.gateway.behaviours import BASE_AMOUNT, BEHAVIOURS, DEFAULT

_STYLE: Final = """
html { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 0 0 2rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8886 }
td.n { text-align: right; font-variant-numeric: tabular-nums }
div { overflow-x: auto }
"""


def render_page(payments: list[dict[str, Any]]) -> str:
    """The page as HTML; it needs no scripts and no external resources."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>Local payment gateway</title><style>{_STYLE}</style></head><body><main>
<h1>Local payment gateway</h1>
<p>It moves no money. The card token (<code>method</code>) or the amount chooses the behaviour.</p>
<h2>Behaviours</h2>
<div tabindex="0" role="group" aria-label="Behaviours"><table><thead><tr>
<th scope="col">Card token</th><th scope="col">Amount</th><th scope="col">What happens</th>
</tr></thead><tbody>{"".join(_behaviour_rows())}</tbody></table></div>
<h2>Newest payments</h2>
{_payment_table(payments) if payments else "<p>None yet.</p>"}
</main></body></html>
"""


def _behaviour_rows() -> list[str]:
    return [
        f'<tr><th scope="row"><code>{one.token}</code></th><td class="n">'
        f"{'any other' if one is DEFAULT else f'{(BASE_AMOUNT + number) / 100:,.2f}'}</td>"
        f"<td>{escape(one.meaning)}</td></tr>"
        for number, one in enumerate(BEHAVIOURS)
    ]


def _payment_table(payments: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><th scope='row'><code>{one['reference']}</code></th><td><code>{one['key']}</code></td>"
        f"<td class='n'>{one['amount'] / 100:,.2f} {escape(one['currency'])}</td><td>{escape(one['method'])}</td>"
        f"<td>{one['status']}</td></tr>"
        for one in payments
    )
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("Reference", "Key", "Amount", "Card token", "Status"))
    return (
        '<div tabindex="0" role="group" aria-label="Newest payments"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
