"""A picture's page: its recipe, its rights, its files, its marks and its replay."""

import io
import uuid

import pytest
from django.conf import settings
from django.urls import reverse
from PIL import Image

from assets.models import Rights
from generation.models import Output, Replay
from generation.parameters import read_claims
from generation.services.replays import cancel_replay, request_replay, save_replay
from ledger.models import Entry
from ledger.services import verify
from tests.generation.pictures import drawn, made

HTMX = {"HX-Request": "true"}


def url(name: str, output: Output, **more) -> str:
    return reverse(name, kwargs={"slug": "spring", "output_id": output.id, **more})


@pytest.fixture
def output(people, project, starter, template) -> Output:
    """Return a finished picture of a template."""
    return made(people.editor, project, starter, template_version=template.versions.get(), seed=77)[0]


def test_it_shows_how_the_picture_was_made(signed_in, output):
    page = signed_in("viewer").get(url("picture", output)).content.decode()
    for said in (
        "赤いマグカップ",
        "77",
        "Daicho Starter",
        output.recipe_sha256,
        output.pixels_sha256,
        "CC0",
        "DPM++ 2M",
    ):
        assert said in page
    assert reverse("ledger_entry", kwargs={"slug": "spring", "seq": output.ledger_seq}) in page
    assert "Sampler: DPM++ 2M" in page
    assert f"from={output.id}&amp;keep=noseed" in page


def test_it_follows_the_filters_to_its_neighbours(signed_in, people, project, starter, output):
    older, newer = output, made(people.owner, project, starter, seed=78)[0]
    made(people.editor, project, starter, seed=79)
    client = signed_in("viewer")
    response = client.get(url("picture", newer))
    assert response.context["older"] == older.id
    response = client.get(url("picture", newer), {"person": people.owner.id})
    assert (response.context["newer"], response.context["older"]) == (None, None)
    assert f"?person={people.owner.id}" in response.content.decode()


def test_strangers_and_strange_ids_get_the_same_answer(signed_in, output, project):
    missing = Output(id=uuid.uuid4())
    for name in ("picture", "picture_file", "picture_thumbnail", "picture_credits"):
        assert signed_in("stranger").get(url(name, output)).status_code == 404
        assert signed_in("owner").get(url(name, missing)).status_code == 404
        elsewhere = reverse(name, kwargs={"slug": "elsewhere", "output_id": output.id})
        assert signed_in("stranger").get(elsewhere).status_code == 404


def test_the_png_is_the_stored_file_with_its_recipe(signed_in, output):
    response = signed_in("viewer").get(url("picture_file", output))
    data = b"".join(response.streaming_content)
    claims = read_claims(data)
    assert (claims.source, claims.seed) == ("daicho", 77)
    assert Image.open(io.BytesIO(data)).size == (128, 128)
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"].startswith("private")
    assert response.headers["Content-Disposition"].startswith("inline")


