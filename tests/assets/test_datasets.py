"""Datasets as services: choose, caption, rename and undo, freeze, export; and what a worker's look finds."""

import io
import json
import zipfile

import pytest

from assets.exports import FORMATS, KohyaOptions
from assets.manifests import verify_proof
from assets.models import Caption, Picture, PicturePair, PictureTag, Rights
from assets.services import Declaration, clear_rights, withdraw_rights
from assets.services.curation import decide_tag, dismiss_group, duplicate_groups, propose_tags, request_curation
from assets.services.datasets import (
    add_items,
    change_dataset,
    create_dataset,
    freeze_version,
    remove_item,
    rename_in_captions,
    set_caption,
    undo_edit,
)
from assets.services.exports import export_version, manifest_in, pictures_of
from assets.services.looking import compare_pictures, curate
from assets.services.pictures import add_picture, read_picture
from assets.version_pages import proof_of
from jobs.models import Status
from ledger.models import Entry
from ledger.services import verify
from projects.problems import Problem

from .material import cleared, drawn, picture

pytestmark = pytest.mark.django_db
URL = "https://daicho.example/p/spring/datasets/foxes/versions/1/"


@pytest.fixture
def dataset(people, project):
    return create_dataset(people.editor, project, name="Foxes", name_ja="狐", trigger="sksfox")


@pytest.fixture
def filled(people, project, dataset):
    """Return the dataset with three cleared pictures and captions in both languages."""
    add_items(people.editor, dataset, [cleared(people, project, seed) for seed in (1, 2, 3)])
    for item in dataset.items.select_related("picture__rights"):
        set_caption(item, language="en", text=f"sksfox, red fox, place {item.number}")
        set_caption(item, language="ja", text=f"赤い狐、場所{item.number}")
    return dataset


def events(name):
    """Return what the ledger says of an event, each time that it happened."""
    return [json.loads(entry.payload) for entry in Entry.objects.filter(event=name).order_by("seq")]


def texts(dataset, language="en"):
    rows = Caption.objects.filter(item__dataset=dataset, language=language).order_by("item__number")
    return list(rows.values_list("text", flat=True))


def test_a_dataset_is_opened_once_by_its_name(people, project, dataset):
    assert dataset.slug == "foxes"
    with pytest.raises(Problem) as refused:
        create_dataset(people.editor, project, name=" foxes ")
    assert refused.value.code == "name_taken"


def test_changing_a_dataset_says_what_changed_and_keeps_its_address(people, project, dataset):
    create_dataset(people.editor, project, name="Bears")
    assert change_dataset(people.editor, dataset, {"name": "Red foxes", "trigger": "sksfox"})
    assert (dataset.name, dataset.slug) == ("Red foxes", "foxes")
    [entry] = events("assets.dataset.changed")
    assert entry["changed"] == {"name": {"from": "Foxes", "to": "Red foxes"}}
    assert not change_dataset(people.editor, dataset, {"name": "Red foxes"})
    with pytest.raises(Problem):
        change_dataset(people.editor, dataset, {"name": "BEARS"})


def test_pictures_are_numbered_in_order_and_never_twice(people, project, dataset):
    first, second, third = (picture(people.editor, project, seed) for seed in (1, 2, 3))
    assert add_items(people.editor, dataset, [first, second]) == 2
    remove_item(people.editor, dataset.items.get(number=1))
    assert add_items(people.editor, dataset, [second, third]) == 1
    assert list(dataset.items.values_list("number", "picture")) == [(2, second.id), (3, third.id)]


def test_a_picture_of_another_project_never_comes_in(people, project, dataset):
    theirs = picture(people.stranger, people.stranger.memberships.get().project, 9)
    assert add_items(people.editor, dataset, [theirs]) == 0


def test_captions_are_found_by_search(filled):
    assert "赤い狐" in Picture.objects.get(items__dataset=filled, items__number=1).search_text
    item = filled.items.get(number=1)
    set_caption(item, language="ja", text="  ")
    assert "赤い狐" not in Picture.objects.get(pk=item.picture_id).search_text


