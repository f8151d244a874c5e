"""Withdrawals: what they touch, before and after; the report, the flag, the filter, and jobs that run."""

import csv
import io
import json
import threading
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assets.models import Rights
from assets.services import HOUSE_CHAIN
from assets.services.pictures import remove_picture
from generation.composing import Adapter
from generation.models import Generation, Output
from ledger.models import Entry
from ledger.services import verify
from projects.models import Project
from tests.assets.chain import drawn_with, frozen, learned
from tests.assets.material import cleared
from tests.assets.material import picture as waiting
from tests.conftest import wait_until
from tests.generation.pictures import asked, made

REASON = "The photographer asked us to."


def url(name: str, *more) -> str:
    return reverse(name, args=["spring", *more])


@pytest.fixture
def version(people, project):
    return frozen(people, project, ["CC0-1.0", "CC0-1.0"])


@pytest.fixture
def adapter(people, project, starter, version):
    return learned(people, project, starter, version)


@pytest.fixture
def picture(version):
    return version.items.first().picture


@pytest.fixture
def below(people, project, starter, adapter) -> list[Output]:
    return drawn_with(people, project, starter, adapter, count=3)


@pytest.fixture
def beside(people, project, starter) -> Output:
    return made(people.editor, project, starter)[0]


def withdraw(client: Client, thing, *, kind: str = "picture", **values):
    return client.post(url(f"withdraw_{kind}", thing.id), {"reason": REASON, "confirm": "on"} | values)


def look(client: Client, thing, *, kind: str = "picture"):
    return client.get(url(f"withdraw_{kind}", thing.id))


def rows_in(response) -> list[dict[str, str]]:
    """Return the rows of a CSV report."""
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.postgres
def test_the_page_says_before_exactly_what_would_be_touched(
    signed_in, people, project, starter, adapter, version, picture, below, beside
):
    job = asked(people.editor, project, starter, adapters=(Adapter(file=adapter),), seed=50)
    blast = look(signed_in("viewer"), picture).context["blast"]
    assert dict(blast.counts) == {"dataset_versions": 1, "model_files": 1, "pictures": 3, "jobs": 1}
    assert (list(blast.versions), list(blast.files), list(blast.jobs)) == ([version], [adapter], [job])
    assert set(blast.found.outputs) == set(below)
    assert {each.id for each in blast.newest()} == {each.id for each in below}
    assert Rights.objects.get(picture=picture).state == "cleared"


def test_a_picture_that_nothing_was_made_from_touches_nothing(signed_in, people, project):
    alone = cleared(people, project)
    assert "Nothing was made from it" in look(signed_in("viewer"), alone).content.decode()


def test_a_reviewer_withdraws_and_the_page_becomes_the_report(
    signed_in, people, project, adapter, picture, below, beside
):
    before = {each.seq: each.entry_hash for each in Entry.objects.filter(chain=project.id)}
    client = signed_in("reviewer")
    assert withdraw(client, picture).url == url("withdraw_picture", picture.id)
    html = look(client, picture).content.decode()
    assert REASON in html
    assert "It was withdrawn" in html
    entry = Entry.objects.get(chain=project.id, event="assets.rights.withdrawn")
    assert entry.data["touched"] == {"dataset_versions": 1, "model_files": 1, "pictures": 3, "jobs": 0}
    assert url("ledger_entry", entry.seq) in html
    assert verify(project.id).ok
    after = {each.seq: each.entry_hash for each in Entry.objects.filter(chain=project.id)}
    assert {seq: after[seq] for seq in before} == before
    assert withdraw(client, picture).status_code == 409


@pytest.mark.parametrize(
    ("values", "field"), [({"reason": " "}, "reason"), ({"reason": "x" * 501}, "reason"), ({"confirm": ""}, "confirm")]
)
def test_a_withdrawal_needs_a_reason_and_a_confirmation(signed_in, people, project, values, field):
    added = cleared(people, project)
    response = withdraw(signed_in("reviewer"), added, **values)
    assert response.status_code == 422
    assert response.context["form"].errors[field]
    assert Rights.objects.get().state == "cleared"


@pytest.mark.parametrize("name", ["viewer", "editor"])
def test_others_look_and_cannot_withdraw(signed_in, people, project, name):
    added = cleared(people, project)
    assert "Withdraw it" not in look(signed_in(name), added).content.decode()
    assert withdraw(signed_in(name), added).status_code == 403
    assert Rights.objects.get().state == "cleared"


def test_another_projects_things_are_not_there(signed_in, people, project):
    theirs = cleared_elsewhere(people)
    client = signed_in("owner")
    assert look(client, theirs).status_code == 404
    assert withdraw(client, theirs).status_code == 404
    assert client.get(url("withdraw_picture_outputs", theirs.id)).status_code == 404
    assert client.get(url("withdraw_picture_report", theirs.id, "csv")).status_code == 404
    assert look(client, Project(id=uuid.uuid4()), kind="model").status_code == 404


