"""What the validators of settings accept, and the value that each makes of it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from eventshop import env_validators

Validator = Callable[..., Any]
KEY = bytes(range(256))[224:]  # its base64 differs between the two alphabets
STANDARD = b64encode(KEY).decode()
URL_SAFE = STANDARD.replace("+", "-").replace("/", "_")
HEX = "ab" * 32


@pytest.mark.parametrize(
    ("validate", "given", "value"),
    [
        (env_validators.switch, " ON ", True),
        (env_validators.switch, "0", False),
        (env_validators.secret_key, "k" * 32, "k" * 32),
        (env_validators.public_keys, [f" {HEX.upper()} ", ""], [HEX]),
        (env_validators.snapshot_every, "", {"": 100}),
        (env_validators.snapshot_every, "Order=20, 50,Trade=0", {"": 50, "Order": 20, "Trade": 0}),
        (env_validators.hosts, [" shop.example ", "", "[::1]"], ["shop.example", "[::1]"]),
        (env_validators.time_zone, "Europe/Paris", "Europe/Paris"),
        (env_validators.log_level, "warning", "WARNING"),
        (env_validators.event_log_url, "database:", "database:"),
        (env_validators.event_log_url, "kafka://one:9092,[::1]:65535", "kafka://one:9092,[::1]:65535"),
        (env_validators.kafka_options, "database:", {}),
        (env_validators.kafka_min_timeout, "500", 500),
        (env_validators.listen_url, "", ""),
        (env_validators.listen_url, "postgres://here/shop", "postgres://here/shop"),
        (env_validators.count, "1", 1),
        (env_validators.whole_number, "0", 0),
        (env_validators.topic_prefix, "test-1_a.", "test-1_a."),
        (env_validators.payment_gateway_url, "", ""),
        (env_validators.payment_gateway_url, "http://gateway:8100/", "http://gateway:8100"),
        (env_validators.payment_gateway_url, "http://[::1]:8100", "http://[::1]:8100"),
        (env_validators.origin, "", ""),
        (env_validators.origin, "https://pay.example:8443/checkout", "https://pay.example:8443"),
        (env_validators.payment_methods, [" card", "", "bank_transfer"], frozenset({"card", "bank_transfer"})),
        (env_validators.crash_point, "", ""),
        (env_validators.crash_point, "relay.mid-send:2", "relay.mid-send:2"),
        (env_validators.rate, "10/15m", "10/15m"),
    ],
)
def test_what_is_right_is_brought_into_its_form(validate: Validator, given: object, value: object) -> None:
    assert validate("NAME", given) == value


@pytest.mark.parametrize(
    ("validate", "given"),
    [
        (env_validators.switch, "onn"),
        (env_validators.secret_key, "k" * 31),
        (env_validators.public_keys, [HEX[:-1]]),
        (env_validators.public_keys, [f"{HEX[:-1]}g"]),
        (env_validators.snapshot_every, "Order=-1"),
        (env_validators.hosts, ["shop.example:80"]),
        (env_validators.time_zone, "Mars/Olympus"),
        (env_validators.log_level, "LOUD"),
        (env_validators.event_log_url, "kafka://one:0"),
        (env_validators.event_log_url, "kafka://:9092"),
        (env_validators.kafka_options, "kafka://one:9092?acks=0"),
        (env_validators.kafka_options, "kafka://one:9092?ssl_check_hostname=maybe"),
        (env_validators.kafka_min_timeout, "501"),
        (env_validators.listen_url, "sqlite:///shop"),
        (env_validators.count, "0"),
        (env_validators.whole_number, "-1"),
        (env_validators.payment_methods, ["Credit card"]),
        (env_validators.topic_prefix, "with space"),
        (env_validators.topic_prefix, "x" * 101),
        (env_validators.payment_gateway_url, "https://me@pay.example"),
        (env_validators.payment_gateway_url, "http://pay.example"),
        (env_validators.origin, "https://pay.example;script-src"),
        (env_validators.crash_point, ":2"),
        (env_validators.crash_point, "relay.mid-send:often"),
        (env_validators.rate, "0/m"),
        (env_validators.rate, "600"),
    ],
)
def test_what_is_wrong_is_refused_by_name(validate: Validator, given: object) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^NAME: "):
        validate("NAME", given)


def test_the_brokers_options_follow_them() -> None:
    url = "kafka://one:9092,two:9092?security_protocol=SSL&ssl_check_hostname=off&sasl_plain_password="
    assert env_validators.kafka_options("EVENT_LOG_URL", url) == {
        "bootstrap_servers": ["one:9092", "two:9092"],
        "security_protocol": "SSL",
        "ssl_check_hostname": False,
        "sasl_plain_password": "",
    }


@pytest.mark.parametrize("text", [STANDARD, URL_SAFE])
def test_the_current_key_comes_before_the_former_ones(text: str) -> None:
    former = b64encode(b"f" * 32).decode()
    assert STANDARD != URL_SAFE
    assert env_validators.encryption_keys(text, ["", former], secret="") == [KEY, b"f" * 32]


def test_keys_that_are_not_set_follow_from_the_secret_and_differ() -> None:
    [encryption] = env_validators.encryption_keys("", [], secret="one")
    signing = env_validators.signing_key("NAME", "", secret="one")
    assert len({encryption, signing, sha256(b"one").digest()}) == 3
    assert env_validators.encryption_keys("", [], secret="two") != [encryption]
    assert env_validators.signing_key("NAME", STANDARD, secret="one") == KEY


def test_the_gateways_secret_may_be_missing_only_without_a_gateway() -> None:
    secret = "whsec_" + b64encode(b"s" * 24).decode()
    assert env_validators.webhook_secret("NAME", "", needed=False) == ""
    assert env_validators.webhook_secret("NAME", secret, needed=True) == secret
    for wrong in ("", secret.removeprefix("whsec_"), "whsec_" + b64encode(b"s" * 23).decode(), "whsec_?"):
        with pytest.raises(ImproperlyConfigured, match=r"^NAME: "):
            env_validators.webhook_secret("NAME", wrong, needed=True)


def test_a_refusal_shows_no_url() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        env_validators.scheme("NAME", "mysql://shop:hunter2@here/shop", ("postgres",))
    assert "hunter2" not in str(refused.value)


def test_a_folder_is_made_or_named(tmp_path: Path) -> None:
    assert env_validators.folder("NAME", tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"^NAME: "):
        env_validators.folder("NAME", tmp_path / "file" / "below")
