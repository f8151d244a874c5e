"""Ask for pictures, follow them, and look at them."""

import io
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from assets.licensing import Action
from assets.models import ModelFile, Rights
from assets.services import decide_use
from assets.terms import add_term
from generation.models import Generation, Output, Replay
from generation.services.templates import create_template
from ledger.models import Entry
from projects.models import Role
from projects.services import create_project, set_role

ROOM = "/api/v1/generations/"
RED = {"project": "spring", "slots": {"subject": "a red ball"}, "seed": 7}


def ask(client, key: str = "one", **changes):
    """Ask for a picture under this key."""
    return client.post(ROOM, {**RED, **changes}, format="json", headers={"Idempotency-Key": key})


def test_a_request_is_made_once_per_key(caller, model):
    client = caller("editor")
    first, second, third = ask(client), ask(client), ask(client, "two")
    assert [each.status_code for each in (first, second, third)] == [201, 200, 201]
    assert first.json() == second.json()
    assert first.json()["id"] != third.json()["id"]
    assert Entry.objects.filter(event="generation.requested").count() == 2


def test_a_repeated_key_answers_though_the_request_could_not_be_made_any_more(caller, model):
    client = caller("editor")
    first = ask(client)
    Rights.objects.update(state=Rights.State.WITHDRAWN)
    assert ask(client, base_model="00000000-6a3d-4a8e-9b5c-0d3f0a1d2c11").json()["id"] == first.json()["id"]


def test_the_same_key_of_another_person_is_another_job(caller, model):
    assert ask(caller("editor")).json()["id"] != ask(caller("owner")).json()["id"]


def test_a_key_of_another_project_is_refused(caller, people, project, model):
    other = create_project(people.owner, slug="autumn", name="Autumn")
    set_role(other, actor=people.owner, user=people.editor, role=Role.EDITOR)
    model.project = None
    model.save(update_fields=["project"])
    client = caller("editor")
    assert ask(client).status_code == 201
    response = ask(client, project="autumn")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "key_reused")


def test_a_licence_that_forbids_it_stops_the_request_with_reasons(caller, model):
    Rights.objects.update(state=Rights.State.PENDING)
    response = ask(caller("editor"))
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (409, "rights_blocked")
    assert error["details"]["reasons"]
    assert not Generation.objects.exists()


def test_the_quality_decides_the_steps_that_were_not_named(caller, model):
    model.defaults = {"draft_steps": 4, "final_steps": 30, "steps": 20}
    model.save(update_fields=["defaults"])
    client = caller("editor")
    steps = [
        ask(client, quality, quality=quality).json()["recipe"]["num_inference_steps"] for quality in ("draft", "final")
    ]
    assert steps == [4, 30]
    assert ask(client, "own", num_inference_steps=9).json()["recipe"]["num_inference_steps"] == 9


def test_a_template_is_named_by_slug_with_number_or_alias(caller, model, template):
    client = caller("editor")
    for version in ("production", "1"):
        body = ask(
            client, version, template=template.slug, version=version, slots={}, variables={"product": "cup"}
        ).json()
        assert body["template"] == {"slug": template.slug, "version": 1}
        assert "red cup" in body["recipe"]["prompt"]
    assert ask(client, "none", template=template.slug, version="9").status_code == 404


def test_compose_says_what_would_be_drawn_and_writes_nothing(caller, model):
    body = {**RED, "slots": {"subject": "赤いボール", "environment": "ほげほげ"}}
    before = Entry.objects.count()
    composed = caller("viewer", "generate").post("/api/v1/prompts/compose/", body, format="json").json()
    assert composed["spec"]["seed"] == 7
    assert composed["translation"]["subject"]["source"] == "赤いボール"
    assert "ほげほげ" in composed["unknown_words"]
    assert composed["generate"]["verdict"] == composed["publish"]["verdict"] == "allow"
    assert Entry.objects.count() == before
    made = caller("editor").post(ROOM, body, format="json", headers={"Idempotency-Key": "same"}).json()
    assert made["recipe"] == composed["spec"]


def test_a_waiting_job_is_cancelled_once(caller, generation):
    client = caller("editor")
    assert client.post(f"{ROOM}{generation.id}/cancel/").json()["status"] == "canceled"
    again = client.post(f"{ROOM}{generation.id}/cancel/")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "job_over")


def test_a_job_is_asked_for_again_once_per_key(caller, generation):
    client = caller("editor")
    answers = [client.post(f"{ROOM}{generation.id}/retry/", headers={"Idempotency-Key": "again"}) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 200]
    assert answers[0].json()["recipe"]["seed"] == generation.spec["seed"]
    assert answers[0].json()["id"] == answers[1].json()["id"] != str(generation.id)


