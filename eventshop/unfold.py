"""The setting `UNFOLD`: navigation and appearance of the admin."""

from typing import Any

from django.templatetags.static import static

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


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "EventShop",
    "SITE_HEADER": "EventShop",
    "SITE_URL": None,
    "SITE_SYMBOL": "storefront",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/favicon.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "eventshop.admin_console.environment.environment_badge",
    "DASHBOARD_CALLBACK": "eventshop.admin_console.dashboard.add_dashboard_context",
    "COLORS": {"primary": PRIMARY},
    "STYLES": [lambda request: static("console/console.css")],
    "SCRIPTS": [lambda request: static("console/console.js"), lambda request: static("console/lists.js")],
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "eventshop.admin_console.sidebar.navigation",
    },
}
