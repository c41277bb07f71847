"""What operators can do in the console they can do through the API and the command line, or it is said why not."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final, NamedTuple

import pytest
from django.contrib import admin

from eventshop.cli.management import commands
from eventshop.web.api import operations_urls
from eventshop.web.api.operations_views import RebuildAction


class Ways(NamedTuple):
    """The ways to one verb: the name of its URL in the API without `operations-`, and its command."""

    api: str
    command: str


#: By model and action of the console.
VERBS: Final = {
    "checkpoint.pause": Ways("pause", "pause_projections"),
    "checkpoint.resume": Ways("resume", "pause_projections"),
    "checkpoint.rebuild": Ways("projection-rebuilds", "rebuild_projection"),
    "checkpoint.what_if": Ways("dry-runs", "rebuild_projection"),
    "rebuild.pause": Ways("rebuild-action", "control_rebuild"),
    "rebuild.resume": Ways("rebuild-action", "control_rebuild"),
    "rebuild.throttle": Ways("rebuild-action", "control_rebuild"),
    "rebuild.cancel": Ways("rebuild-action", "control_rebuild"),
    "rebuild.switch": Ways("rebuild-action", "control_rebuild"),
    "rebuild.undo": Ways("rebuild-action", "control_rebuild"),
    "deadletter.retry": Ways("dead-letter-retry", "retry_dead_letters"),
    "deadletter.retry_up_to_here": Ways("dead-letter-retry", "retry_dead_letters"),
    "deadletter.retry_selected": Ways("dead-letter-retry", "retry_dead_letters"),
    "deadletter.skip": Ways("dead-letter-skip", "skip_dead_letter"),
    "deadletter.correct": Ways("dead-letter-correct", "correct_dead_letter"),
    "deadletter.retry_cause": Ways("cause-retry", "retry_dead_letters"),
    "deadletter.skip_cause": Ways("cause-skip", "skip_dead_letter"),
    "unreadablerecord.retry": Ways("unreadable-record-retry", "unreadable_records"),
    "unreadablerecord.skip": Ways("unreadable-record-skip", "unreadable_records"),
    "unreadablerecord.retry_cause": Ways("unreadable-cause-retry", "unreadable_records"),
    "unreadablerecord.skip_cause": Ways("unreadable-cause-skip", "unreadable_records"),
    "deadletterjob.cancel": Ways("dead-letter-job-cancel-retry dead-letter-job-cancel-skip", "cancel_job"),
    "skippedevent.restore": Ways("dead-letter-restore", "skip_dead_letter"),
    "eventcorrection.approve": Ways("correction-approve", "correct_dead_letter"),
    "eventcorrection.withdraw": Ways("correction-withdraw", "correct_dead_letter"),
    "replay.cancel": Ways("replay-cancel", "cancel_job"),
    "saga.retry_now": Ways("saga-retry-now saga-group-retry-now", "control_saga"),
    "saga.retry": Ways("saga-retry saga-group-retry", "control_saga"),
    "saga.compensate": Ways("saga-compensate saga-group-compensate", "control_saga"),
    "saga.resolve": Ways("saga-resolve saga-group-resolve", "control_saga"),
    "periodicwork.run_now": Ways("periodic-job-run", "run_periodic_job"),
    "attentionitem.acknowledge": Ways("attention-acknowledge", "attention"),
    "attentionitem.snooze": Ways("attention-snooze", "attention"),
    "attentionitem.assign": Ways("attention-assign", "attention"),
    # Forms with a page of their own.
    "replay.request_as_of": Ways("point-in-time-queries", "read_model_as_of"),
    "replay.check_rows": Ways("row-checks", "check_rows"),
    "knowntopic.republish": Ways("republications", "republish_rows"),
}
#: Actions of the library's console that are no verbs of operators, and why.
OTHERS: Final = {
    "erasure.resolve": "about one person, with what was found of them: the console shows it, and resolve_findings",
    "apitoken.revoke": "tokens do not manage tokens",
    "webhookendpoint.rotate_secret": "the owner's: POST /webhooks/{id}/secret",
    "webhookdelivery.resend": "the owner's: POST /webhooks/{id}/deliveries/{id}/resending",
    "projectedeffect.send_again": "a letter to one person: the console shows it first",
}


def console_actions() -> set[str]:
    """The actions of the library's admin pages: those of rows and of selections."""
    found = set[str]()
    pages: dict[Any, Any] = dict(admin.site._registry)
    for model, page in pages.items():
        if type(page).__module__.startswith("eventshop."):
            names = {*page.actions_detail, *(name for name in page.actions if isinstance(name, str))}
            found |= {f"{model._meta.model_name}.{name}" for name in names}
    return found


def api_verbs() -> set[str]:
    urls: list[Any] = operations_urls.urlpatterns
    posts = [one for one in urls if hasattr(one.callback.cls, "post")]
    return {str(one.name).removeprefix("operations-") for one in posts}


def test_every_action_of_the_console_is_listed_with_its_other_ways() -> None:
    with_own_page = {"replay.request_as_of", "replay.check_rows", "knowntopic.republish"}
    assert console_actions() == (VERBS.keys() - with_own_page) | OTHERS.keys()
    for name in with_own_page:
        model, _, method = name.partition(".")
        [page] = [page for one, page in admin.site._registry.items() if one._meta.model_name == model]
        assert callable(getattr(page, method))


def test_the_api_has_those_verbs_and_no_others() -> None:
    assert {name for ways in VERBS.values() for name in ways.api.split()} == api_verbs()
    of_rebuilds = {name.partition(".")[2] for name, ways in VERBS.items() if ways.api == "rebuild-action"}
    assert of_rebuilds == set(import_module(RebuildAction.__module__).VERBS)


@pytest.mark.parametrize("command", sorted({ways.command for ways in VERBS.values()}))
def test_the_command_line_has_them(command: str) -> None:
    folders = [commands, import_module("projections.management.commands")]
    assert command in {one.name for folder in folders for one in iter_modules(folder.__path__)}
