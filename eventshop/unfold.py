"""How the admin looks: the `UNFOLD` setting."""

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


def _item(title: str, icon: str, view: str, permission: str = "") -> dict[str, Any]:
    """An entry of the sidebar, for those who have the permission."""

    def allowed(request: HttpRequest) -> bool:
        return not permission or request.user.has_perm(permission)

    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{view}"), "permission": allowed}


def _model(title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    return _item(title, icon, f"{app}_{model}_changelist", f"{app}.view_{model}")


NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "Shop",
        "items": [
            _item("Dashboard", "dashboard", "index"),
            _model("Orders", "shopping_cart", "projections", "ordersummary"),
            _model("Order lines", "list_alt", "projections", "orderline"),
            _model("Customers", "group", "projections", "customersummary"),
            _model("Daily sales", "bar_chart", "projections", "dailysales"),
            _model("Products", "inventory_2", "projections", "productsales"),
            _model("Stock", "warehouse", "projections", "stocklevel"),
            _model("Price list", "sell", "orders", "product"),
            _model("Activity", "history", "projections", "activitytimeline"),
        ],
    },
    {
        "title": "Trading",
        "items": [
            _model("Trades", "candlestick_chart", "projections", "tradeblotter"),
            _model("Positions", "account_balance_wallet", "projections", "position"),
            _model("Trading accounts", "badge", "projections", "tradingaccount"),
            _model("Market minutes", "query_stats", "projections", "marketminute"),
        ],
    },
    {
        "title": "Event store",
        "items": [
            _model("Events", "bolt", "store", "storedevent"),
            _item("Trace", "route", "trace", "store.view_storedevent"),
            _model("Streams", "timeline", "ops", "stream"),
            _model("Receipts", "receipt_long", "store", "storedreceipt"),
            _model("Signed roots", "verified", "ops", "signedroot"),
        ],
    },
    {
        "title": "Processes",
        "items": [
            _model("Sagas", "account_tree", "process", "saga"),
            _model("Payments", "payments", "orders", "payment"),
            _model("Gateway messages", "mark_email_unread", "orders", "gatewaymessage"),
        ],
    },
    {
        "title": "Privacy",
        "items": [
            _model("People", "person_search", "projections", "userprofile"),
            _model("Consent register", "fact_check", "projections", "consentregister"),
            _model("Erasures", "delete_sweep", "privacy", "erasure"),
            _model("Retention", "event_upcoming", "privacy", "certificate"),
        ],
    },
    {
        "title": "Projections",
        "items": [
            _model("Progress", "sync", "projections", "checkpoint"),
            _model("Parked events", "report", "projections", "parkedevent"),
            _model("Rebuilds", "construction", "projections", "rebuild"),
            _model("As it was", "history", "projections", "replay"),
            _model("Periodic work", "event_repeat", "ops", "periodicwork"),
        ],
    },
    {
        "title": "Access",
        "items": [
            _model("Users", "person", "auth", "user"),
            _model("Groups", "badge", "auth", "group"),
            _model("API tokens", "key", "web", "apitoken"),
            _model("Webhooks", "webhook", "web", "webhookendpoint"),
            _model("Webhook log", "outgoing_mail", "web", "webhookdelivery"),
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
    "ENVIRONMENT": "eventshop.admin_console.environment.label",
    "DASHBOARD_CALLBACK": "projections.admin.dashboard.dashboard",
    "COLORS": {"primary": PRIMARY},
    "STYLES": [lambda request: static("console/console.css")],
    "SCRIPTS": [lambda request: static("console/console.js")],
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": NAVIGATION},
}
