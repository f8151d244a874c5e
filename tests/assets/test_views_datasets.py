"""The datasets' room: its pages say what is so, and its forms do what they say."""

import io
import json
import zipfile

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from assets.models import Caption, Curation, Dataset, Picture, PicturePair, PictureTag, Tagging, Term
from assets.services import withdraw_rights
from assets.services.curation import propose_tags
from assets.services.datasets import add_items, create_dataset, freeze_version, set_caption
from ledger.models import Entry

from .material import cleared, picture

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def url(name="dataset", **more):
    return reverse(name, kwargs={"slug": "spring", "dataset_slug": "foxes", **more})


@pytest.fixture
def dataset(people, project):
    return create_dataset(people.editor, project, name="Foxes", name_ja="狐", trigger="sksfox")


@pytest.fixture
def filled(people, project, dataset):
    """Return the dataset with three pictures: two cleared ones, and one that waits and may not be sold."""
    shown = [
        cleared(people, project, 1),
        cleared(people, project, 2),
        picture(people.editor, project, 3, "CC-BY-NC-4.0"),
    ]
    add_items(people.editor, dataset, shown)
    for item in dataset.items.select_related("picture__rights"):
        set_caption(item, language="en", text=f"sksfox, red fox, place {item.number}")
    return dataset


def pair(one, other):
    """Say that two pictures are nearly the same, as a worker does."""
    first, second = sorted((one, other), key=lambda each: each.id)
    PicturePair.objects.create(first=first, second=second, similarity=0.9)


def numbers(response):
    return [tile.item.number for tile in response.context["tiles"]]


def text(response):
    return response.content.decode()


def test_an_empty_room_says_what_to_do(signed_in, project):
    address = reverse("datasets", args=["spring"])
    assert "Open one here" in text(signed_in("editor").get(address))
    seen = text(signed_in("viewer").get(address))
    assert "An editor of this project opens the first one" in seen
    assert "Open dataset" not in seen


def test_a_dataset_is_opened_from_the_list(signed_in, project):
    address = reverse("datasets", args=["spring"])
    client = signed_in("editor")
    response = client.post(address, {"name": " Red  foxes ", "name_ja": "赤い狐", "trigger": "sksfox"})
    made = Dataset.objects.get()
    assert response.url == made.get_absolute_url()
    assert (made.name, made.trigger, made.slug) == ("Red foxes", "sksfox", "red-foxes")
    again = client.post(address, {"name": "red foxes"})
    assert again.status_code == 422
    assert "a dataset with this name already" in text(again)
    assert "no commas" in text(client.post(address, {"name": "Bears", "trigger": "a, b"}))
    assert Dataset.objects.count() == 1


def test_the_list_tells_count_version_licences_and_verdict(signed_in, people, project, filled):
    [summary] = signed_in("viewer").get(reverse("datasets", args=["spring"])).context["summaries"]
    assert (summary.count, summary.version, summary.gate.mark) == (3, 0, "stop")
    assert sum(count for _name, count in summary.licenses) == 3
    freeze_version(people.editor, filled)
    [summary] = signed_in("viewer").get(reverse("datasets", args=["spring"])).context["summaries"]
    assert summary.version == 1


def test_another_projects_dataset_is_not_there(signed_in, people, project):
    elsewhere = people.stranger.memberships.get().project
    create_dataset(people.stranger, elsewhere, name="Foxes")
    assert signed_in("viewer").get(url()).status_code == 404


def test_the_grid_shows_licence_state_warnings_and_near_copies(signed_in, filled):
    first, second, _third = (item.picture for item in filled.items.order_by("number"))
    pair(first, second)
    Picture.objects.filter(pk=first.pk).update(flags=["blurry", "text"], measures={"edges": 0.1})
    response = signed_in("viewer").get(url())
    tiles = response.context["tiles"]
    assert [tile.group for tile in tiles] == [1, 1, 0]
    assert [tile.sheet.license.mark for tile in tiles] == ["ok", "ok", "stop"]
    assert [tile.sheet.state.mark for tile in tiles] == ["ok", "ok", "warn"]
    assert tiles[0].sheet.flags == ["blurry", "text or logo"]
    assert "text or logo" in text(response)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?license=CC0-1.0", [1, 2]),
        ("?state=pending", [3]),
        ("?q=place+2", [2]),
        ("?q=nothing", []),
        ("?flag=unmeasured&after=1", [2, 3]),
        ("?after=2", [3]),
        ("?after=nonsense", [1, 2, 3]),
    ],
)
def test_the_grid_is_narrowed(signed_in, filled, query, found):
    assert numbers(signed_in("viewer").get(url() + query)) == found


