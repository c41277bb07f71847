"""Validators of settings: each takes the text of a setting and returns its value, or raises `ImproperlyConfigured`.

Pure functions; only `settings.py` reads the environment. A message never repeats a URL: it may hold a password.
"""

import re
from base64 import b64decode
from collections.abc import Collection, Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_FORMATS = ("console", "json")
SECRET_KEY_LENGTH = 32
#: Settings that are secret, or URLs with a password; each can stand in a file that `<name>_FILE` names.
SECRETS = (
    *("SECRET_KEY", "KEY_ENCRYPTION_KEY", "FORMER_KEY_ENCRYPTION_KEYS", "ROOT_SIGNING_KEY", "STAFF_PASSWORD"),
    *("PAYMENT_GATEWAY_SECRET", "ATTENTION_WEBHOOK_SECRET", "METRICS_TOKEN"),
    *("DATABASE_URL", "DATABASE_LISTEN_URL", "KEYS_DATABASE_URL", "EVENT_LOG_URL", "CELERY_BROKER_URL", "CACHE_URL"),
    "EMAIL_URL",
)
#: Schemes whose client is not installed by requirements.txt, and the package that brings it.
EXTRA_PACKAGES = {"redis": "redis", "rediss": "redis"}


def invalid_setting(name: str, reason: str) -> ImproperlyConfigured:
    """Return the error for a setting with an invalid value."""
    return ImproperlyConfigured(f"{name}: {reason}")


def switch(name: str, text: str) -> bool:
    """Return an on/off value. Other texts are refused; django-environ would read a typing error as `off`."""
    value = text.strip().lower()
    if value in TRUE | FALSE:
        return value in TRUE
    raise invalid_setting(name, f"must be on or off, not {text!r}")