def test_a_blocked_job_says_why_in_full(caller, generation):
    Rights.objects.update(state=Rights.State.WITHDRAWN)
    decision = decide_use(generation.project, Action.GENERATE, [ModelFile.objects.get()])
    Generation.objects.update(decision=decision.as_dict())
    generation.block("rights_blocked")
    body = caller("viewer").get(f"{ROOM}{generation.id}/").json()
    assert body["status"] == "blocked"
    assert generation.base_model.name in body["reason"]


def test_a_picture_is_shown_downloaded_and_credited(caller, output):
    client = caller("viewer", "read")
    body = client.get(f"/api/v1/outputs/{output.id}/").json()
    assert (body["seed"], body["license"], body["ledger_seq"]) == (0, "CC0-1.0", output.ledger_seq)
    assert "path" not in body
    png = client.get(body["file"])
    assert png.headers["Content-Type"] == "image/png"
    assert "inline" in png.headers["Content-Disposition"]
    taken = client.post(f"/api/v1/outputs/{output.id}/download/")
    assert "attachment" in taken.headers["Content-Disposition"]
    assert b"".join(taken.streaming_content)[:4] == b"\x89PNG"
    assert Image.open(io.BytesIO(b"".join(png.streaming_content))).size == (64, 64)
    assert client.get(body["thumbnail"]).headers["Content-Type"] == "image/webp"
    assert client.get(f"/api/v1/outputs/{output.id}/parameters/").json()["parameters"].startswith("a red ball")
    assert client.get(f"/api/v1/outputs/{output.id}/credits/").json()["publish"]["verdict"] == "allow"


def test_a_picture_is_rated_put_aside_and_found_again(caller, output):
    client = caller("editor")
    assert client.post(f"/api/v1/outputs/{output.id}/rate/", {"rating": 4}, format="json").json()["rating"] == 4
    assert client.post(f"/api/v1/outputs/{output.id}/rate/", {"rating": 6}, format="json").status_code == 400
    client.post(f"/api/v1/outputs/{output.id}/reject/", {"rejected": True}, format="json")
    found = {
        query: len(client.get(f"/api/v1/outputs/?{query}").json()["results"])
        for query in ("", "rejected=all", "rejected=only", "rejected=all&rating=5", "rejected=all&rating=4")
    }
    assert list(found.values()) == [0, 1, 1, 0, 1]


def test_a_replay_is_asked_for_and_followed(caller, output):
    client = caller("editor")
    asked = client.post(f"/api/v1/outputs/{output.id}/replay/")
    assert (asked.status_code, asked.json()["status"]) == (202, "queued")
    again = client.post(f"/api/v1/outputs/{output.id}/replay/")
    assert again.json()["id"] == asked.json()["id"]
    assert Replay.objects.count() == 1
    assert caller("viewer").get(f"/api/v1/replays/{asked.json()['id']}/").json()["output"] == str(output.id)


def test_pages_follow_each_other_without_counting(caller, model, django_assert_max_num_queries):
    client = caller("editor")
    for number in range(5):
        ask(client, f"key {number}")
    address, seen = f"{ROOM}?page_size=2&project=spring", []
    while address:
        with django_assert_max_num_queries(7) as queries:
            page = client.get(address).json()
        assert not any("COUNT(" in each["sql"] for each in queries.captured_queries)
        seen += [each["id"] for each in page["results"]]
        address = page["next"]
    assert seen == [str(each.id) for each in Generation.objects.order_by("-queued_at", "-id")]
    assert len(set(seen)) == 5


ROOMS = ["generations/", "outputs/", "templates/", "models/", "projects/", "terms/?project=spring"]
ROOMS += ["projects/spring/ledger/", "projects/spring/members/", "tokens/"]


def copy_output(output: Output, job: Generation) -> None:
    """Write another picture like this one."""
    output.pk, output.generation, output._state.adding = uuid.uuid4(), job, True
    output.save(force_insert=True)


@pytest.mark.parametrize("room", ROOMS)
def test_a_list_asks_the_database_as_often_for_many_rows_as_for_few(caller, people, project, output, template, room):
    client = caller("editor")
    client.get(f"/api/v1/{room}")
    with CaptureQueriesContext(connection) as few:
        client.get(f"/api/v1/{room}")
    for number in range(4):
        create_template(people.editor, project, slug=f"t{number}", name="T", body={})
        create_project(people.editor, slug=f"p{number}", name=f"P{number}")
        add_term(people.editor, project, ja=f"語{number}", reading="", en="word", synonyms=[], slot="light")
        job = Generation.objects.get(pk=output.generation_id)
        job.pk, job.idempotency_key, job._state.adding = uuid.uuid4(), f"k{number}", True
        job.save(force_insert=True)
        copy_output(output, job)
    with CaptureQueriesContext(connection) as many:
        assert client.get(f"/api/v1/{room}").status_code == 200
    assert len(many) == len(few) <= 8