def test_a_rename_changes_whole_phrases_and_can_be_undone(people, filled):
    edit = rename_in_captions(people.editor, filled, language="en", old="Red Fox", new="fox")
    assert texts(filled)[0] == "sksfox, fox, place 1"
    assert texts(filled, "ja")[0] == "赤い狐、場所1"
    set_caption(filled.items.get(number=2), language="en", text="written since")
    assert undo_edit(people.editor, edit) == 2
    assert texts(filled) == ["sksfox, red fox, place 1", "written since", "sksfox, red fox, place 3"]
    with pytest.raises(Problem) as refused:
        undo_edit(people.editor, edit)
    assert refused.value.code == "undone_already"


def test_a_rename_that_finds_nothing_makes_no_edit(people, filled):
    assert rename_in_captions(people.editor, filled, language="en", old="fo", new="x") is None
    assert not filled.edits.exists()


def test_a_version_keeps_what_was_there(people, filled):
    version = freeze_version(people.editor, filled, note="first")
    assert (version.number, version.count, version.trigger) == (1, 3, "sksfox")
    set_caption(filled.items.get(number=1), language="en", text="something else")
    remove_item(people.editor, filled.items.get(number=3))
    manifest = manifest_in(version)
    assert [item.captions["en"] for item in manifest.items] == [f"sksfox, red fox, place {n}" for n in (1, 2, 3)]
    assert manifest.root() == version.merkle_root
    assert [each.id for each in pictures_of(version)] == [
        Picture.objects.get(pixels_sha256=item.pixels_sha256).id for item in manifest.items
    ]


def test_an_empty_dataset_or_the_same_one_is_not_frozen(people, project, dataset, filled):
    freeze_version(people.editor, filled)
    with pytest.raises(Problem) as same:
        freeze_version(people.editor, filled)
    with pytest.raises(Problem) as empty:
        freeze_version(people.editor, create_dataset(people.editor, project, name="Empty"))
    assert (same.value.code, empty.value.code) == ("version_same", "dataset_empty")
    change_dataset(people.editor, filled, {"trigger": "other"})
    assert freeze_version(people.editor, filled).number == 2


def test_the_ledger_holds_the_root_and_the_gates_answer(people, project, filled):
    version = freeze_version(people.editor, filled)
    [said] = events("assets.dataset.version_frozen")
    assert said["merkle_root"] == version.merkle_root
    assert said["verdict"] == version.decision["verdict"] == "allow"
    assert verify(project.id).ok


def test_a_proof_convinces_whoever_has_the_root(people, filled):
    version = freeze_version(people.editor, filled)
    proof = proof_of(version, manifest_in(version), 2)
    told = {name: proof[name] for name in ("line", "number", "count", "proof")}
    assert verify_proof(**told, root=version.merkle_root)
    assert not verify_proof(**{**told, "line": told["line"].replace("place 2", "place 9")}, root=version.merkle_root)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_leaves_the_house_with_a_hash_in_the_ledger(people, filled, format):
    version = freeze_version(people.editor, filled)
    kohya = KohyaOptions(trigger="sksfox") if format == "kohya" else None
    export = export_version(people.editor, version, format=format, url=URL, language="ja", kohya=kohya)
    data = export.file.read()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        lines = archive.read("manifest.jsonl").decode()
    assert json.loads(lines.splitlines()[0])["captions"]["ja"] == "赤い狐、場所1"
    [entry] = events("assets.dataset.exported")
    assert entry["size_bytes"] == len(data)
    assert entry["export_sha256"] == export.sha256


def test_an_export_is_the_same_bytes_twice(people, filled):
    version = freeze_version(people.editor, filled)
    hashes = {export_version(people.editor, version, format="folder", url=URL, language="en").sha256 for _ in range(2)}
    assert len(hashes) == 1


def test_what_may_not_be_published_does_not_leave_the_house(people, project, filled):
    version = freeze_version(people.editor, filled)
    withdraw_rights(filled.items.get(number=2).picture, actor=people.reviewer, reason="The creator asked.")
    with pytest.raises(Problem) as refused:
        export_version(people.editor, version, format="folder", url=URL, language="en")
    assert refused.value.code == "export_blocked"
    assert any("2.png" in reason for reason in refused.value.details["reasons"])
    assert events("assets.dataset.exported") == []