def cleared_elsewhere(people):
    """Return a picture of the stranger's project."""
    return waiting(people.stranger, Project.objects.get(slug="elsewhere"), 1)


def test_a_picture_that_was_taken_out_is_still_withdrawn(signed_in, people, project, picture, below):
    remove_picture(picture, actor=people.editor)
    assert withdraw(signed_in("reviewer"), picture).status_code == 302
    assert look(signed_in("viewer"), picture).context["blast"].is_withdrawn


def test_the_report_has_a_row_for_each_touched_thing(
    signed_in, people, project, starter, adapter, version, picture, below, beside
):
    withdraw(signed_in("reviewer"), picture)
    rows = rows_in(signed_in("viewer").get(url("withdraw_picture_report", picture.id, "csv")))
    found = {row["id"]: row for row in rows}
    assert set(found) == {str(version.id), str(adapter.id), *(str(each.id) for each in below)}
    assert found[str(adapter.id)]["sha256"] == adapter.sha256
    registered = Entry.objects.get(subject=f"model_file:{adapter.id}", event="assets.model.registered")
    assert found[str(adapter.id)]["ledger"] == str(registered.seq)
    output = found[str(below[0].id)]
    assert (output["kind"], output["made_by"]) == ("picture", "Editor")
    assert (output["sha256"], output["ledger"]) == (below[0].pixels_sha256, str(below[0].ledger_seq))
    assert found[str(version.id)]["ledger"] == str(version.ledger_seq)


def test_the_report_as_json_says_the_same(signed_in, people, project, picture, below):
    client = signed_in("reviewer")
    address = url("withdraw_picture_report", picture.id, "json")
    before = json.loads(b"".join(client.get(address).streaming_content))
    assert before["report"]["withdrawn"] is None
    withdraw(client, picture)
    response = client.get(address)
    assert "attachment" in response["Content-Disposition"]
    report = json.loads(b"".join(response.streaming_content))
    assert report["report"]["withdrawn"]["reason"] == REASON
    assert report["report"]["thing"]["sha256"] == picture.pixels_sha256
    entry = Entry.objects.get(chain=project.id, event="assets.rights.withdrawn")
    assert report["report"]["withdrawn"]["ledger"] == entry.seq
    assert [row["id"] for row in report["rows"]] == [row["id"] for row in before["rows"]]
    assert len(report["rows"]) == sum(report["report"]["counts"].values())


def test_there_is_no_third_format(signed_in, people, project):
    assert (
        signed_in("viewer").get(url("withdraw_picture_report", cleared(people, project).id, "xml")).status_code == 404
    )


def test_a_name_is_never_a_formula(signed_in, people, project, starter, adapter, picture):
    [output] = drawn_with(people, project, starter, adapter)
    Output.objects.filter(pk=output.pk).update(spec=output.spec | {"prompt": "=HYPERLINK(1)"})
    rows = rows_in(signed_in("viewer").get(url("withdraw_picture_report", picture.id, "csv")))
    assert [row["name"][:2] for row in rows if row["kind"] == "picture"] == ["'="]


def test_the_list_of_pictures_goes_on_page_by_page(signed_in, people, project, adapter, picture, below, monkeypatch):
    monkeypatch.setattr("generation.views.withdrawals.PAGE_SIZE", 2)
    client, address = signed_in("viewer"), url("withdraw_picture_outputs", picture.id)
    first = client.get(address).context["page"]
    second = client.get(address, {"cursor": first.next_cursor}).context["page"]
    assert [*first.rows, *second.rows] == sorted(below, key=lambda each: (each.created_at, each.id), reverse=True)
    assert second.next_cursor == ""


@pytest.mark.parametrize("name", ["withdraw_picture", "withdraw_picture_outputs"])
def test_the_pages_ask_few_questions_whatever_is_touched(signed_in, people, project, starter, adapter, picture, name):
    client, counts = signed_in("viewer"), []
    for seed in (1, 100):
        drawn_with(people, project, starter, adapter, count=4, seed=seed)
        with CaptureQueriesContext(connection) as queries:
            client.get(url(name, picture.id))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 24


