"""Pictures of a project: kept once, taken out, brought back as they are declared then, with evidence and words."""

import pytest

from assets.models import Evidence, Picture, PictureTag
from assets.services import Declaration, withdraw_rights
from assets.services.curation import propose_tags
from assets.services.pictures import add_evidence, add_picture, attach_evidence, read_picture, remove_picture
from assets.services.tags import add_tags, remove_tag
from assets.storage import open_stored
from ledger.models import Entry
from projects.problems import Problem

from .material import cleared, encoded, picture

pytestmark = pytest.mark.django_db


def events():
    return list(Entry.objects.order_by("seq").values_list("event", flat=True))


def add(people, project, seed=1, **said):
    declaration = Declaration(**{"expression": "CC0-1.0", **said})
    return add_picture(people.editor, project, read_picture(encoded(seed)), name="a.png", declaration=declaration)


def tags(found):
    return dict(found.tags.values_list("text", "state"))


def test_a_picture_is_kept_stripped_with_its_original_sealed(people, project, settings):
    found, is_new = add(people, project)
    assert is_new
    assert found.rights.state == "pending"
    assert found.rights.title == "a"
    with open_stored(settings.MEDIA_ROOT, found.original) as file:
        assert file.read() == encoded(1)
    assert found.path.startswith("pictures/")
    assert found.search_text.startswith("a.png")


def test_the_same_pixels_are_kept_once_whatever_their_file(people, project):
    first, _new = add(people, project)
    declaration = Declaration(expression="CC-BY-4.0")
    read = read_picture(
        encoded(
            1,
            "WEBP",
        )
    )
    lossless = read_picture(encoded(1))
    assert read.pixels_sha256 != lossless.pixels_sha256
    again, is_new = add_picture(people.owner, project, lossless, name="b.png", declaration=declaration)
    assert (again.id, is_new) == (first.id, False)
    assert again.rights.expression == "CC0-1.0"


def test_a_picture_that_was_taken_out_comes_back_as_it_is_declared_now(people, project):
    first = cleared(people, project)
    assert remove_picture(first, actor=people.editor)
    back, is_new = add(people, project, expression="CC-BY-4.0", creator="山田")
    assert (back.id, is_new, back.removed_at) == (first.id, True, None)
    assert (back.rights.expression, back.rights.creator, back.rights.state) == ("CC-BY-4.0", "山田", "pending")
    assert "assets.picture.restored" in events()
    assert Picture.objects.count() == 1


def test_one_whose_rights_were_withdrawn_does_not_come_back(people, project):
    first = cleared(people, project)
    withdraw_rights(first, actor=people.reviewer, reason="The creator asked.")
    remove_picture(first, actor=people.editor)
    with pytest.raises(Problem) as caught:
        add(people, project)
    assert caught.value.code == "picture_withdrawn"
    assert Picture.objects.get().removed_at is not None


def test_taking_out_twice_is_one_event(people, project):
    found = picture(people.editor, project)
    assert remove_picture(found, actor=people.editor)
    assert not remove_picture(found, actor=people.editor)
    assert events().count("assets.picture.removed") == 1


@pytest.mark.parametrize(
    ("data", "suffix"),
    [(b"%PDF-1.7 x", ".pdf"), (encoded(1), ".png"), (encoded(1, "JPEG"), ".jpg"), ("許諾書".encode(), ".txt")],
)
def test_evidence_is_known_by_how_it_begins(people, project, data, suffix):
    kept = add_evidence(people.editor, project, data, name="contract.html")
    assert kept.path.endswith(suffix)
    assert add_evidence(people.owner, project, data, name="again").id == kept.id


@pytest.mark.parametrize("data", [b"", b"MZ\x00\x01", b"\xff\xfe\x00", b"GIF89a\x00", b"x" * (16 * 1024 * 1024 + 1)])
def test_what_is_no_evidence_is_refused(people, project, data):
    with pytest.raises(Problem):
        add_evidence(people.editor, project, data, name="x")
    assert not Evidence.objects.exists()


def test_attached_evidence_is_a_change_of_the_rights(people, project):
    found = cleared(people, project)
    kept = attach_evidence(people.owner, found, b"agreed", name="mail.txt")
    found.rights.refresh_from_db()
    assert (found.rights.evidence_id, found.rights.state) == (kept.id, "pending")
    assert found.rights.changes.last().after["evidence_id"] == str(kept.id)


def test_rights_that_are_over_take_no_evidence(people, project):
    found = cleared(people, project)
    withdraw_rights(found, actor=people.reviewer, reason="The creator asked.")
    with pytest.raises(Problem):
        attach_evidence(people.owner, found, b"agreed", name="mail.txt")
    assert not Evidence.objects.exists()


def test_a_persons_words_count_at_once_and_a_machines_after_a_yes(people, project):
    found = picture(people.editor, project)
    propose_tags(found, [("umbrella", 0.9), ("boat", 0.2)], source="tagger 1")
    assert add_tags(people.editor, found, "umbrella、 rain , rain,") == 2
    assert tags(found) == {"umbrella": "accepted", "rain": "accepted", "boat": "proposed"}
    found.refresh_from_db()
    assert "umbrella" in found.search_text
    assert "boat" not in found.search_text


def test_a_machines_word_that_is_taken_away_is_not_proposed_again(people, project):
    found = picture(people.editor, project)
    add_tags(people.editor, found, "rain")
    propose_tags(found, [("boat", 0.2)], source="tagger 1")
    for tag in PictureTag.objects.filter(picture=found):
        remove_tag(people.editor, tag)
    assert tags(found) == {"boat": "rejected"}
    assert propose_tags(found, [("boat", 0.9)], source="tagger 1") == 0
    found.refresh_from_db()
    assert "rain" not in found.search_text