def test_a_picture_that_changed_on_disk_stops_the_export(people, filled, settings):
    version = freeze_version(people.editor, filled)
    file = settings.MEDIA_ROOT / pictures_of(version)[0].path
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    try:
        with pytest.raises(Problem) as refused:
            export_version(people.editor, version, format="folder", url=URL, language="en")
    finally:
        file.write_bytes(whole)
    assert refused.value.code == "picture_lost"
    assert events("assets.dataset.exported") == []


def test_a_manifest_that_changed_on_disk_is_not_believed(people, filled, settings):
    version = freeze_version(people.editor, filled)
    file = settings.MEDIA_ROOT / version.manifest
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"red fox", b"red cat"))
    try:
        with pytest.raises(Problem) as refused:
            manifest_in(version)
    finally:
        file.write_bytes(whole)
    assert refused.value.code == "manifest_lost"


def looked_at(people, project):
    job = request_curation(people.editor, project)
    assert job.claim()
    with job.work():
        curate(job)
    job.refresh_from_db()
    return job


def large(people, project, seed, format="PNG", **options):
    """Add a picture large enough to be compared; the same seed as JPEG is a near copy."""
    file = io.BytesIO()
    drawn(seed, size=(256, 224)).save(file, format, **options)
    said = Declaration(expression="CC0-1.0", creator="Ana", source_url="https://example.com/a")
    return add_picture(
        people.editor, project, read_picture(file.getvalue()), name=f"{seed}.{format}", declaration=said
    )[0]


def near_copy(people, project, seed):
    """Add a picture that is nearly that of the seed."""
    return large(people, project, seed, "JPEG", quality=60)


def test_a_look_measures_flags_and_pairs(people, project):
    one, copy, other = large(people, project, 1), near_copy(people, project, 1), large(people, project, 2)
    job = looked_at(people, project)
    assert (job.status, job.measured, job.pairs) == (Status.SUCCEEDED, 3, 1)
    one.refresh_from_db()
    assert "small" in one.flags
    assert one.measures["width"] == 256
    assert [{each.id for each in group} for group in duplicate_groups([one, copy, other])] == [{one.id, copy.id}]


def test_one_look_waits_at_a_time_and_a_second_finds_nothing_new(people, project):
    large(people, project, 1)
    assert request_curation(people.editor, project) == request_curation(people.owner, project)
    assert looked_at(people, project).measured == 1
    assert looked_at(people, project).measured == 0


def test_what_a_person_calls_different_stays_different(people, project):
    one, copy = large(people, project, 1), near_copy(people, project, 1)
    looked_at(people, project)
    assert dismiss_group(people.editor, [one, copy]) == 1
    compare_pictures(project)
    assert duplicate_groups([one, copy]) == []
    assert PicturePair.objects.get().dismissed_by == people.editor


def test_a_persons_word_about_a_tag_outlives_the_next_proposal(people, project):
    shown = picture(people.editor, project, 1)
    assert propose_tags(shown, [("fox", 0.9), ("cat", 0.4)], source="tagger") == 2
    decide_tag(people.editor, shown.tags.get(text="fox"), accepted=True)
    decide_tag(people.editor, shown.tags.get(text="cat"), accepted=False)
    assert propose_tags(shown, [("cat", 0.8), ("dog", 0.3)], source="tagger") == 1
    states = dict(shown.tags.values_list("text", "state"))
    assert states == {"fox": "accepted", "cat": "rejected", "dog": "proposed"}
    shown.refresh_from_db()
    assert "fox" in shown.search_text
    assert "cat" not in shown.search_text


def test_accepted_tags_are_frozen_and_proposed_ones_are_not(people, project, filled):
    shown = filled.items.get(number=1).picture
    propose_tags(shown, [("fox", 0.9), ("cat", 0.4)], source="tagger")
    decide_tag(people.editor, shown.tags.get(text="fox"), accepted=True)
    assert manifest_in(freeze_version(people.editor, filled)).items[0].tags == ("fox",)
    assert PictureTag.objects.filter(state="proposed").count() == 1


def test_pending_rights_do_not_stop_freezing_but_are_told(people, project, dataset):
    waiting = picture(people.editor, project, 5)
    add_items(people.editor, dataset, [waiting])
    version = freeze_version(people.editor, dataset)
    assert version.decision["verdict"] != "allow"
    clear_rights(waiting, reviewer=people.reviewer)
    assert Rights.objects.get(picture=waiting).state == "cleared"
