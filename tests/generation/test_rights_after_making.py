"""What a picture's rights do after it was made: what browsers keep, what is given out, and what its page says."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from assets.licensing import Action
from assets.models import Picture, Rights
from assets.services import clear_rights, decide_use, edit_rights, refuse_rights, withdraw_rights
from assets.services.pictures import add_evidence
from assets.services.waivers import approve_waiver, request_waiver, revoke_waiver
from generation.models import Output
from ledger.models import Entry
from ledger.services import verify
from projects.events import sentence
from projects.models import Project
from tests.assets.chain import drawn_with, frozen, learned

DOWNLOADED = "generation.output.downloaded"


@pytest.fixture
def version(people, project):
    return frozen(people, project, ["CC0-1.0", "CC0-1.0"])


@pytest.fixture
def lesson(version) -> Picture:
    return version.items.get(number=1).picture


@pytest.fixture
def adapter(people, project, starter, version):
    return learned(people, project, starter, version)


@pytest.fixture
def output(people, project, starter, adapter) -> Output:
    return drawn_with(people, project, starter, adapter, seed=77)[0]


def changed(people, lesson: Picture, **facts: Any) -> None:
    """Change what is declared about the picture that was learned from, and clear it again."""
    edit_rights(lesson.rights, actor=people.editor, changes=facts)
    clear_rights(lesson, reviewer=people.reviewer)


def page(name: str, output: Output) -> str:
    return reverse(name, kwargs={"slug": "spring", "output_id": output.id})


def read(client, output: Output) -> str:
    return client.get(page("picture", output)).content.decode()


def kept(client, output: Output) -> set[str]:
    """Return what browsers are told wherever the picture or its thumbnail is shown."""
    portal = [page(name, output) for name in ("picture_file", "picture_thumbnail")]
    api = [f"/api/v1/outputs/{output.id}/{name}/" for name in ("file", "thumbnail")]
    return {client.get(address).headers["Cache-Control"] for address in (*portal, *api)}


def test_a_browser_keeps_for_a_week_what_may_be_published(signed_in, output):
    assert kept(signed_in("viewer"), output) == {"private, max-age=604800, immutable"}


def test_no_browser_keeps_a_picture_after_the_end_of_a_term(signed_in, people, output, lesson, time_machine):
    end = timezone.now() + timedelta(days=2)
    changed(people, lesson, expires_at=end)
    client = signed_in("viewer")
    time_machine.move_to(end - timedelta(minutes=10))
    assert all(600 >= int(each.split("=")[1].split(",")[0]) > 580 for each in kept(client, output))
    time_machine.move_to(end + timedelta(minutes=1))
    assert kept(client, output) == {"private, no-store"}
    etag = f'"{output.file_sha256}"'
    again = client.get(page("picture_file", output), headers={"If-None-Match": etag})
    assert (again.status_code, again.headers["Cache-Control"]) == (304, "private, no-store")


def test_no_browser_keeps_a_picture_after_a_withdrawal(signed_in, people, output, lesson):
    client = signed_in("viewer")
    assert kept(client, output) != {"private, no-store"}
    withdraw_rights(lesson, actor=people.reviewer, reason="They asked.")
    assert kept(client, output) == {"private, no-store"}


def test_no_browser_keeps_a_picture_of_unknown_making(signed_in, output):
    Output.objects.filter(pk=output.pk).update(lineage=None)
    assert kept(signed_in("viewer"), output) == {"private, no-store"}


@pytest.mark.parametrize("way", ["portal", "api"])
def test_a_download_is_noted_with_the_publish_gates_answer(signed_in, people, project, output, way):
    address = page("picture_download", output) if way == "portal" else f"/api/v1/outputs/{output.id}/download/"
    response = signed_in("viewer").post(address)
    assert b"".join(response.streaming_content) == (settings.MEDIA_ROOT / output.path).read_bytes()
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert "77.png" in response.headers["Content-Disposition"]
    assert response.headers["Cache-Control"] == "private, no-store"
    entry = Entry.objects.get(chain=project.id, event=DOWNLOADED)
    assert (entry.subject, entry.data["verdict"]) == (f"output:{output.id}", "allow")
    assert entry.data["file_sha256"] == output.file_sha256
    assert len(entry.data["decision_sha256"]) == 64
    assert sentence(DOWNLOADED, entry.subject, entry.data, {}) == "Picture downloaded; publishing it: allowed"
    assert verify(project.id).ok


def test_looking_writes_nothing(signed_in, project, output):
    client, before = signed_in("viewer"), Entry.objects.count()
    for address in (page("picture_file", output) + "?download", f"/api/v1/outputs/{output.id}/file/"):
        assert client.get(address).headers["Content-Disposition"].startswith("inline")
    assert client.get(page("picture_download", output)).status_code == 405
    assert Entry.objects.count() == before


def test_what_may_not_be_published_is_for_the_house(signed_in, people, project, output, lesson):
    changed(people, lesson, expression="CC-BY-NC-4.0")
    client = signed_in("viewer")
    shown = read(client, output)
    assert "For use inside the house only:" in shown
    assert "“1.png”" in shown.split("For use inside the house only:")[1].split("</div>")[0]
    assert page("picture_download", output) in shown
    assert client.post(page("picture_download", output)).status_code == 200
    assert Entry.objects.get(chain=project.id, event=DOWNLOADED).data["verdict"] == "block"


@pytest.mark.parametrize("end", [withdraw_rights, refuse_rights])
def test_what_was_withdrawn_or_refused_is_not_given_out(signed_in, people, project, output, lesson, end):
    if end is refuse_rights:
        edit_rights(lesson.rights, actor=people.editor, changes={"note": "Read again"})
        refuse_rights(lesson, reviewer=people.reviewer, reason="No source.")
    else:
        withdraw_rights(lesson, actor=people.reviewer, reason="They asked.")
    client = signed_in("owner")
    refused = client.post(page("picture_download", output))
    assert refused.status_code == 409
    assert "“1.png”" in refused.content.decode()
    assert "House policy" in refused.content.decode()
    told = client.post(f"/api/v1/outputs/{output.id}/download/")
    assert (told.status_code, told.json()["error"]["code"]) == (409, "rights_blocked")
    assert "1.png" in told.json()["error"]["details"]["reasons"][0]
    shown = read(client, output)
    assert "The PNG is not given out any more." in shown
    assert page("picture_download", output) not in shown
    assert client.get(page("picture_file", output)).status_code == 200
    assert not Entry.objects.filter(event=DOWNLOADED).exists()


def test_no_waiver_gives_out_what_was_withdrawn(signed_in, people, project, output, lesson):
    waived(people, project, lesson.rights)
    withdraw_rights(lesson, actor=people.reviewer, reason="They asked.")
    assert signed_in("owner").post(page("picture_download", output)).status_code == 409


def test_a_lost_file_is_said_and_not_noted(signed_in, output):
    (settings.MEDIA_ROOT / output.path).unlink()
    client = signed_in("viewer")
    assert client.post(page("picture_download", output)).status_code == 404
    assert client.post(f"/api/v1/outputs/{output.id}/download/").json()["error"]["code"] == "file_missing"
    assert client.get(f"/api/v1/outputs/{output.id}/file/").status_code == 404
    assert not Entry.objects.filter(event=DOWNLOADED).exists()


def test_the_page_is_silent_while_nothing_has_changed(signed_in, output):
    assert "The rights have changed since" not in read(signed_in("viewer"), output)


def test_the_page_says_what_has_changed_since(signed_in, people, output, lesson):
    changed(people, lesson, expression="CC-BY-4.0", creator="山田", title="夜明け")
    shown = read(signed_in("viewer"), output)
    assert "The rights have changed since this picture was made." in shown
    assert "Owed now, but not then: " in shown
    assert "山田" in shown.split("Owed now, but not then: ")[1].split("</li>")[0]
    assert "The licence was " in shown
    assert "The answer was" not in shown


def test_the_page_says_that_the_answer_is_another_one(signed_in, people, output, lesson):
    withdraw_rights(lesson, actor=people.reviewer, reason="They asked.")
    assert "The answer was “Allowed” and is “Blocked” now." in read(signed_in("viewer"), output)


def test_the_page_says_that_a_profile_was_read_anew(signed_in, output):
    output.decision["profiles"]["CC0-1.0"] = "0"
    output.decision["profiles"]["CC-BY-4.0"] = "1"
    Output.objects.filter(pk=output.pk).update(decision=output.decision)
    shown = read(signed_in("viewer"), output)
    assert "version 0 then" in shown
    assert "counted then and does no more" in shown
    assert "The answer was" not in shown


def waived(people, project: Project, rights: Rights | None, *actions: Action, **more: Any) -> list[Any]:
    """Let two persons set rules aside until tomorrow, with a letter."""
    letter = add_evidence(people.editor, project, b"We agree.", name="letter.txt")
    found = []
    for action in actions or (Action.GENERATE, Action.PUBLISH, Action.TRAIN):
        waiver = request_waiver(
            people.editor,
            project,
            action=action,
            reason="Letter of 3 May",
            expires_at=timezone.now() + timedelta(days=1),
            rights=rights,
            evidence=letter,
        )
        approve_waiver(waiver, approver=people.owner)
        found.append(waiver)
    return found


SAID = (
    "Set aside by two persons", "Asked for by Editor, approved by Owner:", "Letter of 3 May", "letter.txt", "until ",
)  # fmt: skip


@pytest.fixture
def rooms(people, project, starter, adapter, version, output) -> dict[str, str]:
    """Return the addresses of everything that is below the picture that was learned from."""
    return {
        "picture": page("picture", output),
        "model": reverse("model_file", args=["spring", adapter.id]),
        "version": reverse("dataset_version", args=["spring", version.dataset.slug, version.number]),
    }


def test_a_waiver_is_shown_on_everything_below(signed_in, people, project, lesson, rooms):
    changed(people, lesson, expression="CC-BY-NC-4.0")
    waived(people, project, lesson.rights)
    client = signed_in("viewer")
    for address in rooms.values():
        shown = client.get(address).content.decode()
        assert [each for each in SAID if each not in shown] == [], address
        assert "“1.png”" in shown.split("Set aside by two persons")[1].split("</li>")[0]
        assert "/evidence/" in shown.split("Set aside by two persons")[1].split("</li>")[0]


def test_a_waiver_is_shown_in_the_studio_before_anything_is_drawn(signed_in, people, project, starter, adapter, output):
    lesson = adapter.sources.exclude(dataset_version=None).get().dataset_version.items.get(number=1).picture
    changed(people, lesson, expression="CC-BY-NC-4.0")
    waived(people, project, lesson.rights)
    studio = reverse("studio", args=["spring"])
    shown = signed_in("editor").get(studio, {"from": str(output.id), "keep": "all"}).content.decode()
    assert [each for each in SAID if each not in shown] == []


def test_the_api_names_the_waiver_beside_the_decision(signed_in, people, project, output, lesson):
    address = f"/api/v1/outputs/{output.id}/credits/"
    assert signed_in("viewer").get(address).json()["publish"]["overrides"] == []
    changed(people, lesson, expression="CC-BY-NC-4.0")
    [waiver] = waived(people, project, lesson.rights, Action.PUBLISH)
    [told] = signed_in("viewer").get(address).json()["publish"]["overrides"]
    assert told["waiver"] == str(waiver.id)
    assert (told["action"], told["reason"], told["is_over"]) == ("publish", "Letter of 3 May", False)
    assert (told["requested_by"], told["approved_by"]) == (str(people.editor.id), str(people.owner.id))
    assert told["evidence"] == str(waiver.evidence_id)
    assert "1.png" in told["reasons"][0]


def test_the_policys_exception_is_shown_below(signed_in, people, project, output, lesson):
    Project.objects.filter(pk=project.pk).update(policy="exception")
    changed(people, lesson, expression="CC-BY-NC-4.0")
    waived(people, project, None)
    shown = read(signed_in("viewer"), output)
    assert "Exception to the project’s policy" in shown
    assert [each for each in SAID if each not in shown] == []


def test_what_a_picture_was_made_under_is_shown_after_the_waivers_end(
    signed_in, people, project, starter, adapter, lesson
):
    changed(people, lesson, expression="CC-BY-NC-4.0")
    waivers = waived(people, project, lesson.rights)
    [output] = drawn_with(people, project, starter, adapter, seed=5)
    for each in waivers:
        revoke_waiver(each, actor=people.owner)
    shown = read(signed_in("viewer"), output)
    assert "Set aside by two persons" in shown
    assert '<span class="badge stop">over</span>' in shown


def test_nothing_set_aside_asks_the_database_nothing(signed_in, people, project, lesson, rooms):
    client = signed_in("viewer")
    for address in rooms.values():
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        named = [each["sql"] for each in queries if "assets_waiver" in each["sql"] and "projects_user" in each["sql"]]
        assert named == []


def test_many_answers_read_their_waivers_at_once(signed_in, people, project, lesson, rooms):
    changed(people, lesson, expression="CC-BY-NC-4.0")
    waived(people, project, lesson.rights, *Action)
    with CaptureQueriesContext(connection) as queries:
        signed_in("viewer").get(rooms["model"])
    named = [each["sql"] for each in queries if "assets_waiver" in each["sql"] and "projects_user" in each["sql"]]
    assert len(named) == 1


def test_a_decision_about_todays_facts_is_the_one_that_is_noted(signed_in, project, output):
    signed_in("viewer").post(page("picture_download", output))
    entry = Entry.objects.get(event=DOWNLOADED)
    now = decide_use(project, Action.PUBLISH, output.generation.files())
    assert entry.data["verdict"] == now.verdict.value
    assert entry.data["purpose"] == "commercial"
