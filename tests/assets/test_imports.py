"""Bulk import: a trial that changes nothing, rows with their errors, taking in once, and undoing."""

import pytest

from assets.models import ImportBatch, ImportJob, ImportRow, Picture, Rights
from assets.services.datasets import create_dataset, freeze_version
from assets.services.import_steps import confirm, repeat_walk, start_walk, stop_walk, undo
from jobs.models import Status
from ledger.models import Entry
from projects.problems import Problem

from .material import encoded, picture, tried, upload, walk, zipped

pytestmark = pytest.mark.django_db
TABLE = """ファイル名,作者,ライセンス,出典,キャプション,タグ,期限,人物:花子
a.png,山田,CC BY 4.0,https://example.com/a,赤い傘,"umbrella, red",令和8年12月31日,あり
b.png,Ana,CC0-1.0,https://example.com/b,,,,
c.png,Ana,ＣＣ　ＢＹ 4.0,,,,2026/02/30,
d.png,Ana,CC0-1.0,,,,,
""".encode("cp932")


def archive(**files):
    pictures = {"photos/a.png": encoded(1), "b.png": encoded(2), "c.png": encoded(3), "e.png": b"<html>"}
    return upload("set.zip", zipped({**pictures, "rights.csv": TABLE, **files}))


@pytest.fixture
def dataset(people, project):
    return create_dataset(people.editor, project, name="Umbrellas")


def states(batch):
    return {row.name: row.state for row in batch.rows.all()}


def codes(batch, name):
    row = batch.rows.get(name=name)
    return [each["code"] for each in row.problems], [each["code"] for each in row.notices]


def test_a_trial_says_what_would_become_of_every_file_and_changes_nothing(people, project, dataset):
    batch = tried(people.editor, project, archive(), dataset=dataset)
    assert batch.step == "ready"
    assert states(batch) == {
        "photos/a.png": "good", "b.png": "good", "c.png": "wrong", "e.png": "wrong", "d.png": "wrong",
    }  # fmt: skip
    assert codes(batch, "photos/a.png") == ([], ["license_unconfirmed"])
    assert codes(batch, "c.png")[0] == ["no_such_day"]
    assert codes(batch, "e.png")[0] == ["format_refused"]
    assert codes(batch, "d.png")[0] == ["row_without_picture"]
    assert not Picture.objects.exists()
    assert not Entry.objects.filter(event__startswith="assets.picture").exists()


def test_good_rows_are_taken_in_with_rights_captions_and_tags(people, project, dataset):
    batch = tried(people.editor, project, archive(), dataset=dataset)
    confirm(batch, confirmed={"CC BY 4.0": "CC-BY-4.0"}, user=people.editor)
    walk(batch)
    assert batch.step == "imported"
    first = Picture.objects.get(name="a.png")
    rights = first.rights
    assert (rights.expression, rights.creator, rights.state) == ("CC-BY-4.0", "山田", Rights.State.PENDING)
    assert rights.releases == {"花子": "unlimited"}
    assert rights.expires_at.isoformat() == "2026-12-31T15:00:00+00:00"
    assert sorted(first.tags.values_list("text", flat=True)) == ["red", "umbrella"]
    assert [(item.number, item.picture.name) for item in dataset.items.all()] == [(1, "a.png"), (2, "b.png")]
    assert first.items.get().captions.get().text == "赤い傘"
    assert "山田" in Picture.objects.get(pk=first.pk).search_text


def test_an_unconfirmed_licence_stays_unknown(people, project, dataset):
    batch = tried(people.editor, project, archive(), dataset=dataset)
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    assert Picture.objects.get(name="a.png").rights.expression == ""


def test_taking_in_twice_makes_nothing_twice(people, project, dataset):
    batch = tried(people.editor, project, archive(), dataset=dataset)
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    again = tried(people.editor, project, archive(), dataset=dataset)
    assert states(again)["b.png"] == "known"
    confirm(again, confirmed={}, user=people.editor)
    walk(again)
    assert Picture.objects.count() == 2
    assert dataset.items.count() == 2
    assert Entry.objects.filter(event="assets.picture.added").count() == 2


def test_a_killed_import_goes_on_where_it_stood(people, project, dataset):
    batch = tried(people.editor, project, archive(), dataset=dataset)
    confirm(batch, confirmed={}, user=people.editor)
    row = batch.rows.get(name="photos/a.png")
    ImportRow.objects.filter(pk=row.pk).update(state="imported", picture=picture(people.editor, project, 1))
    walk(batch)
    assert Picture.objects.count() == 2
    assert dataset.items.count() == 2


def test_a_batch_can_be_undone_but_for_what_a_version_holds(people, project, dataset):
    batch = tried(people.editor, project, archive())
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    from assets.services.datasets import add_items

    add_items(people.editor, dataset, [Picture.objects.get(name="b.png")])
    freeze_version(people.editor, dataset)
    undo(batch, user=people.editor)
    walk(batch)
    assert batch.step == "undone"
    assert batch.notices == [{"column": "", "code": "kept_in_versions", "params": {"count": 1}}]
    assert set(Picture.objects.filter(removed_at=None).values_list("name", flat=True)) == {"b.png"}