def test_more_pictures_come_as_a_part(signed_in, filled):
    response = signed_in("viewer").get(url() + "?after=1", headers=HTMX)
    assert "<html" not in text(response)
    assert "0002" in text(response)


def test_pictures_are_chosen_from_those_that_are_not_in_it(signed_in, people, project, filled):
    other, third = picture(people.editor, project, 7), picture(people.editor, project, 8, "CC-BY-4.0")
    client = signed_in("editor")
    page = client.get(url("dataset_add"))
    assert {sheet.picture for sheet in page.context["sheets"]} == {other, third}
    assert client.post(url("dataset_add"), {"row": [str(other.id), "nonsense"]}).url == url()
    assert filled.items.get(picture=other).number == 4
    assert client.post(url("dataset_add") + "?license=CC0-1.0", {"all": "1"}).url.endswith("?license=CC0-1.0")
    assert not filled.items.filter(picture=third).exists()
    client.post(url("dataset_add") + "?license=CC-BY-4.0", {"all": "1"})
    assert filled.items.filter(picture=third).exists()
    assert "Nothing left to add" in text(client.get(url("dataset_add")))


def test_a_picture_is_taken_out(signed_in, filled):
    client = signed_in("editor")
    assert client.post(url("dataset_remove", number=2)).url == url()
    assert text(client.post(url("dataset_remove", number=1), headers=HTMX)) == ""
    assert client.post(url("dataset_remove", number=3), {"from": "checks"}).url == url("dataset_checks")
    assert client.post(url("dataset_remove", number=3)).status_code == 404
    assert Picture.objects.count() == 3


def test_names_and_trigger_are_edited(signed_in, people, project, filled):
    create_dataset(people.editor, project, name="Bears")
    client = signed_in("editor")
    assert client.post(url("dataset_edit"), {"name": "Bears", "trigger": "x"}).status_code == 422
    assert client.post(url("dataset_edit"), {"name": "Wild foxes", "trigger": "wfx"}).url == url()
    filled.refresh_from_db()
    assert (filled.name, filled.trigger, filled.slug) == ("Wild foxes", "wfx", "foxes")


def test_the_checks_name_what_forbids_training(signed_in, filled):
    response = signed_in("viewer").get(url("dataset_checks"))
    assert response.context["gate"].mark == "stop"
    assert "3.png" in text(response)
    assert "§" in text(response)


def test_the_checks_judge_each_method_and_the_coverage(signed_in, filled):
    set_caption(filled.items.get(number=1), language="ja", text="sksfox、正面、全身")
    response = signed_in("viewer").get(url("dataset_checks"))
    levels = {method.name: method.level.mark for method in response.context["methods"]}
    assert levels == {"Textual Inversion": "ok", "DreamBooth": "stop", "LoRA": "stop", "Hypernetwork": "stop"}
    angle = response.context["coverage"][0]
    assert {value.label: value.count for value in angle.values}["Front"] == 1
    assert (angle.unsaid, angle.unsaid_count) == (["2", "3"], 2)


def test_near_copies_can_be_called_different(signed_in, filled):
    first, second, _third = filled.items.select_related("picture")
    pair(first.picture, second.picture)
    client = signed_in("editor")
    assert len(client.get(url("dataset_checks")).context["groups"]) == 1
    client.post(url("dataset_different"), {"row": [str(first.picture_id), str(second.picture_id)]})
    assert client.get(url("dataset_checks")).context["groups"] == []


