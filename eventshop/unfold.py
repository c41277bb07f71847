"""The setting `UNFOLD`: navigation and appearance of the admin."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

# A blue whose 600 carries white text (5.2 : 1) and whose 500 is light enough to be text on the dark theme's
# background (about 7 : 1). Unfold writes `text-primary-500` in dark mode; its own 500 fails WCAG AA there.
PRIMARY = {
    "50": "oklch(97% .014 254.604)",
    "100": "oklch(93.2% .032 255.585)",
    "200": "oklch(88.2% .059 254.128)",
    "300": "oklch(80.9% .105 251.813)",
    "400": "oklch(76% .135 253)",
    "500": "oklch(72% .155 254.2)",
    "600": "oklch(54.6% .245 262.881)",
    "700": "oklch(48.8% .243 264.376)",
    "800": "oklch(42.4% .199 265.638)",
    "900": "oklch(37.9% .146 265.522)",
    "950": "oklch(28.2% .091 267.935)",
}


def _sidebar_item(title: str, icon: str, view: str, permission: str = "") -> dict[str, Any]:
    """An entry of the sidebar, shown to users with the permission."""

    def has_permission(request: HttpRequest) -> bool:
        return not permission or request.user.has_perm(permission)

    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{view}"), "permission": has_permission}


def _model_item(title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    """An entry for the list of a model, shown to users with its view permission."""
    return _sidebar_item(title, icon, f"{app}_{model}_changelist", f"{app}.view_{model}")


NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "Shop",
        "items": [
            _sidebar_item("Dashboard", "dashboard", "index"),
            _model_item("Orders", "shopping_cart", "projections", "ordersummary"),
            _model_item("Order lines", "list_alt", "projections", "orderline"),
            _model_item("Customers", "group", "projections", "customersummary"),
            _model_item("Daily sales", "bar_chart", "projections", "dailysales"),
            _model_item("Products", "inventory_2", "projections", "productsales"),
            _model_item("Stock", "warehouse", "projections", "stocklevel"),
            _model_item("Price list", "sell", "orders", "product"),
            _model_item("Activity", "history", "projections", "activitytimeline"),
        ],
    },
    {
        "title": "Trading",
        "items": [
            _model_item("Trades", "candlestick_chart", "projections", "tradeblotter"),
            _model_item("Positions", "account_balance_wallet", "projections", "position"),
            _model_item("Trading accounts", "badge", "projections", "tradingaccount"),
            _model_item("Market minutes", "query_stats", "projections", "marketminute"),
        ],
    },
    {
        "title": "Event store",
        "items": [
            _model_item("Events", "bolt", "store", "storedevent"),
            _sidebar_item("Trace", "route", "trace", "store.view_storedevent"),
            _model_item("Streams", "timeline", "ops", "stream"),
            _model_item("Receipts", "receipt_long", "store", "storedreceipt"),
            _model_item("Signed roots", "verified", "ops", "signedroot"),
        ],
    },
    {
        "title": "Sagas and payments",
        "items": [
            _model_item("Sagas", "account_tree", "process", "saga"),
            _model_item("Payments", "payments", "orders", "payment"),
            _model_item("Gateway messages", "mark_email_unread", "orders", "gatewaymessage"),
        ],
    },
    {
        "title": "Privacy",
        "items": [
            _model_item("People", "person_search", "projections", "userprofile"),
            _model_item("Consent register", "fact_check", "projections", "consentregister"),
            _model_item("Erasures", "delete_sweep", "privacy", "erasure"),
            _model_item("Retention", "event_upcoming", "privacy", "certificate"),
        ],
    },
    {
        "title": "Projections",
        "items": [
            _model_item("Checkpoints", "sync", "projection_engine", "checkpoint"),
            _model_item("Dead letters", "report", "projection_engine", "deadletter"),
            _model_item("Rebuilds", "construction", "projection_engine", "rebuild"),
            _model_item("Replays", "history", "projection_engine", "replay"),
            _model_item("Periodic jobs", "event_repeat", "ops", "periodicwork"),
        ],
    },
    {
        "title": "Access",
        "items": [
            _model_item("Users", "person", "auth", "user"),
            _model_item("Groups", "badge", "auth", "group"),
            _model_item("API tokens", "key", "web", "apitoken"),
            _model_item("Webhooks", "webhook", "web", "webhookendpoint"),
            _model_item("Webhook log", "outgoing_mail", "web", "webhookdelivery"),
        ],
    },
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "EventShop",
    "SITE_HEADER": "EventShop",
    "SITE_URL": None,
    "SITE_SYMBOL": "storefront",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/favicon.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "eventshop.admin_console.environment.environment_badge",
    "DASHBOARD_CALLBACK": "projections.admin.dashboard.add_dashboard_context",
    "COLORS": {"primary": PRIMARY},
    "STYLES": [lambda request: static("console/console.css")],
    "SCRIPTS": [lambda request: static("console/console.js")],
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": NAVIGATION},
}
