"""All settings of EventShop; only this file reads the environment.

`docs/settings.md` lists them. An invalid value stops the start with a message that begins with the setting's name.
"""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from eventshop import database_settings, env_validators, log_settings
from eventshop.unfold import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"

env = environ.Env()
_env_file = env.str("ENV_FILE", default=str(BASE_DIR / ".env"))
if _env_file and Path(_env_file).is_file():
    env.read_env(_env_file)
# A secret may stand in a file, where Docker, Kubernetes or the agent of a vault puts it: SECRET_KEY_FILE.
env.ENVIRON = env_validators.with_secret_files(env.ENVIRON)


def _switch(name: str) -> bool:
    return env_validators.switch(name, env.str(name, default="off"))


DEBUG = _switch("DEBUG")
SECRET_KEY = env_validators.secret_key("SECRET_KEY", env.str("SECRET_KEY", default=""))
ALLOWED_HOSTS = env_validators.hosts("ALLOWED_HOSTS", env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"]))
TIME_ZONE = env_validators.time_zone("TIME_ZONE", env.str("TIME_ZONE", default="Europe/London"))
LOG_LEVEL = env_validators.log_level("LOG_LEVEL", env.str("LOG_LEVEL", default="INFO"))
LOG_FORMAT = env_validators.log_format("LOG_FORMAT", env.str("LOG_FORMAT", default="console"))
#: A file for the log instead of standard error; every program appends to it, and another program may rotate it.
LOG_FILE = env.str("LOG_FILE", default="")
if LOG_FILE:
    LOG_FILE = str(env_validators.folder("LOG_FILE", (BASE_DIR / LOG_FILE).parent) / Path(LOG_FILE).name)
STAFF_PASSWORD = env.str("STAFF_PASSWORD", default="")

# --- tracing: the standard's environment, which OpenTelemetry's SDK reads as well (docs/tracing.md) -------------------

OTEL_SERVICE_NAME = env.str("OTEL_SERVICE_NAME", default="eventshop")
OTEL_EXPORTER_OTLP_ENDPOINT = env_validators.optional_url(
    "OTEL_EXPORTER_OTLP_ENDPOINT", env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
)
#: A file that every process appends its spans to, as JSON: for tests, and for a look without a collector.
TRACES_FILE = env.str("TRACES_FILE", default="")
if TRACES_FILE:
    TRACES_FILE = str(env_validators.folder("TRACES_FILE", (BASE_DIR / TRACES_FILE).parent) / Path(TRACES_FILE).name)
#: Whether the traces of requests go on with the `traceparent` that they bring. Off: it is a link.
TRUST_TRACEPARENT = _switch("TRUST_TRACEPARENT")

# --- applications ---------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "eventshop.admin_console.apps.ConsoleSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_otp_webauthn",
    "eventshop.runtime",
    "eventshop.eventstore",
    "eventshop.privacy",
    "eventshop.messaging",
    "eventshop.sagas",
    "eventshop.projections",
    "eventshop.operations",
    "eventshop.admin_console",
    "eventshop.cli",
    "eventshop.web",
    "orders",
    "users",
    "trading",
    "projections",
    # Last: it connects what the plug-ins of all others name.
    "eventshop.plugins",
]
MIDDLEWARE = [
    "eventshop.operations.metrics.http_metrics.http_metrics_middleware",
    "eventshop.operations.request_log.request_log_middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "eventshop.operations.content_security_policy.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "users.pages.second_factor_middleware.SecondFactorMiddleware",
    "users.application.time_zone.TimeZoneMiddleware",
    "eventshop.web.shared.attempt_limits.AttemptLimitMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "eventshop.urls"
WSGI_APPLICATION = "eventshop.wsgi.application"
ASGI_APPLICATION = "eventshop.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
FORMAT_MODULE_PATH = "eventshop.formats"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "eventshop.web.pages.navigation.navigation",
            ],
            "builtins": ["eventshop.web.templatetags.datetimes", "eventshop.admin_console.templatetags.console"],
        },
    }
]
REST_FRAMEWORK = {
    # The first class sets the header of a 401 response: `WWW-Authenticate: Bearer`.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "eventshop.web.api.authentication.BearerAuthentication",
        "eventshop.web.api.authentication.ApiSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["eventshop.web.api.token_permissions.TokenHasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["eventshop.web.api.rate_limiting.PrincipalThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["eventshop.web.api.request_parsing.RawJsonParser"],
    "DEFAULT_SCHEMA_CLASS": "eventshop.web.api.openapi_schema.ApiSchema",
    "EXCEPTION_HANDLER": "eventshop.web.api.exception_handler.handle_api_exception",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "EventShop",
    "DESCRIPTION": "Orders, stock, people and their consents; every command once, every event for ever.",
    "VERSION": "1",
    "SERVERS": [{"url": "/", "description": "The server of this document"}],
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "OAS_VERSION": "3.1.0",
    # The parameter `fields` can leave out any column, so no column of a response is required.
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": ["eventshop.web.api.openapi_schema.add_components"],
}
#: API requests allowed for each token or signed-in user.
API_RATE = env_validators.rate("API_RATE", env.str("API_RATE", default="600/m"))

# --- database -------------------------------------------------------------------------------------


_process_kind = database_settings.process_kind(sys.argv)
#: Threads that fold events in a worker; each uses a database connection while it folds.
PROJECTION_THREADS = env_validators.count("PROJECTION_THREADS", env.str("PROJECTION_THREADS", default="3"))
THREAD_END_LIMIT = env_validators.count("THREAD_END_LIMIT", env.str("THREAD_END_LIMIT", default="20"))
# Only workers have many more threads than work at the same time.
_pool_size = PROJECTION_THREADS + database_settings.OTHER_CONNECTIONS if _process_kind == "worker" else 0
DATABASE_POOL_SIZE = database_settings.pool_size(
    "DATABASE_POOL_SIZE", env.str("DATABASE_POOL_SIZE", default=str(_pool_size)), folding_threads=PROJECTION_THREADS
)
DATABASE_POOLER = _switch("DATABASE_POOLER")


def _timeout(name: str, default: int) -> int:
    return env_validators.whole_number(name, env.str(name, default=str(default)))


_default_timeouts = database_settings.DEFAULT_TIMEOUTS[_process_kind]
_timeouts = database_settings.Timeouts(
    _timeout("DATABASE_STATEMENT_TIMEOUT_S", _default_timeouts.statement_s),
    _timeout("DATABASE_LOCK_TIMEOUT_S", _default_timeouts.lock_s),
    _timeout("DATABASE_IDLE_TRANSACTION_TIMEOUT_S", _default_timeouts.idle_transaction_s),
)


def _database(name: str, pool_size: int) -> dict[str, Any]:
    url = env.str(name, default="sqlite:///var/eventshop.sqlite3")
    kind = env_validators.scheme(name, url, ("sqlite", "postgres", "postgresql"))
    config: dict[str, Any] = env.db_url_config(url)
    if config["NAME"] in ("", ":memory:"):
        raise env_validators.invalid_setting(name, "must name a database")
    if kind == "sqlite":
        return database_settings.sqlite_database(name, BASE_DIR / config["NAME"], config.get("OPTIONS", {}))
    return database_settings.postgres_database(config, pool=pool_size, timeouts=_timeouts, pooler=DATABASE_POOLER)


DATABASES = {"default": _database("DATABASE_URL", DATABASE_POOL_SIZE)}
# The keys may be in a database of their own, so that a backup of the events alone exposes no personal data.
if env.str("KEYS_DATABASE_URL", default=""):
    DATABASES["keys"] = _database("KEYS_DATABASE_URL", min(DATABASE_POOL_SIZE, database_settings.KEYS_POOL_SIZE))
#: Where processes listen for the signals of others; empty: as DATABASE_URL.
DATABASE_LISTEN_URL = env_validators.listen_url("DATABASE_LISTEN_URL", env.str("DATABASE_LISTEN_URL", default=""))
DATABASE_ROUTERS = ["eventshop.privacy.encryption.keys_db_router.KeysDatabaseRouter"]

# --- personal data --------------------------------------------------------------------------------

KEY_ENCRYPTION_KEYS = env_validators.encryption_keys(
    env.str("KEY_ENCRYPTION_KEY", default=""),
    env.list("FORMER_KEY_ENCRYPTION_KEYS", default=[]),
    secret=SECRET_KEY,
)
KEY_CACHE_SECONDS = env_validators.whole_number("KEY_CACHE_SECONDS", env.str("KEY_CACHE_SECONDS", default="10"))
RETENTION_FILE = env.str("RETENTION_FILE", default="")
SAGA_EFFECT_THREADS = env_validators.count("SAGA_EFFECT_THREADS", env.str("SAGA_EFFECT_THREADS", default="8"))
SAGA_DETAILS_KEPT_DAYS = env_validators.count("SAGA_DETAILS_KEPT_DAYS", env.str("SAGA_DETAILS_KEPT_DAYS", default="90"))
#: Days after which rows are deleted that nobody needs any more (`eventshop/operations/row_retention.py`).
WEB_REQUESTS_KEPT_DAYS = env_validators.count(
    "WEB_REQUESTS_KEPT_DAYS", env.str("WEB_REQUESTS_KEPT_DAYS", default="400")
)
ACCESS_LOG_KEPT_DAYS = env_validators.count("ACCESS_LOG_KEPT_DAYS", env.str("ACCESS_LOG_KEPT_DAYS", default="1100"))
WEBHOOK_DELIVERIES_KEPT_DAYS = env_validators.count(
    "WEBHOOK_DELIVERIES_KEPT_DAYS", env.str("WEBHOOK_DELIVERIES_KEPT_DAYS", default="30")
)
PROJECTED_EFFECTS_KEPT_DAYS = env_validators.count(
    "PROJECTED_EFFECTS_KEPT_DAYS", env.str("PROJECTED_EFFECTS_KEPT_DAYS", default="180")
)
# A gateway repeats its webhooks for days, and a repeated one is recognised by its message.
GATEWAY_MESSAGES_KEPT_DAYS = env_validators.count(
    "GATEWAY_MESSAGES_KEPT_DAYS", env.str("GATEWAY_MESSAGES_KEPT_DAYS", default="400"), least=30
)
API_TOKENS_KEPT_DAYS = env_validators.count("API_TOKENS_KEPT_DAYS", env.str("API_TOKENS_KEPT_DAYS", default="90"))
IMPORTS_KEPT_DAYS = env_validators.count("IMPORTS_KEPT_DAYS", env.str("IMPORTS_KEPT_DAYS", default="30"))
ADMIN_LOG_KEPT_DAYS = env_validators.count("ADMIN_LOG_KEPT_DAYS", env.str("ADMIN_LOG_KEPT_DAYS", default="400"))
REBUILDS_KEPT_DAYS = env_validators.count("REBUILDS_KEPT_DAYS", env.str("REBUILDS_KEPT_DAYS", default="400"))
CORRECTIONS_NEED_APPROVAL = _switch("CORRECTIONS_NEED_APPROVAL")
REBUILDS_UNDO_HOURS = env_validators.whole_number("REBUILDS_UNDO_HOURS", env.str("REBUILDS_UNDO_HOURS", default="24"))
REPLAYS_KEPT_DAYS = env_validators.count("REPLAYS_KEPT_DAYS", env.str("REPLAYS_KEPT_DAYS", default="7"))
UNREADABLE_RECORDS_KEPT_DAYS = env_validators.count(
    "UNREADABLE_RECORDS_KEPT_DAYS", env.str("UNREADABLE_RECORDS_KEPT_DAYS", default="90")
)
#: Days for which the history of health is kept, by the minute and by the hour.
HISTORY_MINUTES_KEPT_DAYS = env_validators.count(
    "HISTORY_MINUTES_KEPT_DAYS", env.str("HISTORY_MINUTES_KEPT_DAYS", default="4")
)
HISTORY_HOURS_KEPT_DAYS = env_validators.count(
    "HISTORY_HOURS_KEPT_DAYS", env.str("HISTORY_HOURS_KEPT_DAYS", default="400")
)
ERASURE_LIST = str(BASE_DIR / env.str("ERASURE_LIST", default="var/erased.txt"))
ERASURE_COOLING_OFF_DAYS = env_validators.whole_number(
    "ERASURE_COOLING_OFF_DAYS", env.str("ERASURE_COOLING_OFF_DAYS", default="14")
)

# --- tamper evidence ------------------------------------------------------------------------------

ROOT_SIGNING_KEY = env_validators.signing_key(
    "ROOT_SIGNING_KEY", env.str("ROOT_SIGNING_KEY", default=""), secret=SECRET_KEY
)
#: Whether the key follows from SECRET_KEY, which other people and processes know: enough for development alone.
ROOT_SIGNING_KEY_IS_DERIVED = not env.str("ROOT_SIGNING_KEY", default="")
ROOT_INTERVAL_S = env_validators.count("ROOT_INTERVAL_S", env.str("ROOT_INTERVAL_S", default="300"), least=60)
ROOT_ANCHORS = env_validators.anchors("ROOT_ANCHORS", env.list("ROOT_ANCHORS", default=[]))
FORMER_ROOT_KEYS = env_validators.public_keys("FORMER_ROOT_KEYS", env.list("FORMER_ROOT_KEYS", default=[]))

# --- event log, tasks, cache ----------------------------------------------------------------------

EVENT_LOG_URL = env_validators.event_log_url("EVENT_LOG_URL", env.str("EVENT_LOG_URL", default="database:"))
KAFKA_OPTIONS = env_validators.kafka_options("EVENT_LOG_URL", EVENT_LOG_URL)
KAFKA_TOPIC_PREFIX = env_validators.topic_prefix("KAFKA_TOPIC_PREFIX", env.str("KAFKA_TOPIC_PREFIX", default=""))
KAFKA_REPLICATION_FACTOR = env_validators.count(
    "KAFKA_REPLICATION_FACTOR", env.str("KAFKA_REPLICATION_FACTOR", default="1")
)
KAFKA_MIN_INSYNC_REPLICAS = env_validators.count(
    "KAFKA_MIN_INSYNC_REPLICAS", env.str("KAFKA_MIN_INSYNC_REPLICAS", default="1")
)
KAFKA_MIN_TIMEOUT_S = env_validators.kafka_min_timeout(
    "KAFKA_MIN_TIMEOUT_S", env.str("KAFKA_MIN_TIMEOUT_S", default="0")
)
DIVERGENCE_CHECK_S = env_validators.count("DIVERGENCE_CHECK_S", env.str("DIVERGENCE_CHECK_S", default="10"))
COMMANDS_WHILE_DIVERGED = env_validators.commands_while_diverged(
    "COMMANDS_WHILE_DIVERGED", env.str("COMMANDS_WHILE_DIVERGED", default="refuse")
)
CRASH_AT = env_validators.crash_point("CRASH_AT", env.str("CRASH_AT", default=""))

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
_broker = env_validators.scheme(
    "CELERY_BROKER_URL", CELERY_BROKER_URL, ("filesystem", "memory", "redis", "rediss", "amqp", "amqps")
)
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if _broker == "filesystem":
    _messages = env_validators.folder("CELERY_BROKER_URL", VAR / "celery" / "messages")
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        # The same folder in both directions: one process writes the messages, another reads them.
        "data_folder_in": str(_messages),
        "data_folder_out": str(_messages),
        "processed_folder": str(env_validators.folder("CELERY_BROKER_URL", VAR / "celery" / "processed")),
        "control_folder": str(env_validators.folder("CELERY_BROKER_URL", VAR / "celery" / "control")),
    }