def test_the_checks_ask_few_questions_however_many_groups(signed_in, people, project, dataset):
    client, counts = signed_in("viewer"), []
    for seeds in ((1, 2), (3, 4, 5, 6)):
        added = [picture(people.editor, project, seed) for seed in seeds]
        add_items(people.editor, dataset, added)
        for one, other in zip(added[::2], added[1::2], strict=True):
            pair(one, other)
        with CaptureQueriesContext(connection) as queries:
            client.get(url("dataset_checks"))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_look_is_asked_for_watched_and_cancelled(signed_in, filled):
    client = signed_in("editor")
    card = text(client.post(url("dataset_look"), headers=HTMX))
    assert "Waiting for a worker" in card
    assert 'hx-trigger="every 1s"' in card
    assert client.post(url("dataset_look")).url == url("dataset_checks")
    assert Curation.objects.count() == 1
    assert "HX-Refresh" not in client.get(url("dataset_look"), headers=HTMX).headers
    assert "Cancel" in text(client.get(url("dataset_checks")))
    client.post(url("dataset_look_cancel"), headers=HTMX)
    assert Curation.objects.get().status == "canceled"
    assert client.get(url("dataset_look"), headers=HTMX).headers["HX-Refresh"] == "true"


def test_tags_are_asked_of_a_model_once_watched_and_cancelled(signed_in, filled):
    client = signed_in("editor")
    card = text(client.post(url("dataset_propose"), headers=HTMX))
    assert "Waiting for a worker" in card
    assert client.post(url("dataset_propose")).url == url("dataset_tags")
    assert Tagging.objects.get().dataset == filled
    assert "HX-Refresh" not in client.get(url("dataset_propose"), headers=HTMX).headers
    assert "Cancel" in text(client.get(url("dataset_tags")))
    client.post(url("dataset_propose_cancel"), headers=HTMX)
    assert Tagging.objects.get().status == "canceled"
    assert client.get(url("dataset_propose"), headers=HTMX).headers["HX-Refresh"] == "true"
    assert "Propose tags" not in text(signed_in("viewer").get(url("dataset_tags")))


def test_a_failed_look_says_why(signed_in, people, project, filled):
    Curation.objects.create(
        project=project, requested_by=people.editor, status="failed", finished_at=timezone.now(), error="disk_full"
    )
    assert "The disk is full" in text(signed_in("viewer").get(url("dataset_checks")))


@pytest.mark.parametrize(
    ("query", "size", "lost"),
    [("", "512 × 512", 17), ("?side=768&shape=buckets", "832 × 704", 1), ("?side=9&shape=round", "512 × 512", 17)],
)
def test_crops_tell_size_and_loss(signed_in, filled, query, size, lost):
    response = signed_in("viewer").get(url("dataset_crops") + query)
    crop = response.context["crops"][0]
    assert f"{crop.plan.width} × {crop.plan.height}" == size
    assert crop.lost_percent == lost
    assert "style=" not in text(response)


def test_a_caption_is_saved_alone_with_and_without_htmx(signed_in, filled):
    client, address = signed_in("editor"), url("caption_save", number=2)
    part = text(client.post(address, {"language": "ja", "text": "赤い狐<b>"}, headers=HTMX))
    assert "Saved" in part
    assert "赤い狐&lt;b&gt;" in part
    response = client.post(address, {"language": "en", "text": "fox"})
    assert response.url == f"{url('captions')}?language=en&after=1#caption-2"
    assert set(Caption.objects.filter(item__number=2).values_list("language", "text")) == {
        ("ja", "赤い狐<b>"),
        ("en", "fox"),
    }


def test_a_caption_that_is_too_long_says_so_and_keeps_the_old_one(signed_in, filled):
    part = text(
        signed_in("editor").post(url("caption_save", number=2), {"language": "en", "text": "x" * 2001}, headers=HTMX)
    )
    assert "errorlist" in part
    assert Caption.objects.get(item__number=2).text == "sksfox, red fox, place 2"


def test_the_editor_shows_one_language_and_what_is_empty(signed_in, filled):
    set_caption(filled.items.get(number=1), language="ja", text="狐")
    client = signed_in("viewer")
    rows = client.get(url("captions") + "?language=ja").context["rows"]
    assert (rows[0].text, rows[0].other) == ("狐", "sksfox, red fox, place 1")
    rows = client.get(url("captions") + "?language=ja&show=empty").context["rows"]
    assert [row.item.number for row in rows] == [2, 3]
    rows = client.get(url("captions") + "?language=en&at=3").context["rows"]
    assert [row.item.number for row in rows] == [3]