def test_a_shared_model_is_counted_over_all_projects_and_names_nothing_of_others(
    signed_in, people, project, starter, below, beside
):
    elsewhere = Project.objects.get(slug="elsewhere")
    [theirs] = made(people.stranger, elsewhere, starter, slots={"subject": "their secret"})
    blast = look(signed_in("viewer"), starter, kind="model").context["blast"]
    assert dict(blast.counts) == {"dataset_versions": 0, "model_files": 1, "pictures": 4, "jobs": 0}
    assert dict(blast.elsewhere) == {"model_files": 0, "pictures": 1}
    withdraw(signed_in("reviewer"), starter, kind="model")
    entry = Entry.objects.get(chain=HOUSE_CHAIN, event="assets.rights.withdrawn")
    assert entry.data["touched"]["pictures"] == 5
    response = signed_in("viewer").get(url("withdraw_model_report", starter.id, "csv"))
    assert str(theirs.id) not in {row["id"] for row in rows_in(response)}
    assert "of the house’s own ledger" in look(signed_in("viewer"), starter, kind="model").content.decode()


def test_a_picture_whose_making_was_withdrawn_says_so(signed_in, people, project, picture, below, beside):
    client = signed_in("viewer")
    flag = "What this was made from was withdrawn"
    assert flag not in client.get(url("picture", below[0].id)).content.decode()
    withdraw(signed_in("reviewer"), picture)
    html = client.get(url("picture", below[0].id)).content.decode()
    assert flag in html
    assert url("withdraw_picture", picture.id) in html
    assert REASON in html
    assert flag not in client.get(url("picture", beside.id)).content.decode()


def test_the_gallery_tells_what_is_publishable_now(signed_in, people, project, picture, below, beside):
    client = signed_in("viewer")

    def shown(answer: str) -> set[uuid.UUID]:
        page = client.get(url("gallery"), {"publishable": answer}).context["page"]
        return {output.id for output in page.rows}

    everything = {beside.id, *(each.id for each in below)}
    assert (shown("yes"), shown("no"), shown("")) == (everything, set(), everything)
    withdraw(signed_in("reviewer"), picture)
    assert (shown("yes"), shown("no")) == ({beside.id}, {each.id for each in below})
    assert shown("perhaps") == everything


def test_the_filter_costs_the_same_whatever_the_number_of_pictures(signed_in, people, project, starter, adapter):
    client, counts = signed_in("viewer"), []
    for seed in (1, 100):
        drawn_with(people, project, starter, adapter, count=4, seed=seed)
        client.get(url("gallery"), {"publishable": "yes"})
        with CaptureQueriesContext(connection) as queries:
            client.get(url("gallery"), {"publishable": "yes"})
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20


def test_the_index_finds_things_and_lists_what_was_withdrawn(signed_in, people, project, picture):
    client = signed_in("reviewer")
    found = client.get(url("withdrawals"), {"q": "1.png"}).context["found"]
    assert [each["url"] for each in found] == [url("withdraw_picture", picture.id)]
    assert "Nothing was withdrawn" in client.get(url("withdrawals")).content.decode()
    withdraw(client, picture)
    listed = client.get(url("withdrawals")).context["withdrawn"]
    assert [(each.thing.name, each.reason) for each in listed] == [("1.png", REASON)]


def test_may_i_use_a_picture_that_was_made(signed_in, people, project, starter, adapter, picture, below):
    client, address = signed_in("viewer"), url("ask_output", below[0].id)
    assert client.get(url("ask") + f"?output={below[0].id}").url == address
    answer = client.get(address, {"purpose": "advertising", "territory": "JP", "media": "web"}).context["answer"]
    assert answer.mark == "ok"
    assert {name for name, _license in answer.items} == {"Daicho Starter", "Umbrella LoRA", "1.png", "2.png"}
    withdraw(signed_in("reviewer"), picture)
    answer = client.get(address).context["answer"]
    assert answer.mark == "stop"
    assert "1.png" in answer.spoken[0].reasons[0]
    assert signed_in("stranger").get(address).status_code == 404


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_job_that_draws_stops_at_its_next_step(signed_in, people, project, starter, adapter, picture):
    """The worker's own code and the real engine, in a thread, while a reviewer withdraws in another."""
    from generation import tasks  # it brings torch, which no other test here needs

    job = asked(people.editor, project, starter, adapters=(Adapter(file=adapter),), num_inference_steps=150, count=8)
    worker = threading.Thread(target=work, args=(tasks.render, str(job.id)))
    worker.start()
    try:
        wait_until(lambda: bool(Generation.objects.get(pk=job.pk).progress > 0.0), what="the first step")
        assert withdraw(signed_in("reviewer"), picture).status_code == 302
    finally:
        worker.join(60)
    job.refresh_from_db()
    assert not worker.is_alive()
    assert (job.status, job.error) == ("blocked", "rights_blocked")
    assert job.outputs.count() < job.count
    blast = look(signed_in("viewer"), picture).context["blast"]
    assert list(blast.jobs) == [job]
    entry = Entry.objects.get(chain=project.id, event="assets.rights.withdrawn")
    assert entry.data["touched"]["jobs"] == 1


def work(task, job_id: str) -> None:
    """Do a job as a worker does, and let go of the thread's connection."""
    try:
        task(job_id)
    finally:
        connection.close()