def test_the_same_pixels_twice_in_one_batch_are_one_picture(people, project):
    twice = upload("set.zip", zipped({"a.png": encoded(1), "b.png": encoded(1)}))
    batch = tried(people.editor, project, twice, license="CC0-1.0")
    assert codes(batch, "b.png")[1] == ["same_as_row"]
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    assert Picture.objects.count() == 1


def test_loose_pictures_take_the_defaults(people, project):
    loose = (upload("一.png", encoded(1)), upload("二.png", encoded(2)))
    batch = tried(people.editor, project, *loose, license="CC0-1.0", creator="Ana")
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    assert list(Picture.objects.order_by("name").values_list("name", "rights__expression", "rights__creator")) == [
        ("一.png", "CC0-1.0", "Ana"), ("二.png", "CC0-1.0", "Ana"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "uploads",
    [
        [],
        [("rights.csv", TABLE)],
        [("a.zip", zipped({"a.png": b"x"})), ("b.zip", zipped({"b.png": b"x"}))],
        [("a.zip", zipped({"a.png": b"x"})), ("b.png", encoded(1))],
        [("a.csv", TABLE), ("b.csv", TABLE), ("c.png", encoded(1))],
    ],
    ids=["nothing", "a table alone", "two zips", "zip and picture", "two tables"],
)
def test_a_mixture_that_nobody_can_read_is_refused(people, project, uploads):
    with pytest.raises(Problem):
        tried(people.editor, project, *(upload(*each) for each in uploads))


def test_an_archive_that_lies_is_refused_as_a_whole(people, project):
    from assets.services.imports import create_batch

    broken = upload("set.zip", b"PK\x03\x04" + b"\0" * 40)
    batch = create_batch(people.editor, project, [broken], dataset=None, defaults={})
    job = batch.jobs.get()
    assert job.claim()
    with job.work():
        from assets.services.imports import walk_batch

        walk_batch(job)
    job.refresh_from_db()
    batch.refresh_from_db()
    assert job.status == Status.FAILED
    assert job.reason
    assert "…" not in job.reason
    assert batch.step == ImportBatch.Step.REFUSED


def test_one_walk_at_a_time(people, project):
    batch = tried(people.editor, project, archive())
    first = confirm(batch, confirmed={}, user=people.editor)
    assert start_walk(people.editor, batch, ImportJob.Kind.IMPORT) == first


def test_a_walk_that_was_stopped_goes_on(people, project):
    batch = tried(people.editor, project, archive())
    confirm(batch, confirmed={}, user=people.editor)
    stop_walk(batch)
    assert batch.jobs.first().status == Status.CANCELED
    with pytest.raises(Problem):
        stop_walk(batch)
    repeat_walk(batch, user=people.editor)
    assert walk(batch).step == "imported"
    with pytest.raises(Problem):
        repeat_walk(batch, user=people.editor)


def test_an_import_that_was_stopped_can_be_undone(people, project):
    batch = tried(people.editor, project, archive())
    confirm(batch, confirmed={}, user=people.editor)
    batch.refresh_from_db()
    with pytest.raises(Problem):
        undo(batch, user=people.editor)
    stop_walk(batch)
    undo(batch, user=people.editor)
    assert walk(batch).step == "undone"


def test_nothing_is_imported_while_it_is_being_undone(people, project):
    batch = tried(people.editor, project, archive())
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    job = undo(batch, user=people.editor)
    assert undo(batch, user=people.editor) == job
    with pytest.raises(Problem):
        confirm(batch, confirmed={}, user=people.editor)


def test_what_was_undone_can_be_brought_again(people, project):
    batch = tried(people.editor, project, archive())
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    undo(batch, user=people.editor)
    walk(batch)
    assert not Picture.objects.filter(removed_at=None).exists()
    again = tried(people.editor, project, archive())
    assert states(again)["b.png"] == "good"
    confirm(again, confirmed={}, user=people.editor)
    walk(again)
    assert states(again)["b.png"] == "imported"
    assert Picture.objects.filter(removed_at=None, batch=again).count() == 2


def test_a_picture_whose_rights_were_withdrawn_is_a_wrong_row(people, project):
    from assets.services import withdraw_rights
    from assets.services.pictures import remove_picture

    gone = picture(people.editor, project, 1)
    withdraw_rights(gone, actor=people.reviewer, reason="The creator asked.")
    remove_picture(gone, actor=people.editor)
    batch = tried(people.editor, project, upload("a.png", encoded(1)), license="CC0-1.0")
    assert codes(batch, "a.png")[0] == ["picture_withdrawn"]


def test_what_is_too_large_is_never_read(people, project, settings):
    settings.UPLOAD_MAX_BYTES = len(encoded(1)) - 1
    loose = (upload("a.png", encoded(1)), upload("table.csv", b"file\na.png"))
    batch = tried(people.editor, project, *loose)
    row = batch.rows.get(name="a.png")
    assert row.problems == [
        {"column": "", "code": "too_many_bytes", "params": {"size": len(encoded(1)), "limit": len(encoded(1)) - 1}}
    ]


def test_a_full_disk_leaves_no_batch(people, project, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "file"
    settings.MEDIA_ROOT.write_text("in the way")
    with pytest.raises(Problem) as caught:
        tried(people.editor, project, upload("a.png", encoded(1)))
    assert caught.value.code == "files_not_kept"
    assert not ImportBatch.objects.exists()