def test_the_lint_speaks_in_sentences_and_offers_the_teams_word(signed_in, filled):
    Term.objects.create(project=filled.project, ja="狐", en="a fox", synonyms=["vixen"], slot="subject")
    set_caption(filled.items.get(number=3), language="en", text="red vixen")
    response = signed_in("editor").get(url("captions") + "?language=en")
    assert "trigger word “sksfox” is missing from 1 captions" in text(response)
    [synonym] = [each for each in response.context["complaints"] if "vixen" in each.rename]
    preview = signed_in("editor").get(f"{url('caption_rename')}?{synonym.rename}")
    assert [(change.number, change.after) for change in preview.context["changes"]] == [(3, "red fox")]


def test_a_rename_is_previewed_done_and_undone(signed_in, filled):
    client = signed_in("editor")
    asked = {"language": "en", "old": "red fox", "new": ""}
    assert client.get(url("caption_rename"), asked).context["count"] == 3
    assert Caption.objects.filter(text__contains="red fox").count() == 3
    assert client.post(url("caption_rename"), asked).url == f"{url('captions')}?language=en"
    assert not Caption.objects.filter(text__contains="red fox").exists()
    edit = filled.edits.get()
    assert "Undo" in text(client.get(url("captions")))
    client.post(url("caption_undo", edit_id=edit.id))
    assert Caption.objects.filter(text__contains="red fox").count() == 3
    assert client.post(url("caption_undo", edit_id=edit.id)).status_code == 409


def test_words_are_counted_alone_and_together(signed_in, filled):
    response = signed_in("viewer").get(url("caption_words") + "?language=en")
    assert dict(response.context["frequencies"])["red fox"] == 3
    assert [row.counts[:2] for row in response.context["together"][:2]] == [[None, 3], [3, None]]
    assert "No captions in this language" in text(signed_in("viewer").get(url("caption_words") + "?language=ja"))


def test_a_version_is_frozen_with_a_note(signed_in, filled):
    client = signed_in("editor")
    assert "Freeze version 1" in text(client.get(url("dataset_versions")))
    assert client.post(url("dataset_versions"), {"note": "first"}).url == url("dataset_version", number=1)
    same = client.post(url("dataset_versions"), {"note": "again"})
    assert same.status_code == 422
    assert "Nothing has changed since version 1" in text(same)


def test_a_version_shows_root_licences_and_what_changed(signed_in, people, filled):
    freeze_version(people.editor, filled)
    set_caption(filled.items.get(number=1), language="en", text="sksfox, arctic fox")
    filled.items.get(number=2).delete()
    version = freeze_version(people.editor, filled)
    response = signed_in("viewer").get(url("dataset_version", number=2))
    assert version.merkle_root in text(response)
    assert [line.item.license for line in response.context["lines"]] == ["CC0-1.0", "CC-BY-NC-4.0"]
    found = response.context["differences"]
    assert (found.added, found.removed, found.changed) == (0, 1, 1)
    [caption] = [line for line in found.lines if line.kind == "changed"]
    assert (caption.field, caption.after) == ("Caption (English)", "sksfox, arctic fox")
    assert "Export" not in text(response).split("<main")[1].split("Pictures and licences")[0]


def test_the_train_gate_is_asked_again_when_terms_change(signed_in, people, project, dataset):
    shown = cleared(people, project, 1)
    add_items(people.editor, dataset, [shown])
    freeze_version(people.editor, dataset)
    client = signed_in("viewer")
    assert not client.get(url("dataset_version", number=1)).context["judgement"].is_changed
    withdraw_rights(shown, actor=people.reviewer, reason="The creator asked.")
    response = client.get(url("dataset_version", number=1))
    judged = response.context["judgement"]
    assert (judged.then.mark, judged.now.mark, judged.is_changed) == ("ok", "stop", True)
    assert "The terms have changed" in text(response)


def test_a_proof_is_downloaded(signed_in, people, filled):
    version = freeze_version(people.editor, filled)
    client = signed_in("viewer")
    response = client.get(url("dataset_proof", number=1, place=2))
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(response.content)["root"] == version.merkle_root
    assert client.get(url("dataset_proof", number=1, place=4)).status_code == 404


def exported(client, **asked):
    values = {"format": "folder", "language": "en", "repeats": "10", "resolution": "512", "texts": "captions", **asked}
    return client.post(url("dataset_export", number=1), values)