elif _broker in ("redis", "rediss"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# Not prefork: a forked process would inherit the locks of the projection threads, but not the threads.
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = {
    "periodic-work": {"task": "eventshop.operations.tasks.do_periodic_work", "schedule": 10.0},
}

_cache_url = env.str("CACHE_URL", default="locmemcache://")
env_validators.scheme("CACHE_URL", _cache_url, ("locmemcache", "dummycache", "redis", "rediss"))
try:
    CACHES = {"default": env.cache_url_config(_cache_url)}
except ImproperlyConfigured as error:
    raise env_validators.invalid_setting("CACHE_URL", str(error)) from None
if _cache_url.startswith("redis"):
    # A frozen server must not hold up pages that only want to be quicker: they do without it.
    CACHES["default"]["OPTIONS"] = {
        **CACHES["default"].get("OPTIONS", {}),
        "socket_connect_timeout": 1.0,
        "socket_timeout": 1.0,
    }

PAYMENT_GATEWAY_URL = env_validators.payment_gateway_url(
    "PAYMENT_GATEWAY_URL", env.str("PAYMENT_GATEWAY_URL", default="")
)
PAYMENT_GATEWAY_SECRET = env_validators.webhook_secret(
    "PAYMENT_GATEWAY_SECRET", env.str("PAYMENT_GATEWAY_SECRET", default=""), needed=bool(PAYMENT_GATEWAY_URL)
)
PAYMENT_GATEWAY_TIMEOUT_S = env_validators.count(
    "PAYMENT_GATEWAY_TIMEOUT_S", env.str("PAYMENT_GATEWAY_TIMEOUT_S", default="5")
)
PAYMENT_GATEWAY_PAGE_ORIGIN = env_validators.origin(
    "PAYMENT_GATEWAY_PAGE_ORIGIN",
    env_validators.payment_gateway_url(
        "PAYMENT_GATEWAY_PAGE_ORIGIN", env.str("PAYMENT_GATEWAY_PAGE_ORIGIN", default=PAYMENT_GATEWAY_URL)
    ),
)
#: Where orders are sent. Without a venue, the desk reports what was done with them.
VENUE_URL = env_validators.payment_gateway_url("VENUE_URL", env.str("VENUE_URL", default=""))
VENUE_SECRET = env_validators.webhook_secret(
    "VENUE_SECRET", env.str("VENUE_SECRET", default=""), needed=bool(VENUE_URL)
)
VENUE_TIMEOUT_S = env_validators.count("VENUE_TIMEOUT_S", env.str("VENUE_TIMEOUT_S", default="5"))
#: Whether the checkout names the test cards of the local payment gateway.
PAYMENT_TEST_CARDS = _switch("PAYMENT_TEST_CARDS")
#: Whether customers can advance a clock of their own, so that what waits for a time happens to them now.
TEST_CLOCKS = _switch("TEST_CLOCKS")
if TEST_CLOCKS and not PAYMENT_TEST_CARDS:
    raise env_validators.invalid_setting("TEST_CLOCKS", "is for a sandbox: it needs PAYMENT_TEST_CARDS=on, too")
#: Seconds from an order's creation until it is cancelled if it is not paid, and from its payment until it is shipped.
PAYMENT_DEADLINE_S = env_validators.count("PAYMENT_DEADLINE_S", env.str("PAYMENT_DEADLINE_S", default="1800"))
SHIPPING_DELAY_S = env_validators.whole_number("SHIPPING_DELAY_S", env.str("SHIPPING_DELAY_S", default="300"))
#: Methods of payment that are authorised when asked for and captured when the order is shipped; others at once.
PAYMENT_CAPTURE_ON_SHIPPING = env_validators.payment_methods(
    "PAYMENT_CAPTURE_ON_SHIPPING", env.list("PAYMENT_CAPTURE_ON_SHIPPING", default=[])
)
RETURN_WINDOW_DAYS = env_validators.whole_number("RETURN_WINDOW_DAYS", env.str("RETURN_WINDOW_DAYS", default="30"))

# Checks before a trade is sent; 0 switches one off.
PRICE_BAND_PERCENT = env_validators.whole_number("PRICE_BAND_PERCENT", env.str("PRICE_BAND_PERCENT", default="50"))
DUPLICATE_TRADE_WINDOW_S = env_validators.whole_number(
    "DUPLICATE_TRADE_WINDOW_S", env.str("DUPLICATE_TRADE_WINDOW_S", default="0")
)
EXCHANGE_RATE_MAX_AGE_S = env_validators.count(
    "EXCHANGE_RATE_MAX_AGE_S", env.str("EXCHANGE_RATE_MAX_AGE_S", default="86400")
)

SNAPSHOT_EVERY = env_validators.snapshot_every("SNAPSHOT_EVERY", env.str("SNAPSHOT_EVERY", default="100"))
AGGREGATES_IN_MEMORY = env_validators.whole_number(
    "AGGREGATES_IN_MEMORY", env.str("AGGREGATES_IN_MEMORY", default="1000")
)

WEBHOOK_PORTS = env_validators.ports("WEBHOOK_PORTS", env.list("WEBHOOK_PORTS", default=["443", "8443"]))
# For development, where webhook receivers have private addresses and no certificates.
WEBHOOKS_TO_PRIVATE = _switch("WEBHOOKS_TO_PRIVATE")

# --- health ---------------------------------------------------------------------------------------

#: How long the oldest event, record, message, timer or effect may wait before health calls its part degraded.
HEALTH_LAG_S = env_validators.count("HEALTH_LAG_S", env.str("HEALTH_LAG_S", default="20"))
#: Dead letters of a projection, or suspended sagas, that are no reason for it.
HEALTH_DEAD_LETTERS = env_validators.whole_number("HEALTH_DEAD_LETTERS", env.str("HEALTH_DEAD_LETTERS", default="0"))
#: Objectives of single projections: name -> (seconds of lag, dead letters).
PROJECTION_OBJECTIVES = env_validators.objectives(
    "PROJECTION_OBJECTIVES", env.list("PROJECTION_OBJECTIVES", default=[])
)

#: Who is told that something needs attention, and that it is over: e-mail addresses, and a URL for signed messages.
ATTENTION_EMAILS = env_validators.email_addresses("ATTENTION_EMAILS", env.list("ATTENTION_EMAILS", default=[]))
ATTENTION_WEBHOOK_URL = env_validators.optional_url(
    "ATTENTION_WEBHOOK_URL", env.str("ATTENTION_WEBHOOK_URL", default="")
)
#: Of Standard Webhooks: `whsec_` and base64; empty: messages are not signed.
ATTENTION_WEBHOOK_SECRET = env_validators.webhook_secret(
    "ATTENTION_WEBHOOK_SECRET", env.str("ATTENTION_WEBHOOK_SECRET", default="")
)
#: What lasts no longer is not told.
ATTENTION_NOTIFY_AFTER_S = env_validators.whole_number(
    "ATTENTION_NOTIFY_AFTER_S", env.str("ATTENTION_NOTIFY_AFTER_S", default="60")
)
ATTENTION_KEPT_DAYS = env_validators.count("ATTENTION_KEPT_DAYS", env.str("ATTENTION_KEPT_DAYS", default="90"))

#: The ports of which each worker, relay and publisher takes the first free one for its metrics; empty: none.
METRICS_PORT = env_validators.port_range("METRICS_PORT", env.str("METRICS_PORT", default=""))
METRICS_ADDRESS = env.str("METRICS_ADDRESS", default="127.0.0.1")
#: What Prometheus has to send to /metrics as its bearer token; empty: /metrics answers this machine only.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- security -------------------------------------------------------------------------------------

HTTPS = _switch("HTTPS")
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Load balancers send health checks over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "base-uri": ["'self'"],
        # The gateway's card page is reached by a redirect from a form of the shop.
        "form-action": ["'self'", *filter(None, [PAYMENT_GATEWAY_PAGE_ORIGIN])],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}
