"""Pictures to learn from: all of them, one with its rights, its file, its evidence, its words and its history."""

import io
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image, PngImagePlugin

from assets.license_questions import ANSWERS, QUESTIONS
from assets.licensing import house_profiles
from assets.licensing.choices import offered_branches
from assets.models import Evidence, Picture, PictureTag, Rights
from assets.services import Declaration, edit_rights, refuse_rights, withdraw_rights
from assets.services.curation import propose_tags
from assets.services.datasets import add_items, create_dataset, freeze_version
from assets.services.pictures import add_picture, read_picture
from projects.models import Project

from .material import cleared, drawn, encoded, picture, upload

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:cc="http://creativecommons.org/ns#"
 plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED">
<cc:license rdf:resource="https://creativecommons.org/licenses/by-nc/4.0/"/></rdf:Description></rdf:RDF></x:xmpmeta>"""


def url(name, picture, **query):
    return reverse(name, args=["spring", picture.id], query=query or None)


def text(response):
    return response.content.decode()


def marks(response):
    return {str(answer.question): answer.mark for answer in response.context["sheet"].answers}


@pytest.fixture
def kept(people, project):
    return cleared(people, project)


def claiming(user, project):
    """Add a picture whose file forbids data mining and names another licence than the declared one."""
    said = PngImagePlugin.PngInfo()
    said.add_itxt("XML:com.adobe.xmp", XMP)
    said.add_text("Author", "Somebody else")
    file = io.BytesIO()
    drawn(9).save(file, "PNG", pnginfo=said)
    declaration = Declaration(expression="CC-BY-4.0", creator="Ana")
    return add_picture(user, project, read_picture(file.getvalue()), name="c.png", declaration=declaration)[0]


# The page


def test_a_picture_says_what_may_be_done_with_it(signed_in, kept):
    page = signed_in("viewer").get(url("material", kept))
    assert marks(page)["Train on it"] == "ok"
    assert marks(page)["Publish it unchanged, commercially in Japan"] == "ok"
    assert "Keep it in the library" in text(page)


def test_what_is_not_cleared_is_not_open_and_says_why(signed_in, people, project):
    page = signed_in("viewer").get(url("material", picture(people.editor, project)))
    assert "ok" not in {mark for question, mark in marks(page).items() if question == "Train on it"}
    assert all(answer.reasons for answer in page.context["sheet"].answers if answer.mark != "ok")


def test_a_licence_without_derivatives_names_its_clause(signed_in, people, project):
    page = signed_in("viewer").get(url("material", cleared(people, project, 2, "CC-BY-ND-4.0")))
    assert marks(page)["Publish what is made from it, commercially in Japan"] == "stop"
    assert "§2(a)(1)(B)" in text(page)


def test_the_files_claims_stand_beside_what_was_declared(signed_in, people, project):
    page = signed_in("viewer").get(url("material", claiming(people.editor, project)))
    rows = {str(row.label): row for row in page.context["sheet"].claims}
    assert rows["Data mining"].mark == "stop"
    assert rows["Licence"].mark == "stop"
    assert rows["Creator"].mark == "warn"
    assert rows["Creator"].declared == "Ana"
    assert [blocks for _text, blocks in page.context["sheet"].warnings] == [True, True]


def test_a_picture_says_where_it_is_used(signed_in, people, project, kept):
    dataset = create_dataset(people.editor, project, name="Umbrellas")
    add_items(people.editor, dataset, [kept])
    version = freeze_version(people.editor, dataset)
    html = text(signed_in("viewer").get(url("material", kept)))
    assert dataset.get_absolute_url() in html
    assert version.get_absolute_url() in html


def test_history_tells_who_changed_what(signed_in, people, kept):
    edit_rights(kept.rights, actor=people.owner, changes={"creator": "Bea", "territories": ["JP"]})
    lines = signed_in("viewer").get(url("material", kept)).context["sheet"].history
    assert [str(line.what) for line in lines] == ["Facts changed", "Cleared", "Declared"]
    assert [(str(each.label), each.before, each.after) for each in lines[0].changes] == [
        ("Creator", "Ana", "Bea"), ("Territory", "", "JP"),
    ]  # fmt: skip


def test_what_people_wrote_is_never_markup(signed_in, people, project):
    found = picture(people.editor, project, 4, creator_reading="<i>x</i>", note="<script>alert(1)</script>")
    PictureTag.objects.create(picture=found, text="<b>tag</b>")
    Picture.objects.filter(pk=found.pk).update(name="<u>name</u>")
    html = text(signed_in("editor").get(url("material", found)))
    assert not re.search(r"<i>x|<script>alert|<b>tag|<u>name", html)


def test_another_projects_picture_is_not_there(signed_in, people, project):
    theirs = picture(people.stranger, Project.objects.get(slug="elsewhere"))
    for name in ("material", "material_file", "material_thumbnail", "material_edit"):
        assert signed_in("owner").get(url(name, theirs)).status_code == 404


def test_a_page_asks_few_questions(signed_in, people, project, kept, django_assert_max_num_queries):
    for number in range(6):
        add_items(people.editor, create_dataset(people.editor, project, name=f"Set {number}"), [kept])
        edit_rights(kept.rights, actor=people.owner, changes={"note": str(number)})
    client = signed_in("viewer")
    with django_assert_max_num_queries(14):
        client.get(url("material", kept))


# Its file


def test_a_file_is_kept_by_browsers_for_a_while(signed_in, kept):
    client = signed_in("viewer")
    answer = client.get(url("material_file", kept))
    assert answer.headers["Cache-Control"] == "private, max-age=600, must-revalidate"
    assert (answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert Image.open(io.BytesIO(b"".join(answer.streaming_content))).size == (96, 80)
    again = client.get(url("material_file", kept), headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(("seconds", "words"), [(60, r"private, max-age=(5\d|60), "), (-1, "private, no-store")])
def test_nothing_is_kept_beyond_the_term(signed_in, people, project, seconds, words):
    ends = timezone.now() + timedelta(seconds=seconds)
    found = cleared(people, project, 3, expires_at=ends)
    for name in ("material_file", "material_thumbnail"):
        assert re.match(words, signed_in("viewer").get(url(name, found)).headers["Cache-Control"])


def test_a_withdrawn_picture_is_gone_but_for_reviewers(signed_in, people, kept):
    etag = signed_in("viewer").get(url("material_file", kept)).headers["ETag"]
    withdraw_rights(kept, actor=people.reviewer, reason="The creator asked.")
    for name in ("viewer", "editor"):
        answer = signed_in(name).get(url("material_file", kept), headers={"If-None-Match": etag})
        assert (answer.status_code, answer.headers["Cache-Control"]) == (410, "private, no-store")
        assert "The creator asked." in text(answer)
    for name in ("reviewer", "owner"):
        answer = signed_in(name).get(url("material_file", kept))
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")
    assert "<img" not in text(signed_in("viewer").get(url("material", kept))).partition("<main")[2]


def test_a_refused_picture_is_not_kept_by_browsers(signed_in, people, project):
    found = picture(people.editor, project)
    refuse_rights(found, reviewer=people.reviewer, reason="No source.")
    answer = signed_in("viewer").get(url("material_thumbnail", found))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")


def test_a_download_has_a_name_that_every_system_accepts(signed_in, people, kept):
    Picture.objects.filter(pk=kept.pk).update(name='../a"\r\nX: y.html')
    answer = signed_in("viewer").get(url("material_file", kept, download=1))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert ".html" not in answer.headers["Content-Disposition"]
    assert "/" not in answer.headers["Content-Disposition"]


# Editing


def form_of(client, found, **changes):
    """Return the edit form as a browser would send it, with some answers changed."""
    page = client.get(url("material_edit", found))
    form, people = page.context["form"], page.context["people"]
    values = {name: form[name].value() for name in form.fields}
    values |= {f"people-{name}": value for name, value in people.management_form.initial.items()}
    for row in people:
        values |= {row[name].html_name: row[name].value() for name in row.fields}
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def save(client, found, **changes):
    return client.post(url("material_edit", found), form_of(client, found, **changes))


def test_an_untouched_form_changes_nothing(signed_in, people, project):
    found = cleared(
        people, project, 3, "CC-BY-4.0", expires_at=timezone.now() + timedelta(days=9), valid_from=timezone.now(),
        time_zone="Asia/Tokyo", territories=["EU", "JP"], media=["web"], purposes=["editorial"], caps={"copies": 5},
        releases={"花子": "limited"}, parameters={"x": 1},
    )  # fmt: skip
    assert save(signed_in("editor"), found).status_code == 302
    found.rights.refresh_from_db()
    assert (found.rights.state, found.rights.revision) == ("cleared", 2)


def test_facts_are_changed_in_the_licensors_calendar(signed_in, kept):
    client = signed_in("editor")
    answer = save(
        client, kept, expression="CC-BY-4.0", creator="山田", territories="日本、US", media=["web", "print"],
        time_zone="Asia/Tokyo", valid_from="2026-04-01", expires_at="2026-12-31", copies="500",
        **{"people-0-name": "花子", "people-0-release": "unlimited"},
    )  # fmt: skip
    assert answer.url == url("material", kept)
    rights = Rights.objects.get(picture=kept)
    assert (rights.expression, rights.creator, rights.state) == ("CC-BY-4.0", "山田", "pending")
    assert (rights.territories, rights.media, rights.purposes) == (["JP", "US"], ["print", "web"], None)
    assert rights.valid_from.isoformat() == "2026-03-31T15:00:00+00:00"
    assert rights.expires_at.isoformat() == "2026-12-31T15:00:00+00:00"
    assert (rights.caps, rights.releases) == ({"copies": 500}, {"花子": "unlimited"})
    assert form_of(client, kept)["expires_at"].isoformat() == "2026-12-31"


def test_a_written_licence_asks_back_once(signed_in, kept):
    client = signed_in("editor")
    page = save(client, kept, expression="ＣＣ　ＢＹ 4.0")
    assert page.status_code == 422
    assert "Choose what the licence means" in text(page)
    assert page.context["form"]["meaning"].value() in (None, "")
    assert save(client, kept, expression="ＣＣ　ＢＹ 4.0", meaning="CC-BY-4.0").status_code == 302
    assert Rights.objects.get(picture=kept).expression == "CC-BY-4.0"


def test_words_may_stay_unknown_and_are_kept(signed_in, kept):
    assert save(signed_in("editor"), kept, expression="royalty free", meaning="unknown").status_code == 302
    assert Rights.objects.get(picture=kept).expression == "royalty free"
    assert marks(signed_in("editor").get(url("material", kept)))["Train on it"] == "stop"
    assert save(signed_in("editor"), kept).status_code == 302


def test_a_meaning_that_was_not_offered_is_refused(signed_in, kept):
    assert save(signed_in("editor"), kept, expression="royalty free", meaning="GPL-9").status_code == 422


def test_a_choice_of_licences_asks_for_the_branch(signed_in, kept):
    client = signed_in("editor")
    assert save(client, kept, expression="CC-BY-4.0 OR CC0-1.0").status_code == 302
    branch = client.get(url("material_edit", kept)).context["form"].fields["branch"]
    assert [value for value, _label in branch.choices] == ["", "CC-BY-4.0", "CC0-1.0"]
    save(client, kept, branch="CC0-1.0")
    assert Rights.objects.get(picture=kept).license == "CC0-1.0"


def test_article_30_4_asks_its_questions(signed_in, people, kept):
    client = signed_in("editor")
    first = save(client, kept, expression="", basis="jp_30_4")
    assert first.url == url("material_edit", kept)
    questions = [field.name for field in client.get(first.url).context["form"].question_fields]
    assert questions == [
        "answer_training_purpose",
        "answer_targets_creator_or_work",
        "answer_sold_as_analysis_database",
    ]
    answers = dict(zip(questions, ("analysis", "false", "false"), strict=True))
    assert save(client, kept, **answers).url == url("material", kept)
    assert Rights.objects.get(picture=kept).parameters == {
        "training_purpose": "analysis", "targets_creator_or_work": False, "sold_as_analysis_database": False,
    }  # fmt: skip


def test_article_30_4_stands_without_a_licence(signed_in, kept):
    page = save(signed_in("editor"), kept, basis="jp_30_4")
    assert page.status_code == 422
    assert "Leave the licence empty" in text(page)


def test_choosing_a_licence_asks_without_saving_or_scolding(signed_in, kept):
    client = signed_in("editor")
    values = form_of(client, kept, expression="cc by", ask="1")
    part = client.post(url("material_edit", kept), values, headers=HTMX)
    assert "Which licence is this?" in text(part)
    assert 'class="error"' not in text(part)
    assert "<html" not in text(part)
    kept.rights.refresh_from_db()
    assert kept.rights.expression == "CC0-1.0"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"territories": "Atlantis"}, "“Atlantis” is no country"),
        ({"valid_from": "2026-02-02", "expires_at": "2026-02-01"}, "lies before the first one"),
        ({"time_zone": "Mars/Base"}, "Mars/Base"),
        ({"creator_uri": "javascript:alert(1)"}, "Enter a valid URL"),
        (
            {"people-0-name": "A", "people-1-name": "A", "people-1-release": "none", "people-TOTAL_FORMS": 2},
            "named twice",
        ),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(signed_in, kept, changes, words):
    page = save(signed_in("editor"), kept, **changes)
    assert page.status_code == 422
    assert words in text(page)
    kept.rights.refresh_from_db()
    assert kept.rights.state == "cleared"


def test_what_somebody_changed_meanwhile_is_not_overwritten(signed_in, people, kept):
    client = signed_in("editor")
    values = form_of(client, kept, creator="Mine")
    edit_rights(kept.rights, actor=people.owner, changes={"creator": "Theirs"})
    page = client.post(url("material_edit", kept), values)
    assert "Somebody changed these rights meanwhile" in text(page)
    assert Rights.objects.get(picture=kept).creator == "Theirs"


def test_rights_that_are_over_stay_as_they_are(signed_in, people, kept):
    values = form_of(signed_in("editor"), kept, creator="Mine")
    withdraw_rights(kept, actor=people.reviewer, reason="The creator asked.")
    values["revision"] = Rights.objects.get(picture=kept).revision
    page = signed_in("editor").post(url("material_edit", kept), values)
    assert page.status_code == 422
    assert "They stay as they are." in text(page)


def test_every_question_of_a_licence_has_words():
    asked = {name: answers for each in house_profiles().values() for name, answers in each.parameters.items()}
    assert set(asked) <= set(QUESTIONS)
    words = {
        word for answers in asked.values() for word in (answers["several"] if isinstance(answers, dict) else answers)
    }
    assert {word for word in words if not isinstance(word, bool)} <= set(ANSWERS)


@pytest.mark.parametrize(
    ("expression", "branches"),
    [
        ("CC0-1.0", ()),
        ("CC-BY-4.0 OR CC0-1.0", ("CC-BY-4.0", "CC0-1.0")),
        ("Apache-2.0 AND (CC-BY-4.0 OR CC0-1.0)", ("Apache-2.0 AND CC-BY-4.0", "Apache-2.0 AND CC0-1.0")),
        ("not ( readable", ()),
    ],
)
def test_a_choice_is_offered_branch_by_branch(expression, branches):
    assert offered_branches(expression) == branches


# Evidence


def test_evidence_is_kept_and_only_ever_downloaded(signed_in, kept):
    client = signed_in("editor")
    data = "<script>alert(1)</script> 許諾書".encode()
    assert client.post(url("material_evidence", kept), {"evidence": upload("letter.html", data)}).status_code == 302
    evidence = Evidence.objects.get()
    answer = client.get(reverse("evidence_file", args=["spring", evidence.id]))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="letter.txt"'
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "letter.html" in text(client.get(url("material", kept)))


def test_a_picture_as_evidence_is_bytes_to_a_browser(signed_in, kept):
    client = signed_in("editor")
    client.post(url("material_evidence", kept), {"evidence": upload("proof.png", encoded(5))})
    answer = client.get(reverse("evidence_file", args=["spring", Evidence.objects.get().id]))
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_earlier_evidence_stays_in_the_list(signed_in, kept):
    client = signed_in("editor")
    for name in ("one", "two"):
        client.post(url("material_evidence", kept), {"evidence": upload(f"{name}.txt", name.encode())})
    listed = client.get(url("material", kept)).context["sheet"].evidence
    assert [each.name for each in listed] == ["two.txt", "one.txt"]


@pytest.mark.parametrize("data", [b"", b"MZ\x00\x01", b"x" * (16 * 1024 * 1024 + 1)], ids=["empty", "program", "large"])
def test_what_is_no_evidence_is_refused_on_the_page(signed_in, kept, data):
    page = signed_in("editor").post(url("material_evidence", kept), {"evidence": upload("x.exe", data)})
    assert page.status_code == 422
    assert page.context["evidence_form"].errors
    assert not Evidence.objects.exists()


def test_another_projects_evidence_is_not_there(signed_in, people, project):
    from assets.services.pictures import add_evidence

    theirs = add_evidence(people.stranger, Project.objects.get(slug="elsewhere"), b"mine", name="a.txt")
    assert signed_in("owner").get(reverse("evidence_file", args=["spring", theirs.id])).status_code == 404


# Words


def states(found):
    return dict(found.tags.values_list("text", "state"))


def test_words_are_added_taken_away_and_decided_about(signed_in, kept):
    propose_tags(kept, [("boat", 0.8), ("car", 0.3)], source="tagger 1")
    client = signed_in("editor")
    post = lambda **values: client.post(url("material_tags", kept), values)  # noqa: E731
    assert post(do="add", text="umbrella、rain").url == url("material", kept)
    post(do="accept", tag=PictureTag.objects.get(text="boat").id)
    post(do="reject", tag=PictureTag.objects.get(text="car").id)
    post(do="remove", tag=PictureTag.objects.get(text="rain").id)
    assert states(kept) == {"umbrella": "accepted", "boat": "accepted", "car": "rejected"}


def test_htmx_gets_the_words_alone(signed_in, kept):
    part = signed_in("editor").post(url("material_tags", kept), {"do": "add", "text": "rain"}, headers=HTMX)
    assert "rain" in text(part)
    assert "<html" not in text(part)


@pytest.mark.parametrize(("values", "status"), [({"do": "remove", "tag": 99}, 409), ({"do": "burn"}, 400), ({}, 400)])
def test_what_cannot_be_done_with_words_is_said(signed_in, kept, values, status):
    assert signed_in("editor").post(url("material_tags", kept), values).status_code == status


def test_another_pictures_word_is_not_there(signed_in, people, project, kept):
    other = PictureTag.objects.create(picture=picture(people.editor, project, 8), text="rain")
    assert signed_in("editor").post(url("material_tags", kept), {"do": "remove", "tag": other.id}).status_code == 409
    assert PictureTag.objects.filter(pk=other.pk).exists()


# All pictures


def listed(client, query=""):
    return [tile.picture.name for tile in client.get(reverse("materials", args=["spring"]) + query).context["tiles"]]


def test_pictures_are_listed_newest_first_and_narrowed(signed_in, people, project):
    cleared(people, project, 1)
    picture(people.editor, project, 2, "CC-BY-4.0")
    picture(people.stranger, Project.objects.get(slug="elsewhere"), 3)
    client = signed_in("viewer")
    assert listed(client) == ["2.png", "1.png"]
    assert listed(client, "?state=cleared") == ["1.png"]
    assert listed(client, "?q=%25") == []


def test_a_withdrawn_picture_has_no_thumbnail_for_most(signed_in, people, kept):
    withdraw_rights(kept, actor=people.reviewer, reason="The creator asked.")
    address = url("material_thumbnail", kept)
    page = reverse("materials", args=["spring"])
    assert address not in text(signed_in("editor").get(page))
    assert address in text(signed_in("reviewer").get(page))


def test_pages_follow_each_other(signed_in, people, project, monkeypatch):
    monkeypatch.setattr("assets.material_pages.PAGE_SIZE", 2)
    for seed in range(1, 6):
        picture(people.editor, project, seed)
    client, seen, cursor = signed_in("viewer"), [], ""
    while cursor is not None:
        page = client.get(reverse("materials", args=["spring"]), {"cursor": cursor} if cursor else {})
        seen += [tile.picture.name for tile in page.context["tiles"]]
        cursor = page.context["page"].next_cursor or None
    assert seen == ["5.png", "4.png", "3.png", "2.png", "1.png"]
    assert listed(client, "?cursor=nonsense") == ["5.png", "4.png"]


def test_an_empty_room_says_what_to_do(signed_in, project):
    html = text(signed_in("editor").get(reverse("materials", args=["spring"])))
    assert "No pictures to learn from yet" in html
    assert reverse("import_new", args=["spring"]) in html


def test_the_list_asks_few_questions_whatever_its_length(signed_in, people, project, django_assert_max_num_queries):
    for seed in range(1, 12):
        picture(people.editor, project, seed)
    client = signed_in("viewer")
    with django_assert_max_num_queries(9):
        client.get(reverse("materials", args=["spring"]))