def test_a_browser_that_has_the_picture_is_told_so(signed_in, output):
    client = signed_in("viewer")
    for name in ("picture_file", "picture_thumbnail"):
        etag = client.get(url(name, output)).headers["ETag"]
        again = client.get(url(name, output), headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")


def test_a_hostile_prompt_makes_a_harmless_file_name(signed_in, people, project, starter):
    hostile = made(people.editor, project, starter, slots={"subject": '../../x "a"\\; b'})[0]
    header = signed_in("viewer").post(url("picture_download", hostile)).headers["Content-Disposition"]
    assert "/" not in header
    assert "\\" not in header.replace('\\"', "")


def test_a_lost_file_is_not_found_and_the_page_still_stands(signed_in, output):
    (settings.MEDIA_ROOT / output.path).unlink()
    client = signed_in("viewer")
    assert client.get(url("picture_file", output)).status_code == 404
    assert client.get(url("picture", output)).status_code == 200


def test_credits_come_in_both_languages(signed_in, output, starter):
    client = signed_in("viewer")
    assert client.get(url("picture_credits", output) + "?language=en").status_code == 200
    Rights.objects.filter(pk=starter.rights_id).update(expression="CC-BY-4.0", creator="山田", title="Model")
    for language in ("ja", "en"):
        response = client.get(url("picture_credits", output) + f"?language={language}")
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["Content-Disposition"].startswith("attachment")


def test_stars_are_given_and_taken_back(signed_in, output):
    client = signed_in("editor")
    page = client.post(url("picture_rate", output), {"rating": 4}, headers=HTMX).content.decode()
    assert page.count("★") == 4
    output.refresh_from_db()
    assert output.rating == 4
    assert client.post(url("picture_rate", output), {"rating": 0}).status_code == 302
    output.refresh_from_db()
    assert output.rating == 0
    assert client.get(url("picture_rate", output)).status_code == 405


def test_rating_twice_writes_one_entry(signed_in, output, project):
    client = signed_in("editor")
    for _press in range(2):
        client.post(url("picture_rate", output), {"rating": 3}, headers=HTMX)
    assert Entry.objects.filter(chain=project.id, event="generation.output.rated").count() == 1
    assert verify(project.id).ok


@pytest.mark.parametrize("rating", ["6", "-1", "x", ""])
def test_a_rating_that_is_none_is_refused_in_words(signed_in, output, rating):
    response = signed_in("editor").post(url("picture_rate", output), {"rating": rating}, headers=HTMX)
    assert response.status_code == 400
    assert "one to five stars" in response.content.decode()


def test_rejecting_hides_and_can_be_undone(signed_in, output):
    client = signed_in("editor")
    tile = client.post(url("picture_reject", output), {"shown_as": "tile"}, headers=HTMX).content.decode()
    assert f'id="picture-{output.id}"' in tile
    assert "rejected" in tile
    output.refresh_from_db()
    assert output.rejected_at is not None
    client.post(url("picture_reject", output), {"rejected": "0"}, headers=HTMX)
    output.refresh_from_db()
    assert output.rejected_at is None


def test_a_viewer_marks_and_replays_nothing(signed_in, output):
    client = signed_in("viewer")
    for name in ("picture_rate", "picture_reject", "picture_replay"):
        assert client.post(url(name, output), {"rating": 1}).status_code == 403
    assert "Reject</button>" not in client.get(url("picture", output)).content.decode()


def test_replay_is_asked_for_once_and_says_exact(signed_in, output, people):
    from generation.services.replays import save_replay

    client = signed_in("editor")
    for _press in range(2):
        page = client.post(url("picture_replay", output), headers=HTMX).content.decode()
    replay = Replay.objects.get()
    card = reverse("replay", kwargs={"slug": "spring", "replay_id": replay.id})
    assert f'hx-get="{card}"' in page
    replay.claim()
    save_replay(replay, drawn((0, 90, 120)))
    if not replay.is_terminal:
        replay.succeed()
    page = client.get(card, headers=HTMX).content.decode()
    assert "Every pixel is the same." in page
    assert "hx-trigger" not in page
    assert "<html" in client.get(card).content.decode()


def test_drift_says_what_differs(signed_in, output, people):
    from dataclasses import replace
    from types import SimpleNamespace

    replay = request_replay(people.editor, output)
    replay.claim()
    again = drawn((1, 2, 3))
    other = replace(again.environment, device="cuda", versions={"torch": "2.14.0"})
    save_replay(replay, SimpleNamespace(**{**vars(again), "environment": other}))
    if not replay.is_terminal:
        replay.succeed()
    page = (
        signed_in("viewer").get(reverse("replay", kwargs={"slug": "spring", "replay_id": replay.id})).content.decode()
    )
    assert "The pixels differ" in page
    assert "Version of torch was 2.13.0 then and is 2.14.0 now." in page
    assert "Device was cpu then and is cuda now." in page
    assert "Version of diffusers was 0.42.1 then and is not there now." in page


def test_a_replay_that_waits_is_canceled_at_once(signed_in, output, people):
    replay = request_replay(people.editor, output)
    address = reverse("replay_cancel", args=["spring", replay.id])
    assert address in signed_in("editor").get(reverse("replay", args=["spring", replay.id])).content.decode()
    assert address not in signed_in("viewer").get(reverse("replay", args=["spring", replay.id])).content.decode()
    card = signed_in("editor").post(address, headers={"HX-Request": "true"}).content.decode()
    replay.refresh_from_db()
    assert (replay.status, replay.get_status_display() in card) == ("canceled", True)
    assert Entry.objects.filter(chain=output.project_id, event="generation.replay.cancel_requested").count() == 1
    assert not cancel_replay(replay, actor=people.editor)


def test_replay_is_refused_in_words_when_the_licence_was_withdrawn(signed_in, output, starter):
    Rights.objects.filter(pk=starter.rights_id).update(state=Rights.State.WITHDRAWN)
    response = signed_in("editor").post(url("picture_replay", output), headers=HTMX)
    assert response.status_code == 409
    assert "withdrawn" in response.content.decode()
    assert not Replay.objects.exists()


def test_the_page_asks_the_database_little(signed_in, output, django_assert_max_num_queries):
    client = signed_in("editor")
    client.get(url("picture", output))
    with django_assert_max_num_queries(11):
        client.get(url("picture", output))
    client.get(url("picture_thumbnail", output))
    with django_assert_max_num_queries(6):
        client.get(url("picture_thumbnail", output))