# The pages for customers; the admin has its own sign-in page.
LOGIN_URL, LOGIN_REDIRECT_URL = "users:sign-in", "users:home"
AUTHENTICATION_BACKENDS = ["users.application.accounts.EmailOrUsernameBackend"]
# The header in which a reverse proxy gives the client's address; attempts are limited by it.
_address_header = env.str("CLIENT_ADDRESS_HEADER", default="")
CLIENT_ADDRESS_META_KEY = "HTTP_" + _address_header.upper().replace("-", "_") if _address_header else "REMOTE_ADDR"
SESSION_ENGINE = "eventshop.web.sessions"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
if HTTPS:  # browsers then take them from this host alone, whole and encrypted
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
CSRF_FAILURE_VIEW = "eventshop.web.api.exception_handler.csrf_failure"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
] + [
    {"NAME": "eventshop.web.shared.password_strength.GuessablePasswordValidator"},
    {"NAME": "eventshop.web.api.token_revocation.RevokeTokensWithPassword"},
]

#: How pages are reached from outside, for links in e-mails: never the `Host` that a request claims.
SITE_URL = env_validators.site_url(
    "SITE_URL", env.str("SITE_URL", default=""), allowed_hosts=ALLOWED_HOSTS, https=HTTPS
)

# --- second factor ----------------------------------------------------------------------------------

