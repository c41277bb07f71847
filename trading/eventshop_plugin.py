"""What trades and accounts add to EventShop."""

from __future__ import annotations

from typing import Any, Final

from eventshop.admin_console.sidebar import SidebarItem, SidebarSection
from eventshop.cli.importing.importer import FileImporter
from eventshop.cli.importing.sent_files import SentFiles
from eventshop.operations.roles import RolePart, view
from eventshop.plugins.plugin import Plugin
from eventshop.web.api.command_outcomes import TerminalEvents
from eventshop.web.imports.import_kinds import ImportKind
from trading import permissions
from trading.api.url_names import TRADE
from trading.application.letters import TRADE_LETTERS
from trading.application.trade_timeline import trade_updates
from trading.demo.trades import demo_commands
from trading.domain import errors
from trading.domain.account import TradingAccount
from trading.domain.audit_log import AuditLog
from trading.domain.commands import SubmitTrade
from trading.domain.events import TradeCancelled, TradeExpired, TradeRejected, TradeSettled
from trading.domain.trade import Trade
from trading.domain.upcasters import upcasters
from trading.sagas.settlement_saga import SettlementSaga
from trading.sagas.venue_effects import AmendOrder, CancelOrder, PlaceOrder
from trading.venue.factory import venue
from trading.venue.health import check_venue
from trading.venue.order_effects import OrderEffects

_effects = OrderEffects(venue)
_TRADE_VERBS: Final = ("submit", "fill", "reject", "amend", "cancel", "correct", "settle")


def _trades_importer() -> FileImporter[Any]:
    from trading.importers.market_trades.importer import MarketTradesImporter  # web servers need not load it

    return MarketTradesImporter()


PLUGIN = Plugin(
    aggregates=[TradingAccount, AuditLog, Trade],
    error_modules=[errors],
    sagas=[SettlementSaga],
    upcasters=[upcasters],
    imports=[
        ImportKind(
            "market-trades",
            "Public trades of a venue",
            (permissions.OPEN_ACCOUNT, permissions.SUBMIT_TRADE, permissions.FILL_TRADE),
            "trades:write",
            SentFiles(_trades_importer),
        )
    ],
    api_urls=["trading.api.urls"],
    page_urls=["trading.pages.urls"],
    letters=TRADE_LETTERS,
    live_sources=[trade_updates],
    effect_handlers={
        PlaceOrder: _effects.place,
        CancelOrder: _effects.cancel,
        AmendOrder: _effects.amend,
    },
    health_checks=[check_venue],
    command_outcomes={
        SubmitTrade: TerminalEvents((TradeSettled,), (TradeRejected, TradeCancelled, TradeExpired), TRADE)
    },
    roles=[
        RolePart(
            "Trading desk",
            (
                *view("trading", "instrumentversion", "exchangerate", "feeschedule"),
                *("trading.add_instrumentversion", "trading.change_instrumentversion", "trading.add_exchangerate"),
                "trading.add_feeschedule",
                *(f"trading.{verb}_trade" for verb in _TRADE_VERBS),
                *("trading.open_account", "trading.set_limit"),
            ),
        ),
        RolePart("Auditor", view("trading", "instrumentversion", "exchangerate", "feeschedule")),
    ],
    sidebar=[
        SidebarSection(
            "Trading",
            20,
            [
                SidebarItem("Instruments", "list", "trading.instrumentversion", order=90),
                SidebarItem("Exchange rates", "currency_exchange", "trading.exchangerate", order=95),
                SidebarItem("Fees", "percent", "trading.feeschedule", order=97),
            ],
        )
    ],
    demo=[demo_commands],
)