def test_an_export_is_refused_with_reasons_when_publishing_is(signed_in, people, filled):
    freeze_version(people.editor, filled)
    response = exported(signed_in("editor"))
    assert response.status_code == 409
    assert "do not allow these pictures to leave" in text(response)
    assert "3.png" in text(response)
    assert not Entry.objects.filter(event="assets.dataset.exported").exists()


def test_an_export_comes_as_a_zip(signed_in, people, project, dataset):
    add_items(people.editor, dataset, [cleared(people, project, 1)])
    set_caption(dataset.items.get(), language="en", text="red fox")
    freeze_version(people.editor, dataset)
    response = exported(signed_in("editor"), format="kohya", trigger="sksfox", class_word="fox")
    data = b"".join(response.streaming_content)
    assert response.headers["Content-Length"] == str(len(data))
    assert 'filename="foxes-v1-kohya.zip"' in response.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert any(name.endswith("0001.txt") for name in archive.namelist())
    assert exported(signed_in("editor"), format="kohya").status_code == 400
    assert Entry.objects.filter(event="assets.dataset.exported").count() == 1


def test_proposed_tags_wait_and_are_decided(signed_in, people, filled):
    shown = filled.items.get(number=1).picture
    propose_tags(shown, [("fox", 0.9), ("cat", 0.4)], source="tagger")
    client = signed_in("editor")
    page = client.get(url("dataset_tags"))
    assert [tag.text for tag in page.context["items"][0].picture.waiting] == ["fox", "cat"]
    fox, cat = shown.tags.get(text="fox"), shown.tags.get(text="cat")
    part = text(client.post(url("dataset_tag", tag_id=fox.id), {"accepted": "1"}, headers=HTMX))
    assert "Accepted" in part
    assert "Reject" in part
    client.post(url("dataset_tag", tag_id=cat.id), {"accepted": "0"})
    assert dict(PictureTag.objects.values_list("text", "state")) == {"fox": "accepted", "cat": "rejected"}
    assert "No tags wait" in text(client.get(url("dataset_tags")))


def test_a_tag_of_a_picture_outside_is_not_there(signed_in, people, project, filled):
    other = picture(people.editor, project, 9)
    propose_tags(other, [("fox", 0.9)], source="tagger")
    client = signed_in("editor")
    assert client.post(url("dataset_tag", tag_id=other.tags.get().id), {"accepted": "1"}).status_code == 404
    assert other.tags.get().state == "proposed"


PAGES = ("dataset", "dataset_checks", "dataset_crops", "captions", "caption_words", "dataset_tags", "dataset_versions")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_an_empty_dataset_says_what_to_do(signed_in, dataset, name):
    assert 'class="empty"' in text(signed_in("editor").get(url(name)))


MOST = {
    "dataset": 16,
    "dataset_checks": 19,
    "dataset_crops": 6,
    "captions": 12,
    "caption_words": 9,
    "dataset_tags": 8,
    "dataset_versions": 7,
    "dataset_add": 11,
}


@pytest.mark.parametrize(("name", "most"), MOST.items())
def test_a_page_asks_few_questions_whatever_its_length(
    signed_in, people, project, filled, name, most, django_assert_max_num_queries
):
    more = [picture(people.editor, project, seed) for seed in range(20, 32)]
    add_items(people.editor, filled, more[:8])
    propose_tags(more[0], [("fox", 0.9), ("cat", 0.4)], source="tagger")
    client = signed_in("editor")
    with django_assert_max_num_queries(most):
        client.get(url(name))


def test_the_list_asks_few_questions(signed_in, people, project, filled, django_assert_max_num_queries):
    for number in range(8):
        made = create_dataset(people.editor, project, name=f"Set {number}")
        add_items(people.editor, made, Picture.objects.all())
    client = signed_in("viewer")
    with django_assert_max_num_queries(9):
        client.get(reverse("datasets", args=["spring"]))


def test_a_version_asks_few_questions(signed_in, people, filled, django_assert_max_num_queries):
    freeze_version(people.editor, filled)
    client = signed_in("viewer")
    with django_assert_max_num_queries(10):
        client.get(url("dataset_version", number=1))
