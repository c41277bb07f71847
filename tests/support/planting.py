"""Plants markers in every text that somebody can fill in, and finds where they are left.

The doors come from the permission matrix, their fields from forms, examples and types, the columns of files from the
importers. Whether a door accepts a text does not matter: a refused one must not stay either.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django import forms
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.test import Client
from standardwebhooks import Webhook

from eventshop.cli.importing.base_command import ROWS_REFUSED, ImportCommand
from eventshop.core.messages import new_id
from eventshop.core.money import Money
from eventshop.eventstore.backends.protocol import backend
from eventshop.messaging.kafka.event_records import encode_event
from eventshop.runtime.log_lines import JsonFormatter
from orders.models import Payment
from orders.payment_gateway import message_log
from orders.payment_gateway.client import HttpGateway
from orders.payment_gateway.payment_ledger import RecordedGateway
from orders.payment_gateway.responses import PaymentWebhook
from tests.support.customers import PASSWORD
from tests.support.database import dump_tables
from tests.support.gateway_process import SECRET
from tests.support.input_fields import input_fields, replace_at
from tests.support.retail_files import csv_line
from tests.support.trade_files import trade_line
from tests.support.webhook_receiver import run_receiver

MARK: Final = "zzdoor"
#: A valid row for each command that imports a file.
ROWS: Final = {"import_online_retail": csv_line(), "import_trades": trade_line()}


class Planter:
    """Markers, each with the place that it went in at. `folder` is where files may be written.

    Texts of places that begin with one of `about_nobody` name the person too, by this e-mail address.
    """

    def __init__(self, folder: Path, *, about_nobody: tuple[str, ...], email: str) -> None:
        self.places: dict[str, str] = {}
        self._folder, self._about_nobody, self._email = folder, about_nobody, email
        self._log = StringIO()

    @contextmanager
    def listening(self) -> Iterator[Planter]:
        """Read what the program logs during the block, as it writes it."""
        handler = logging.StreamHandler(self._log)
        handler.setFormatter(JsonFormatter())
        logging.getLogger().addHandler(handler)
        try:
            yield self
        finally:
            logging.getLogger().removeHandler(handler)

    def is_about_nobody(self, place: str) -> bool:
        return place.startswith(self._about_nobody)

    def code(self, place: str) -> str:
        marker = f"{MARK}{len(self.places):04d}"
        self.places[marker] = place
        return marker

    def text(self, place: str) -> str:
        return f"{self.code(place)} {self._email}" if self.is_about_nobody(place) else self.code(place)

    def words(self, place: str) -> str:
        """A text that no code looks like."""
        return f"{self.text(place)} Doe of 5 Elm St"

    def left(self) -> dict[str, set[str]]:
        """The places of markers that are left, each with where they are."""
        found: dict[str, set[str]] = {}
        for where, text in self._texts():
            if MARK in (text := text.lower()):
                for marker in (marker for marker in self.places if marker in text):
                    found.setdefault(self.places[marker], set()).add(where)
        return found

    def _texts(self) -> Iterator[tuple[str, str]]:
        yield from dump_tables().items()
        for row in backend().select_events("", ()):
            yield "Kafka", encode_event(row, 0, row.position).value.decode("latin-1")
        yield "log", self._log.getvalue()
        for file in self._folder.rglob("*"):
            if file.is_file():
                yield f"file {file.name}", file.read_text(errors="replace")

    def fill(self, form: forms.BaseForm, place: str) -> dict[str, Any]:
        """Valid values for every field of a form; each text is a marker."""
        return {
            form.add_prefix(name): self._value(form, name, field, f"{place} {name}")
            for name, field in form.fields.items()
        }

    def _value(self, form: forms.BaseForm, name: str, field: forms.Field, place: str) -> Any:
        initial = form.get_initial_for_field(field, name)
        match field:
            case forms.ChoiceField():
                values = [value for value, _ in field.choices if value]  # type: ignore[misc, union-attr]
                return values[:1] if isinstance(field, forms.MultipleChoiceField) else (values or [""])[0]
            case forms.EmailField():
                return f"{self.code(place)}@example.org"
            case forms.UUIDField():
                return str(initial or new_id())
            case forms.DateTimeField() | forms.DateField():
                return str(initial or datetime.now().date())
            case forms.DecimalField() | forms.IntegerField():
                return initial or 1
            case forms.BooleanField():
                return "on"
            case forms.CharField() if isinstance(field.widget, forms.PasswordInput):
                return PASSWORD
            case forms.SlugField():
                return self.code(place)
            case forms.CharField():
                return self.text(place)
        return initial or ""


def forms_of(response: Any) -> Iterator[forms.BaseForm]:
    """The forms that a page was rendered with."""
    seen = set()
    for context in response.context or ():
        for value in context.flatten().values() if hasattr(context, "flatten") else ():
            form = getattr(value, "form", value)
            if isinstance(form, forms.BaseForm) and id(form) not in seen:
                seen.add(id(form))
                yield form


def plant_json(planter: Planter, value: Any, place: str, *, refused: set[str], pointer: str = "") -> Any:
    """A body whose texts are markers, but for those that were refused."""
    match value:
        case dict():
            return {
                name: plant_json(planter, part, f"{place} {name}", refused=refused, pointer=f"{pointer}/{name}")
                for name, part in value.items()
            }
        case list():
            return [
                plant_json(planter, part, place, refused=refused, pointer=f"{pointer}/{index}")
                for index, part in enumerate(value)
            ]
        case str() if pointer not in refused:
            return planter.text(place)
    return value


def plant_gateway_messages(planter: Planter, order_id: UUID, amount: Money) -> None:
    """Every text of the gateway's answers and webhooks about payments of an order, and of webhooks about none."""
    for is_known in (True, False):
        for path in (*input_fields(PaymentWebhook, str), ("data", "key"), ()):
            payment = _payment(order_id, amount) if is_known else Payment(key=uuid4(), amount=900, currency="GBP")
            text = planter.words(f"webhook {is_known} {path}")
            body = replace_at(_webhook_body(payment), path, text)
            for webhook_id in (f"msg_{uuid4()}", planter.words("webhook-id")):
                post_webhook(body if path else text, webhook_id)
    with run_receiver() as receiver:
        client = HttpGateway(receiver.url.removesuffix("/hooks"), SECRET, report=message_log.log_refused_response)
        gateway = RecordedGateway(client)
        for path in (*input_fields(PaymentWebhook, str), ()):
            key, text = uuid4(), planter.words(f"answer {path}")
            data = {**_webhook_body(Payment(key=key, amount=900, currency="GBP"))["data"], "method": "card"}
            answer = replace_at({"data": data}, path, text).get("data", {}) if path else text
            receiver.bodies.append(answer if isinstance(answer, str) else json.dumps(answer))
            receiver.answers.append(200 if path else 400)
            gateway.charge(key=key, amount=amount, order_id=order_id, method="card")
        client.close()