#: Whether staff and customers must have one; else they may.
STAFF_SECOND_FACTOR = env_validators.switch(
    "STAFF_SECOND_FACTOR", env.str("STAFF_SECOND_FACTOR", default="off" if DEBUG else "on")
)
CUSTOMER_SECOND_FACTOR = env_validators.switch(
    "CUSTOMER_SECOND_FACTOR", env.str("CUSTOMER_SECOND_FACTOR", default="off")
)
OTP_TOTP_ISSUER = "EventShop"
# `eventshop.web.shared.attempt_limits` limits wrong codes, with waits that the page tells.
OTP_TOTP_THROTTLE_FACTOR = OTP_STATIC_THROTTLE_FACTOR = 0
OTP_WEBAUTHN_RP_NAME, OTP_WEBAUTHN_RP_ID = "EventShop", str(urlsplit(SITE_URL).hostname)
OTP_WEBAUTHN_ALLOWED_ORIGINS = [SITE_URL]
OTP_WEBAUTHN_ALLOW_PASSWORDLESS_LOGIN = False
#: Browsers make passkeys for names of secure origins only; without them, the library's check must not stop a start.
PASSKEYS = SITE_URL.startswith("https://") or OTP_WEBAUTHN_RP_ID == "localhost"
SILENCED_SYSTEM_CHECKS = ["otp_webauthn.E031"]

