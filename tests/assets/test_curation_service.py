"""Looking at pictures in a worker: measures, likenesses and proposed tags; a person decides."""

import io

import pytest
from PIL import ImageOps

from assets.models import Picture, PicturePair, PictureTag, Tagging
from assets.services import Declaration
from assets.services.curation import decide_tag, dismiss_group, duplicate_groups, request_curation, request_tagging
from assets.services.looking import curate, tag_pictures
from assets.services.pictures import add_picture, read_picture
from engine.starter.scenes import Scene, render
from engine.taggers import open_tagger

from .material import drawn, picture

pytestmark = pytest.mark.django_db


def add(user, project, image, name):
    file = io.BytesIO()
    image.save(file, "PNG")
    declaration = Declaration(expression="CC0-1.0", source_url="https://example.com")
    return add_picture(user, project, read_picture(file.getvalue()), name=name, declaration=declaration)[0]


def looked_at(people, project):
    job = request_curation(people.editor, project)
    assert job.claim()
    with job.work():
        curate(job)
    job.refresh_from_db()
    assert job.status == "succeeded", job.detail
    return job


def test_pictures_are_measured_once_and_likenesses_are_found(people, project):
    large = drawn(1, (320, 240))
    first = add(people.editor, project, large, "a.png")
    turned = add(people.editor, project, ImageOps.mirror(large), "b.png")
    other = add(people.editor, project, drawn(2, (320, 240)), "c.png")
    job = looked_at(people, project)
    assert (job.measured, job.pairs) == (3, 1)
    rows = list(Picture.objects.filter(project=project))
    assert [sorted(each.name for each in group) for group in duplicate_groups(rows)] == [["a.png", "b.png"]]
    assert all(row.measures["width"] == 320 for row in rows)
    assert all("small" in row.flags for row in rows)
    assert dismiss_group(people.editor, [first, turned]) == 1
    assert duplicate_groups(rows) == []
    assert looked_at(people, project).measured == 0
    assert PicturePair.objects.get().dismissed_by == people.editor
    assert other.name == "c.png"


def test_a_large_group_is_called_different_in_one_go(people, project):
    shown = [picture(people.editor, project, seed) for seed in range(60)]
    first, second = sorted(shown[:2], key=lambda each: each.id)
    PicturePair.objects.create(first=first, second=second, similarity=0.9)
    assert dismiss_group(people.editor, shown) == 1
    assert dismiss_group(people.owner, shown) == 0
    assert PicturePair.objects.get().dismissed_by == people.editor


def test_asking_twice_waits_once(people, project):
    assert request_curation(people.editor, project) == request_curation(people.editor, project)


def test_the_judge_proposes_and_a_person_decides(people, project):
    words = {"subject": "car", "color": "red", "environment": "on a beach"}
    scene = Scene(**words, light="soft daylight", style="flat vector style", seed=3)
    shown = add(people.editor, project, render(scene), "car.png")
    picture(people.editor, project, 9)
    job = request_tagging(people.editor, project)
    assert job.claim()
    with job.work():
        tag_pictures(job, open_tagger(None))
    job.refresh_from_db()
    assert job.status == "succeeded", job.detail
    tags = {tag.text: tag for tag in shown.tags.all()}
    assert {"car", "on a beach"} <= set(tags)
    assert all(tag.state == "proposed" and 0.5 < tag.confidence <= 1 for tag in tags.values())
    assert Tagging.objects.get().tagger == tags["car"].source
    decide_tag(people.editor, tags["car"], accepted=True)
    decide_tag(people.editor, tags["on a beach"], accepted=False)
    assert PictureTag.objects.get(text="car").decided_by == people.editor
    shown.refresh_from_db()
    assert "car" in shown.search_text.split("\n")
    assert "on a beach" not in shown.search_text