def _payment(order_id: UUID, amount: Money) -> Payment:
    return Payment.objects.create(
        key=uuid4(), kind="charge", order_id=order_id, amount=900, currency=amount.currency, method=""
    )


def _webhook_body(payment: Payment) -> dict[str, Any]:
    data = {"key": str(payment.key), "kind": "charge", "reference": "ch_1", "amount": 900, "currency": payment.currency}
    return {"type": "charge.declined", "data": {**data, "status": "declined", "reason": "no money"}}


def post_webhook(body: Any, webhook_id: str) -> None:
    text, now = body if isinstance(body, str) else json.dumps(body), datetime.now(UTC)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(webhook_id, now, text),
    }
    answer = Client().post("/payments/notices", text, content_type="application/json", headers=headers)
    assert answer.status_code < 500


def plant_files(planter: Planter, folder: Path) -> None:
    """A row for each column of each file that can be imported, with words in that column."""
    for name, app in get_commands().items():
        if not name.startswith("import_"):
            continue
        command = load_command_class(app, name)
        if not isinstance(command, ImportCommand):
            continue
        columns = command.importer.layout.columns
        cells = ROWS[name].split(",")
        rows = [
            [*cells[:index], f'"{planter.words(f"{name} {column}")}"', *cells[index + 1 :]]
            for index, column in enumerate(columns)
        ]
        file = folder / f"{name}.csv"
        file.write_text("".join(f"{','.join(row)}\n" for row in (columns, *rows)))
        with pytest.raises(CommandError) as refused:
            call_command(name, file, "--on-error", "skip", stdout=StringIO(), stderr=StringIO())
        assert refused.value.returncode == ROWS_REFUSED
        file.unlink()