# --- e-mail ---------------------------------------------------------------------------------------

EMAIL_URL = env.str("EMAIL_URL", default="consolemail://")
env_validators.scheme(
    "EMAIL_URL", EMAIL_URL, ("consolemail", "filemail", "memorymail", "dummymail", "smtp", "smtp+tls", "smtp+ssl")
)
globals().update({name: value for name, value in env.email_url_config(EMAIL_URL).items() if name.isupper()})
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("FROM_EMAIL", default="EventShop <shop@localhost>")
#: The data controller named on privacy notices, receipts and invoices.
ORGANISATION = env.str("ORGANISATION", default="EventShop")

#: Who sells, on invoices and on the pages that the law asks for. Lines of the address are separated by `|`.
SELLER_ADDRESS = env.str("SELLER_ADDRESS", default="1 Example Quay|Whitby YO21 3PU|United Kingdom").replace("|", "\n")
SELLER_VAT_NUMBER = env.str("SELLER_VAT_NUMBER", default="GB000000000")
SELLER_EMAIL = env.str("SELLER_EMAIL", default="shop@example.org")
SELLER_PHONE = env.str("SELLER_PHONE", default="")
#: To whom people can complain about how their data is used.
SUPERVISORY_AUTHORITY = env.str("SUPERVISORY_AUTHORITY", default="the ICO, https://ico.org.uk/make-a-complaint/")

# --- static files ---------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env_validators.folder("STATIC_ROOT", BASE_DIR / env.str("STATIC_ROOT", default="var/static"))
# After `collectstatic`, which writes the manifest, files have hashed names and are cached for ever. Before it, they
# are served from the applications.
_is_collectstatic = sys.argv[1:2] == ["collectstatic"]
_use_manifest = (_is_collectstatic or (STATIC_ROOT / "staticfiles.json").is_file()) and not DEBUG
WHITENOISE_USE_FINDERS = not _use_manifest
_storage = "whitenoise.storage.CompressedManifestStaticFilesStorage"
if not _use_manifest:
    _storage = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _storage},
}

# --- logging --------------------------------------------------------------------------------------

LOGGING = log_settings.logging_config(level=LOG_LEVEL, json=LOG_FORMAT == "json", file=LOG_FILE)
