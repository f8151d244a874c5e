"""The rights in a model are completed and corrected after it came in, by who may, and looked at again."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assets.models import Evidence, ModelFile, OwnLicense, Rights
from assets.services import clear_rights, edit_rights, refuse_rights
from assets.services.licenses import approve_license, write_license
from projects.models import Project, Role
from projects.problems import Problem
from projects.services import set_role

from .own_licenses import contract
from .test_views import add_model, model_page

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
FROM = "https://example.com/inkline"


@pytest.fixture
def ours(people, project) -> ModelFile:
    """Return a model of the project that the editor has declared under a choice of two licences."""
    return declared(people, project, "CC-BY-NC-4.0 OR CC-BY-4.0")


@pytest.fixture
def shared(people, project) -> ModelFile:
    """Return a model that the whole house shares; the reviewer of the cast is of its staff."""
    return declared(people, None, "CC-BY-4.0")


def declared(people, project, expression, **rights):
    said = {"submitted_by": people.editor, "source_url": FROM, **rights}
    return add_model("Inkline", expression, state=Rights.State.PENDING, project=project, rights=said)


def url(name, model, slug="spring"):
    return reverse(name, args=[slug, model.id])


def text(response):
    return response.content.decode()


def form_of(client, model, **changes):
    """Return the edit form as a browser would send it, with some answers changed."""
    page = client.get(url("model_edit", model))
    form, people = page.context["form"], page.context["people"]
    values = {name: form[name].value() for name in form.fields}
    values |= {f"people-{name}": value for name, value in people.management_form.initial.items()}
    for row in people:
        values |= {row[name].html_name: row[name].value() for name in row.fields}
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def save(client, model, **changes):
    return client.post(url("model_edit", model), form_of(client, model, **changes))


def marks(response):
    return {str(answer.question): answer.mark for answer in response.context["answers"]}


def rights_of(model) -> Rights:
    return Rights.objects.get(model_file=model)


def attach(client, model, data=b"%PDF-1.7 agreed", slug="spring"):
    sent = {"evidence": SimpleUploadedFile("letter.pdf", data)}
    return client.post(url("model_evidence", model, slug), sent)


# Editing


def test_a_choice_of_licences_is_made_then_cleared_and_then_allowed(signed_in, people, ours):
    client = signed_in("editor")
    assert marks(model_page(client, ours))["Generate pictures"] == "stop"
    branches = client.get(url("model_edit", ours)).context["form"].fields["branch"].choices
    assert [value for value, _words in branches] == ["", "CC-BY-NC-4.0", "CC-BY-4.0"]
    assert save(client, ours, branch="CC-BY-4.0").url == url("model_file", ours)
    assert marks(model_page(client, ours))["Generate pictures"] != "ok"
    clear_rights(ModelFile.objects.get(pk=ours.pk), reviewer=people.reviewer)
    answers = marks(model_page(client, ours))
    assert (answers["Generate pictures"], answers["Publish them commercially in Japan"]) == ("ok", "ok")


def test_whoever_completes_rights_does_not_clear_them(signed_in, people, ours):
    save(signed_in("owner"), ours, branch="CC-BY-4.0")
    for person in (people.owner, people.editor):
        with pytest.raises(Problem) as refused:
            clear_rights(ModelFile.objects.get(pk=ours.pk), reviewer=person)
        assert refused.value.code in ("four_eyes", "not_reviewer")
    assert rights_of(ours).state == "pending"


def test_every_fact_can_be_said_of_a_model_too(signed_in, ours):
    answer = save(
        signed_in("editor"), ours, branch="CC-BY-4.0", creator="山田", territories="日本、US", media=["web", "print"],
        time_zone="Asia/Tokyo", valid_from="2026-04-01", expires_at="2026-12-31", copies="500", basis="contract",
        **{"people-0-name": "花子", "people-0-release": "unlimited"},
    )  # fmt: skip
    assert answer.status_code == 302
    rights = rights_of(ours)
    assert (rights.license, rights.creator, rights.basis) == ("CC-BY-4.0", "山田", "contract")
    assert (rights.territories, rights.media) == (["JP", "US"], ["print", "web"])
    assert rights.expires_at.isoformat() == "2026-12-31T15:00:00+00:00"
    assert (rights.caps, rights.releases) == ({"copies": 500}, {"花子": "unlimited"})
    html = text(model_page(signed_in("viewer"), ours))
    for word in ("山田", "花子: released", "Asia/Tokyo", "Contract"):
        assert word in html


def test_an_edit_of_cleared_rights_closes_the_gate_at_once(signed_in, people, project):
    model = declared(people, project, "CC-BY-4.0")
    clear_rights(model, reviewer=people.reviewer)
    assert marks(model_page(signed_in("editor"), model))["Generate pictures"] == "ok"
    save(signed_in("editor"), model, creator="Bea")
    page = model_page(signed_in("editor"), model)
    assert marks(page)["Generate pictures"] != "ok"
    assert "Cleared by" not in text(page)


def test_an_untouched_form_changes_nothing(signed_in, people, project):
    model = declared(people, project, "CC-BY-4.0", territories=["JP"], caps={"seats": 2}, releases={"A": "none"})
    clear_rights(model, reviewer=people.reviewer)
    before = rights_of(model).revision
    assert save(signed_in("editor"), model).status_code == 302
    assert (rights_of(model).state, rights_of(model).revision) == ("cleared", before)


def test_a_licences_questions_are_asked_on(signed_in, ours):
    client = signed_in("editor")
    answer = save(client, ours, expression="LicenseRef-Daicho-Civitai")
    assert answer.url == url("model_edit", ours)
    assert "The licence asks more about this model" in text(client.get(answer.url))
    save(client, ours, answer_allow_derivatives="true", answer_allow_commercial_use=["Image"])
    assert rights_of(ours).parameters == {"allow_derivatives": True, "allow_commercial_use": ["Image"]}


def test_choosing_a_licence_asks_without_saving(signed_in, ours):
    client = signed_in("editor")
    values = form_of(client, ours, expression="cc by", ask="1")
    part = text(client.post(url("model_edit", ours), values, headers=HTMX))
    assert "Which licence is this?" in part
    assert f'hx-post="{url("model_edit", ours)}"' in part
    assert "<html" not in part
    assert rights_of(ours).revision == 1


def test_what_does_not_fit_is_said_and_nothing_is_written(signed_in, ours):
    page = save(signed_in("editor"), ours, territories="Atlantis")
    assert page.status_code == 422
    assert "“Atlantis” is no country" in text(page)
    assert rights_of(ours).revision == 1


def test_what_somebody_changed_meanwhile_is_not_overwritten(signed_in, people, ours):
    client = signed_in("editor")
    values = form_of(client, ours, creator="Mine")
    edit_rights(ours.rights, actor=people.owner, changes={"creator": "Theirs"})
    page = client.post(url("model_edit", ours), values)
    assert "Somebody changed these rights meanwhile" in text(page)
    assert rights_of(ours).creator == "Theirs"


def test_rights_that_are_over_stay_as_they_are_and_say_why(signed_in, people, ours):
    client = signed_in("editor")
    values = form_of(client, ours, creator="Mine")
    refuse_rights(ours, reviewer=people.reviewer, reason="The page names another licence.")
    values["revision"] = rights_of(ours).revision
    page = client.post(url("model_edit", ours), values)
    assert page.status_code == 422
    assert "They stay as they are." in text(page)
    assert attach(client, ours).status_code == 422
    html = text(model_page(client, ours))
    assert "The page names another licence." in html
    assert url("model_edit", ours) not in html
    assert (rights_of(ours).state, rights_of(ours).evidence) == ("refused", None)


def test_a_model_in_quarantine_says_what_is_missing_until_it_is_there(signed_in, people, project):
    model, client = declared(people, project, "CC-BY-4.0", source_url=""), signed_in("editor")
    assert "neither source nor other evidence is recorded" in text(model_page(client, model))
    save(client, model, source_url=FROM)
    assert "Quarantine" not in text(model_page(client, model))


def test_why_a_model_was_cleared_despite_the_quarantine_stays_to_be_read(signed_in, people, project):
    model = declared(people, project, "CC-BY-4.0", source_url="")
    clear_rights(model, reviewer=people.reviewer, reason="Ana handed it to us in person.")
    html = text(model_page(signed_in("viewer"), model))
    assert "Cleared in spite of the quarantine" in html
    assert "Ana handed it to us in person." in html


# Who may


def test_a_viewer_sees_the_rights_and_changes_nothing(signed_in, ours):
    client = signed_in("viewer")
    html = text(model_page(client, ours))
    assert "CC-BY-NC-4.0 OR CC-BY-4.0" in html
    assert url("model_edit", ours) not in html
    assert url("model_evidence", ours) not in html
    answers = (client.get(url("model_edit", ours)), client.post(url("model_edit", ours), {}), attach(client, ours))
    assert {answer.status_code for answer in answers} == {403}


def test_a_stranger_finds_nothing(signed_in, ours):
    client = signed_in("stranger")
    for slug in ("spring", "elsewhere"):
        assert client.get(url("model_edit", ours, slug)).status_code == 404
        assert client.post(url("model_edit", ours, slug), {}).status_code == 404
        assert attach(client, ours, slug=slug).status_code == 404


@pytest.mark.parametrize("name", ["viewer", "editor", "owner"])
def test_what_the_house_shares_is_not_a_projects_to_change(signed_in, shared, name):
    client = signed_in(name)
    assert url("model_edit", shared) not in text(model_page(client, shared))
    assert client.get(url("model_edit", shared)).status_code == 403
    assert attach(client, shared).status_code == 403


def test_the_houses_staff_changes_what_everybody_shares(signed_in, shared):
    client = signed_in("reviewer")
    assert url("model_edit", shared) in text(model_page(client, shared))
    assert save(client, shared, creator="Bea").status_code == 302
    assert (rights_of(shared).creator, rights_of(shared).state) == ("Bea", "pending")


def test_staff_that_only_looks_at_a_project_keeps_no_documents_in_it(signed_in, people, project, shared):
    set_role(project, actor=people.owner, user=people.reviewer, role=Role.VIEWER)
    client = signed_in("reviewer")
    assert client.get(url("model_edit", shared)).status_code == 200
    assert attach(client, shared).status_code == 403
    assert not Evidence.objects.exists()


def test_a_teams_own_licence_is_offered_for_its_models_alone(signed_in, people, project, ours, shared):
    own = write_license(people.owner, project, contract())
    approve_license(own, approver=people.reviewer)
    assert own.license_id in OwnLicense.objects.profiles_in(project)
    client = signed_in("reviewer")
    offered = {model: dict(client.get(url("model_edit", model)).context["form"].licenses) for model in (ours, shared)}
    assert own.license_id in offered[ours]
    assert own.license_id not in offered[shared]


# Evidence and history


def test_evidence_is_kept_and_waits_for_review(signed_in, people, project):
    model = declared(people, project, "CC-BY-4.0")
    clear_rights(model, reviewer=people.reviewer)
    assert attach(signed_in("editor"), model).url == url("model_file", model)
    kept = Evidence.objects.get()
    assert (rights_of(model).evidence, rights_of(model).state) == (kept, "pending")
    page = model_page(signed_in("viewer"), model)
    assert reverse("evidence_file", args=["spring", kept.id]) in text(page)
    attach(signed_in("editor"), model, b"%PDF-1.7 newer")
    found = model_page(signed_in("viewer"), model).context["record"].evidence
    assert [each.id for each in found] == [rights_of(model).evidence_id, kept.id]


def test_what_is_no_document_is_refused(signed_in, ours):
    page = attach(signed_in("editor"), ours, b"MZ\x90\x00")
    assert page.status_code == 422
    assert "Evidence is a PDF" in text(page)
    assert not Evidence.objects.exists()


def test_a_document_for_the_house_is_read_where_it_is_kept(signed_in, shared):
    attach(signed_in("reviewer"), shared)
    kept = Evidence.objects.get()
    assert (kept.project.slug, rights_of(shared).evidence) == ("spring", kept)
    assert "letter.pdf" in text(model_page(signed_in("viewer"), shared))
    theirs = text(signed_in("stranger").get(url("model_file", shared, "elsewhere")))
    assert "letter.pdf" not in theirs
    assert "a document that another project keeps" in theirs


def test_history_tells_who_changed_what(signed_in, people, ours):
    edit_rights(ours.rights, actor=people.owner, changes={"branch": "CC-BY-4.0", "territories": ["JP"]})
    lines = model_page(signed_in("viewer"), ours).context["record"].history
    assert [(str(line.what), line.who) for line in lines] == [
        ("Facts changed", people.owner), ("Declared", people.editor),
    ]  # fmt: skip
    assert [(str(each.label), each.before, each.after) for each in lines[0].changes] == [
        ("Chosen branch", "", "CC-BY-4.0"), ("Territory", "", "JP"),
    ]  # fmt: skip


def test_a_models_page_asks_the_same_however_much_happened_to_it(signed_in, people, ours):
    client, counts = signed_in("viewer"), []
    for edits in (("1",), ("2", "3", "4", "5")):
        for note in edits:
            edit_rights(ours.rights, actor=people.owner, changes={"note": note})
        with CaptureQueriesContext(connection) as queries:
            model_page(client, ours)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 19


def test_another_projects_model_has_no_page_here(signed_in, people, project):
    theirs = declared(people, Project.objects.get(slug="elsewhere"), "CC-BY-4.0")
    assert signed_in("owner").get(url("model_edit", theirs)).status_code == 404