def with_secret_files(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the secrets that it names files of: `SECRET_KEY_FILE` for `SECRET_KEY`."""
    secrets = {name: environment[f"{name}_FILE"] for name in SECRETS if environment.get(f"{name}_FILE")}
    return {**environment, **{name: _read_secret(name, path, environment) for name, path in secrets.items()}}


def _read_secret(name: str, path: str, environment: Mapping[str, str]) -> str:
    if environment.get(name):
        raise invalid_setting(f"{name}_FILE", f"{name} is set, too: set one of the two")
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise invalid_setting(f"{name}_FILE", f"{path} cannot be read: {reason}") from None


def secret_key(name: str, text: str) -> str:
    """Return a secret key of sufficient length."""
    if not text:
        raise invalid_setting(name, "is not set; `make run` writes a random one to .env")
    if len(text) < SECRET_KEY_LENGTH:
        raise invalid_setting(name, f"must be at least {SECRET_KEY_LENGTH} characters long, not {len(text)}")
    return text


def encryption_keys(current: str, former: list[str], *, secret: str) -> list[bytes]:
    """Return the key-encryption key, then former ones; without a current one, a key derived from `secret`."""
    if not current:
        # For a first start without settings. A later change of SECRET_KEY would make all personal data unreadable;
        # therefore the start refuses a key-encryption key that does not match the stored keys.
        keys = [sha256(b"eventshop: key-encryption key\n" + secret.encode()).digest()]
    else:
        keys = [_encryption_key("KEY_ENCRYPTION_KEY", current)]
    return keys + [_encryption_key("FORMER_KEY_ENCRYPTION_KEYS", text) for text in former if text.strip()]


def _encryption_key(name: str, text: str) -> bytes:
    try:
        key = b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        raise invalid_setting(name, "is not base64") from None
    if len(key) != 32:
        raise invalid_setting(name, f"must be 32 random bytes in base64, not {len(key)}")
    return key


def signing_key(name: str, text: str, *, secret: str) -> bytes:
    """Return the Ed25519 seed that signs Merkle roots; without a text, a seed derived from `secret`."""
    return _encryption_key(name, text) if text else derived_signing_key(secret)


def derived_signing_key(secret: str) -> bytes:
    """Return the seed that signed roots where no key was set: whoever knows SECRET_KEY can sign with it."""
    return sha256(b"eventshop: root signing key\n" + secret.encode()).digest()


def anchors(name: str, urls: list[str]) -> list[str]:
    """Return where signed roots are anchored: `file:`, `https:`, `http:` or `tsa+https:` URLs."""
    for url in urls:
        kind, _, rest = url.partition(":")
        if kind not in ("file", "https", "http", "tsa+https", "tsa+http") or not rest.strip("/"):
            raise invalid_setting(name, f"must be file:, https:, http:, tsa+https: or tsa+http: URLs, not {url!r}")
    return urls


def public_keys(name: str, values: list[str]) -> list[str]:
    """Return Ed25519 public keys in hexadecimal."""
    keys = [value.strip().lower() for value in values if value.strip()]
    for key in keys:
        if len(key) != 64 or set(key) - set("0123456789abcdef"):
            raise invalid_setting(name, f"a public key must be 64 hexadecimal digits, not {key!r}")
    return keys


def snapshot_every(name: str, text: str) -> dict[str, int]:
    """Return the number of events between snapshots by aggregate type, with the default under "". 0: no snapshots."""
    every = {"": 100}
    for part in filter(None, map(str.strip, text.split(","))):
        kind, _, number = part.rpartition("=")
        every[kind.strip()] = whole_number(name, number.strip())
    return every


def hosts(name: str, values: list[str]) -> list[str]:
    """Return host names without scheme, port or path."""
    stripped = [value.strip() for value in values if value.strip()]
    if not stripped:
        raise invalid_setting(name, "needs at least one host name")
    for host in stripped:
        if "/" in host or (":" in host and not host.startswith("[")):
            raise invalid_setting(name, f"must be host names without scheme, port or path, not {host!r}")
    return stripped


def ports(name: str, values: list[str]) -> list[int]:
    """Return TCP ports."""
    for value in values:
        if not value.strip().isdecimal() or not 0 < int(value) < 65_536:
            raise invalid_setting(name, f"must be ports from 1 to 65535, separated by commas, not {value!r}")
    return [int(value) for value in values]


def time_zone(name: str, text: str) -> str:
    """Return the name of a time zone in the time zone database."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid_setting(name, f"unknown time zone {text!r}; use a name such as Europe/London") from None
    return text


def log_level(name: str, text: str) -> str:
    """Return a level of the logging module."""
    if text.upper() not in LOG_LEVELS:
        raise invalid_setting(name, f"must be one of {', '.join(LOG_LEVELS)}, not {text!r}")
    return text.upper()


def optional_url(name: str, text: str) -> str:
    """Return an http or https URL, or an empty text."""
    if text:
        scheme(name, text, ("http", "https"))
    return text


def email_addresses(name: str, values: list[str]) -> list[str]:
    """Return e-mail addresses without surrounding blanks."""
    addresses = [value.strip() for value in values if value.strip()]
    for address in addresses:
        try:
            validate_email(address)
        except ValidationError:
            raise invalid_setting(name, f"must be e-mail addresses separated by commas; {address!r} is none") from None
    return addresses


def log_format(name: str, text: str) -> str:
    """Return `json`, for machines, or `console`, for people."""
    if text not in LOG_FORMATS:
        raise invalid_setting(name, f"must be one of {', '.join(LOG_FORMATS)}, not {text!r}")
    return text


def scheme(name: str, url: str, known: Collection[str]) -> str:
    """Return the scheme of `url`, which must be one of `known` and have its client installed."""
    found = url.partition(":")[0].lower() if ":" in url else ""
    if found not in known:
        raise invalid_setting(name, f"unsupported scheme {found!r}; use one of {', '.join(known)}")
    package = EXTRA_PACKAGES.get(found)
    if package and find_spec(package) is None:
        raise invalid_setting(name, f"{found}:// needs the package {package!r}, which is not installed")
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise invalid_setting(name, "the port must be a number from 0 to 65535") from None
    return found


def event_log_url(name: str, url: str) -> str:
    """Return `database:`, or `kafka://host:port,host:port` with at least one broker."""
    if url == "database:":
        return url
    if not url.startswith("kafka://"):
        found = url.partition(":")[0]
        raise invalid_setting(name, f"unsupported scheme {found!r}; use database: or kafka://host:port,host:port")
    for broker in _brokers(url):
        host, _, port = broker.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise invalid_setting(name, f"{broker!r} is not host:port")
    return url


#: Options that may follow the brokers in EVENT_LOG_URL; they are passed to every Kafka client.
KAFKA_OPTIONS = {
    "security_protocol",
    "sasl_mechanism",
    "sasl_plain_username",
    "sasl_plain_password",
    "ssl_cafile",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_check_hostname",
}
MAX_KAFKA_TIMEOUT_S = 500


def kafka_options(name: str, url: str) -> dict[str, Any]:
    """Return the options of every Kafka client; empty for `database:`."""
    if not url.startswith("kafka://"):
        return {}
    options: dict[str, Any] = {"bootstrap_servers": _brokers(url)}
    for option, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if option not in KAFKA_OPTIONS:
            raise invalid_setting(name, f"unknown option {option!r}; use {', '.join(sorted(KAFKA_OPTIONS))}")
        options[option] = switch(name, value) if option == "ssl_check_hostname" else value
    return options


def kafka_min_timeout(name: str, text: str) -> int:
    """Return a number of seconds. kafka-python closes connections that are idle for 540 s, also waiting ones."""
    if (seconds := whole_number(name, text)) > MAX_KAFKA_TIMEOUT_S:
        raise invalid_setting(name, f"must be at most {MAX_KAFKA_TIMEOUT_S} seconds, not {seconds}")
    return seconds


def commands_while_diverged(name: str, text: str) -> str:
    """Return what happens to commands while the event table and Kafka differ."""
    if text not in ("refuse", "accept"):
        raise invalid_setting(name, f"must be refuse or accept, not {text!r}")
    return text


def _brokers(url: str) -> list[str]:
    return url.removeprefix("kafka://").partition("?")[0].rstrip("/").split(",")


def listen_url(name: str, url: str) -> str:
    """Return the URL of a PostgreSQL database, or an empty text."""
    if url:
        scheme(name, url, ("postgres", "postgresql"))
    return url


def count(name: str, text: str, *, least: int = 1) -> int:
    """Return a whole number of at least `least`."""
    if not text.isdecimal() or int(text) < least:
        raise invalid_setting(name, f"must be a whole number of at least {least}, not {text!r}")
    return int(text)


def whole_number(name: str, text: str) -> int:
    """Return a whole number of at least 0."""
    if not text.isdecimal():
        raise invalid_setting(name, f"must be a whole number, not {text!r}")
    return int(text)


def topic_prefix(name: str, text: str) -> str:
    """Return a prefix for the names of Kafka topics."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", text):
        raise invalid_setting(name, f"only letters, digits, dots, dashes and underscores, not {text!r}")
    return text


def payment_gateway_url(name: str, url: str) -> str:
    """Return an https URL, or an http URL of localhost or of a host name without dots; or an empty text."""
    if not url:
        return url
    scheme(name, url, ("https", "http"))
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or parts.query or parts.fragment or parts.username:
        raise invalid_setting(name, "must be a URL like https://host/path")
    near = host in ("localhost", "::1") or host.startswith("127.") or "." not in host
    if parts.scheme == "http" and not near:
        raise invalid_setting(name, "must begin with https://, because every request is authenticated with the secret")
    return url.rstrip("/")


def origin(name: str, url: str) -> str:
    """Return scheme, host and port of a URL; or an empty text."""
    parts = urlsplit(url)
    if not url or not parts.netloc:
        return ""
    if any(character in parts.netloc for character in " ;,'\""):  # it becomes part of a header
        raise invalid_setting(name, "must be a URL like https://host")
    return f"{parts.scheme}://{parts.netloc}"


def site_url(name: str, text: str, *, allowed_hosts: list[str], https: bool) -> str:
    """Return scheme, host and port of the pages; without a setting, of the first allowed host."""
    if not text:
        host = allowed_hosts[0].lstrip("*.") or "localhost"
        return f"https://{host}" if https else f"http://{host}:8000"
    scheme(name, text, ("http", "https"))
    if urlsplit(text)._replace(path="").geturl() != text.rstrip("/") or not origin(name, text):
        raise invalid_setting(name, "must be scheme and host only, such as https://shop.example.org")
    return text.rstrip("/")


def webhook_secret(name: str, text: str, *, needed: bool = False) -> str:
    """Return `whsec_` and at least 24 bytes in base64 (the Standard Webhooks format); or an empty text."""
    if not text and not needed:
        return text
    try:
        key = b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not text.startswith("whsec_") or len(key) < 24:
        raise invalid_setting(name, "must be whsec_ and at least 24 random bytes in base64")
    return text


def payment_methods(name: str, values: list[str]) -> frozenset[str]:
    """Return methods of payment, such as `card`."""
    methods = [value.strip() for value in values if value.strip()]
    for method in methods:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", method):
            raise invalid_setting(name, f"must be methods of payment such as `card`, not {method!r}")
    return frozenset(methods)


def crash_point(name: str, text: str) -> str:
    """Return `NAME` or `NAME:N` (names in `eventshop/runtime/fault_injection.py`), or an empty text."""
    point, _, number = text.partition(":")
    if text and (not point or (number and not number.isdecimal())):
        raise invalid_setting(name, f"must be NAME or NAME:N, not {text!r}")
    return text


def folder(name: str, path: Path) -> Path:
    """Create the folder if it is missing, and return its path."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise invalid_setting(name, f"cannot create the folder {path}: {error.strerror}") from error
    return path


def rate(name: str, text: str) -> str:
    """Return a rate limit "count/period" such as 600/m; the period is s, m, h or d, or several of them (10/15m)."""
    if not re.fullmatch(r"[1-9]\d*/([1-9]\d*)?[smhd]", text):
        raise invalid_setting(name, f"must be a number and a period, such as 600/m, not {text!r}")
    return text


def objectives(name: str, texts: list[str]) -> dict[str, tuple[int, int]]:
    """Return the objectives of single projections, each `NAME:SECONDS` or `NAME:SECONDS:DEAD_LETTERS`."""
    found: dict[str, tuple[int, int]] = {}
    for text in texts:
        match = re.fullmatch(r"([a-z][a-z0-9-]*):([1-9]\d{0,6})(?::(\d{1,9}))?", text.strip())
        if match is None:
            raise invalid_setting(name, f"{text!r} is not NAME:SECONDS or NAME:SECONDS:DEAD_LETTERS")
        found[match[1]] = int(match[2]), int(match[3] or 0)
    return found


def port_range(name: str, text: str) -> range:
    """Return the ports of `FIRST` or `FIRST-LAST`; none for an empty text."""
    if not text.strip():
        return range(0)
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text.strip())
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last <= 65_535:
        raise invalid_setting(name, f"must be a port or a range of ports such as 9101-9109, not {text!r}")
    return range(first, last + 1)
