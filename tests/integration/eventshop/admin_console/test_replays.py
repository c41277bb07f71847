"""Staff ask for read models as they were, try rebuilds out before they want them, and see what they may see."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from eventshop.admin_console.replay_csv import csv_lines
from eventshop.projections import replays
from eventshop.projections.models import Checkpoint, Rebuild, Replay
from projections.models import DailySales, OrderSummary
from tests.support.pages import find, texts
from tests.support.sales import Sale
from tests.support.staff import actor_of, clerk, order_url, record_sales

pytestmark = pytest.mark.usefixtures("clean_database")

NEW = "/admin/projection_engine/replay/new/"
RIGHTS = ("view_replay", "replay_projection", "view_dailysales", "view_ordersummary")


def as_of_form(**form: str) -> dict[str, str]:
    return {"projection": "daily-sales", "at": "2999-01-01T00:00", "time": "recorded", "key": ""} | form


def run_replays() -> None:
    for job in replays.pending_replays():
        replays.run_replay(job)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_read_model_is_asked_for_as_it_was_watched_and_read() -> None:
    record_sales(Sale(1))
    client = clerk(*RIGHTS)
    answer = client.post(NEW, as_of_form())
    job = Replay.objects.get()
    page = reverse("admin:projection_engine_replay_change", args=(job.pk,))
    assert (answer.headers["Location"], job.requested_by) == (page, actor_of("clerk"))
    waits = client.get(page)
    assert find(waits, "replay-requested") and waits.headers["Refresh"] == "2"
    run_replays()
    shown = client.get(page)
    assert "Refresh" not in shown.headers
    day = DailySales.objects.get()
    assert day.pk in text_of(shown) and "22.590" in text_of(shown)
    listed = client.get("/admin/projection_engine/replay/")
    [row] = listed.context["cl"].result_list
    assert (row.rows, "&lt;time" in text_of(listed) + text_of(shown)) == (1, False)


def test_by_when_it_happened_and_one_row_alone_can_be_asked_for() -> None:
    record_sales(Sale(1), Sale(2))
    client = clerk(*RIGHTS)
    key = str(Sale(2).order_id)
    assert client.get(order_url(Sale(2))).status_code == 200
    way = client.get(reverse("admin:projections_ordersummary_as_it_was", args=(key,)))
    form = client.get(way.headers["Location"])
    assert f'value="{key}"' in text_of(form)
    client.post(NEW, as_of_form(projection="order-summary", key=key, time="happened"))
    run_replays()
    job = Replay.objects.get()
    assert (job.happened, job.rows, job.key) == (True, 1, key)
    assert find(client.get(f"/admin/projection_engine/replay/{job.pk}/change/"), "as-of-happened")


def test_a_long_result_has_pages_and_is_downloaded_whole() -> None:
    record_sales(*(Sale(number) for number in range(1, 53)))
    client = clerk(*RIGHTS)
    client.post(NEW, as_of_form(projection="order-summary"))
    run_replays()
    page = f"/admin/projection_engine/replay/{Replay.objects.get().pk}/change/"
    for query, number, count in (("", 1, 50), ("?p=2", 2, 2), ("?p=99", 2, 2)):
        shown = client.get(page + query).context
        assert (shown["page"].number, shown["page"].paginator.num_pages, len(shown["rows"])) == (number, 2, count)
    answer: Any = client.get(page.replace("change", "export"))
    rows = list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode())))
    assert len(rows) == OrderSummary.objects.count() == 52
    assert {row["status"] for row in rows} == {"PAID"}
    assert not set(OrderSummary.personal) & rows[0].keys()


def test_no_cell_of_a_dry_run_is_a_formula_to_a_spreadsheet() -> None:
    job = Replay.objects.create(kind=Replay.Kind.DRY_RUN, projection="stock-level", requested_at=timezone.now())
    job.found.create(
        number=0, key="=1+1", columns=json.dumps({"name": ["=HYPERLINK(1)", "@SUM(1)"], "left": ["-1", None]})
    )
    assert "".join(csv_lines(job)).splitlines() == [
        "key,column,as_it_is,as_it_would_be",
        "'=1+1,name,'=HYPERLINK(1),'@SUM(1)",
        "'=1+1,left,-1,",
    ]


def test_who_may_not_see_rows_may_not_see_them_as_they_were() -> None:
    record_sales(Sale(1))
    clerk(*RIGHTS).post(NEW, as_of_form())
    run_replays()
    job = Replay.objects.get()
    page = f"/admin/projection_engine/replay/{job.pk}/change/"
    for rights in (("view_replay",), ("view_replay", "view_ordersummary")):
        client = clerk(*rights)
        shown = client.get(page)
        assert "22.590" not in text_of(shown) and find(shown, "no-permission")
        assert client.get(page.replace("change", "export")).status_code == 403
    assert clerk("view_replay").get(NEW).status_code == 403
    stranger = clerk("view_replay", "replay_projection", "view_ordersummary")
    assert stranger.post(NEW, as_of_form()).context["form"].errors.keys() == {"projection"}
    assert clerk("view_dailysales").get(page).status_code == 403
    assert Replay.objects.count() == 1


@pytest.mark.parametrize(
    "wrong", [{"at": "yesterday"}, {"projection": "nothing"}, {"time": "never"}, {"key": "x" * 251}]
)
def test_a_question_that_makes_no_sense_is_said_at_its_field(wrong: dict[str, str]) -> None:
    answer = clerk(*RIGHTS).post(NEW, as_of_form(**wrong))
    assert answer.context["form"].errors.keys() == wrong.keys()
    assert not Replay.objects.exists()


def test_a_rebuild_is_tried_out_first_and_remembers_what_was_foreseen() -> None:
    record_sales(Sale(1), Sale(2))
    OrderSummary.objects.filter(pk=Sale(1).order_id).update(status="DELIVERED")
    row = Checkpoint.objects.get(projection="order-summary")
    client = clerk("view_checkpoint", "view_rebuild", "rebuild_projection", *RIGHTS)
    rebuild = reverse("admin:projection_engine_checkpoint_rebuild", args=(row.pk,))
    assert "without_dry_run" in client.get(rebuild).context["form"].fields
    what_if = reverse("admin:projection_engine_checkpoint_what_if", args=(row.pk,))
    assert client.get(what_if).status_code == 200
    answer = client.post(what_if)
    run_replays()
    shown = client.get(answer.headers["Location"])
    assert texts(shown, "differences") == ["0 / 1 / 0"]
    assert "DELIVERED" in text_of(shown) and "PAID" in text_of(shown)
    form = client.get(rebuild).context["form"]
    assert "without_dry_run" not in form.fields
    assert replays.describe_differences(Replay.objects.get()) in form.effect
    client.post(rebuild, {"reason": "somebody wrote into it"})
    job = Rebuild.objects.get()
    assert (job.foreseen_added, job.foreseen_changed, job.foreseen_removed, job.foreseen_failed) == (0, 1, 0, 0)
    assert "0 / 1 / 0" in text_of(client.get("/admin/projection_engine/rebuild/"))


def test_who_may_not_try_out_may_not() -> None:
    record_sales(Sale(1))
    row = Checkpoint.objects.get(projection="order-summary")
    what_if = reverse("admin:projection_engine_checkpoint_what_if", args=(row.pk,))
    assert clerk("view_checkpoint", "rebuild_projection").post(what_if).status_code == 403
    assert not Replay.objects.exists()
