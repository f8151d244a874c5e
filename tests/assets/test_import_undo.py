"""Undoing an import takes out all that it added, also to pictures that were here before, and nothing else."""

import pytest

from assets.models import Caption, Picture, PictureTag
from assets.sentences import sentence
from assets.services.curation import decide_tag
from assets.services.datasets import add_items, create_dataset, freeze_version, set_caption
from assets.services.import_steps import confirm, undo
from ledger.models import Entry

from .material import encoded, picture, tried, upload, walk, zipped

pytestmark = pytest.mark.django_db
TABLE = """file,license,caption_en,caption_ja,tags
a.png,CC0-1.0,a red umbrella,赤い傘,"umbrella, red"
b.png,CC0-1.0,a blue umbrella,,umbrella
"""


@pytest.fixture
def dataset(people, project):
    return create_dataset(people.editor, project, name="Umbrellas")


def imported(people, project, dataset, table=TABLE):
    files = zipped({"a.png": encoded(1), "b.png": encoded(2), "rights.csv": table.encode()})
    batch = tried(people.editor, project, upload("set.zip", files), dataset=dataset)
    confirm(batch, confirmed={}, user=people.editor)
    return walk(batch)


def undone(people, batch):
    undo(batch, user=people.editor)
    return walk(batch)


def tags(shown):
    return sorted(shown.tags.values_list("text", flat=True))


def test_a_known_picture_loses_what_the_batch_added_and_nothing_else(people, project, dataset):
    known = picture(people.editor, project, 1)
    PictureTag.objects.create(picture=known, text="umbrella")
    batch = imported(people, project, dataset)
    assert tags(known) == ["red", "umbrella"]
    assert dataset.items.count() == 2
    assert undone(people, batch).step == "undone"
    assert not dataset.items.exists()
    assert tags(known) == ["umbrella"]
    known.refresh_from_db()
    assert known.removed_at is None
    assert "red" not in known.search_text
    assert "赤い傘" not in known.search_text
    assert Picture.objects.get(name="b.png").removed_at is not None
    assert Entry.objects.filter(event="assets.dataset.picture_removed").count() == 1


def test_what_was_in_the_dataset_before_stays_with_its_own_captions(people, project, dataset):
    known = picture(people.editor, project, 1)
    add_items(people.editor, dataset, [known])
    set_caption(dataset.items.get(), language="ja", text="わたしの傘")
    batch = imported(people, project, dataset)
    assert set(Caption.objects.filter(item__picture=known).values_list("text", flat=True)) == {
        "わたしの傘", "a red umbrella",
    }  # fmt: skip
    undone(people, batch)
    assert list(dataset.items.values_list("picture", flat=True)) == [known.id]
    assert list(Caption.objects.values_list("language", "text")) == [("ja", "わたしの傘")]


def test_what_a_person_has_changed_since_stays(people, project, dataset):
    known = picture(people.editor, project, 1)
    add_items(people.editor, dataset, [known])
    batch = imported(people, project, dataset)
    item = dataset.items.get(picture=known)
    set_caption(item, language="en", text="written since")
    decide_tag(people.editor, known.tags.get(text="red"), accepted=True)
    undone(people, batch)
    assert list(Caption.objects.values_list("language", "text")) == [("en", "written since")]
    assert tags(known) == ["red"]


def test_what_a_version_has_frozen_since_stays_and_is_counted(people, project, dataset):
    known = picture(people.editor, project, 1)
    batch = imported(people, project, dataset)
    dataset.items.get(picture__name="b.png").delete()
    freeze_version(people.editor, dataset)
    undone(people, batch)
    assert list(dataset.items.values_list("picture", flat=True)) == [known.id]
    assert Caption.objects.filter(item__picture=known).count() == 2
    assert tags(known) == ["red", "umbrella"]
    assert batch.notices == [{"column": "", "code": "kept_in_versions", "params": {"count": 1}}]


def test_an_older_version_does_not_keep_what_came_after_it(people, project, dataset):
    known = picture(people.editor, project, 1)
    add_items(people.editor, dataset, [known])
    freeze_version(people.editor, dataset)
    dataset.items.get().delete()
    batch = imported(people, project, dataset)
    undone(people, batch)
    assert not dataset.items.exists()
    assert tags(known) == []


def test_another_datasets_version_keeps_the_words_and_not_the_place(people, project, dataset):
    known = picture(people.editor, project, 1)
    other = create_dataset(people.editor, project, name="Others")
    add_items(people.editor, other, [known])
    batch = imported(people, project, dataset)
    freeze_version(people.editor, other)
    undone(people, batch)
    assert not dataset.items.exists()
    assert tags(known) == ["red", "umbrella"]


def test_taking_in_twice_forgets_nothing_that_is_to_be_undone(people, project, dataset):
    known = picture(people.editor, project, 1)
    batch = imported(people, project, dataset)
    freezable = batch.rows.get(name="a.png").values["added"]["at"]
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    assert batch.rows.get(name="a.png").values["added"]["at"] == freezable
    undone(people, batch)
    assert not dataset.items.exists()
    assert tags(known) == []


def test_a_picture_that_was_put_back_by_hand_stays(people, project, dataset):
    known = picture(people.editor, project, 1)
    batch = imported(people, project, dataset)
    dataset.items.get(picture=known).delete()
    add_items(people.editor, dataset, [known])
    undone(people, batch)
    assert list(dataset.items.values_list("picture", flat=True)) == [known.id]


def test_an_undone_picture_comes_back_without_the_words_of_then(people, project):
    undone(people, imported(people, project, None))
    imported(people, project, None, table="file,license\na.png,CC0-1.0\nb.png,CC0-1.0\n")
    assert tags(Picture.objects.get(name="a.png")) == []


# A picture that is here already


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("CC-BY-4.0", "under CC-BY-4.0, and the table says CC0-1.0"),
        ("", "without a licence, and the table says CC0-1.0"),
    ],
    ids=["another", "none"],
)
def test_another_licence_in_the_table_is_a_notice_and_changes_nothing(people, project, dataset, expression, words):
    known = picture(people.editor, project, 1, expression)
    files = zipped({"a.png": encoded(1), "rights.csv": TABLE.encode()})
    batch = tried(people.editor, project, upload("set.zip", files))
    row = batch.rows.get(name="a.png")
    assert row.state == "known"
    [notice] = row.notices
    assert words in sentence(notice["code"], notice["params"])
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    assert [each["code"] for each in batch.rows.get(name="a.png").notices] == ["known_other_license"]
    known.rights.refresh_from_db()
    assert known.rights.expression == expression


def test_the_same_licence_is_no_notice(people, project, dataset):
    picture(people.editor, project, 1, "CC0-1.0")
    assert imported(people, project, dataset).rows.get(name="a.png").notices == []


def test_a_licence_that_is_agreed_on_later_is_compared_then(people, project):
    picture(people.editor, project, 1, "CC0-1.0")
    batch = tried(people.editor, project, upload("a.png", encoded(1)), license="CC BY 4.0")
    assert [each["code"] for each in batch.rows.get().notices] == ["license_unconfirmed"]
    confirm(batch, confirmed={"CC BY 4.0": "CC-BY-4.0"}, user=people.editor)
    walk(batch)
    codes = [each["code"] for each in batch.rows.get().notices]
    assert codes == ["license_unconfirmed", "known_other_license"]
