"""One set of filters for pages and the API: each keeps what it says, and nothing else."""

from datetime import timedelta
from typing import get_args

import pytest
from django.utils import timezone

from assets.curation.quality import Flag
from assets.models import Picture, PictureTag, Rights, Term
from assets.picture_filters import FLAG_WORDS, PictureFilter, licenses_of, spellings_of

from .material import cleared, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def pictures(people, project):
    """Return four pictures that differ in all that can be filtered."""
    soon = timezone.now() + timedelta(days=20)
    one = cleared(people, project, 1, "CC-BY-4.0", creator_reading="あな はな")
    two = picture(people.editor, project, 2, "CC0-1.0", expires_at=soon, releases={"花子": "none"})
    three = picture(people.editor, project, 3, "CC-BY-4.0 OR CC0-1.0", branch="CC0-1.0", releases={"花子": "unlimited"})
    four = picture(people.editor, project, 4, "")
    Picture.objects.filter(pk=one.pk).update(measures={"edges": 1.0}, flags=["blurry", "small"])
    Picture.objects.filter(pk=two.pk).update(measures={"edges": 1.0}, flags=[])
    Rights.objects.filter(picture=four).update(expires_at=timezone.now() - timedelta(days=1), state="withdrawn")
    for shown, text, state in (
        (one, "polar bear", "accepted"),
        (two, "白熊", "accepted"),
        (three, "bear", "rejected"),
        (four, "teddy bear", "accepted"),
        (four, "bearskin", "accepted"),
    ):
        PictureTag.objects.create(picture=shown, text=text, state=state)
    return {shown.id: number for number, shown in enumerate((one, two, three, four), 1)}


def found(project, pictures, **asked):
    rows = PictureFilter(asked, Picture.objects.filter(project=project), project=project).qs
    return sorted(pictures[each.id] for each in rows)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [1, 2, 3, 4]),
        ({"license": "CC-BY-4.0"}, [1]),
        ({"license": "CC0-1.0"}, [2, 3]),
        ({"license": "unknown"}, [4]),
        ({"state": "cleared"}, [1]),
        ({"state": "withdrawn"}, [4]),
        ({"creator": "あな"}, [1]),
        ({"creator": "ana"}, [1, 2, 3, 4]),
        ({"flag": "blurry"}, [1]),
        ({"flag": "blur"}, [1, 2, 3, 4]),
        ({"flag": "any"}, [1]),
        ({"flag": "none"}, [2]),
        ({"flag": "unmeasured"}, [3, 4]),
        ({"release": "none"}, [2]),
        ({"release": "unlimited"}, [3]),
        ({"release": "nobody"}, [1, 4]),
        ({"expiry": "30"}, [2, 4]),
        ({"expiry": "0"}, [4]),
        ({"expiry": "-1"}, [1, 2, 3, 4]),
        ({"tag": "polar bear"}, [1]),
        ({"tag": "bear"}, [1, 4]),
        ({"tag": "BEAR"}, [1, 4]),
        ({"q": "picture 3"}, [3]),
        ({"q": "%"}, []),
        ({"q": "picture", "state": "cleared"}, [1]),
    ],
)
def test_each_filter_keeps_what_it_says(project, pictures, asked, numbers):
    assert found(project, pictures, **asked) == numbers


def test_a_word_finds_its_other_spellings_and_its_kinds(project, pictures):
    Term.objects.create(ja="熊", en="a bear", synonyms=["クマ"], slot="subject")
    Term.objects.create(ja="白熊", en="a polar bear", slot="subject")
    assert found(project, pictures, tag="クマ") == [1, 2, 4]
    assert found(project, pictures, tag="白熊") == [1, 2]


def test_another_projects_words_are_not_ours(people, project):
    elsewhere = people.stranger.memberships.get().project
    Term.objects.create(project=elsewhere, ja="熊", en="a bear", slot="subject")
    assert spellings_of(project, "熊") == ["熊"]
    assert spellings_of(project, "  ") == []


def test_the_licences_to_choose_from_are_those_that_are_there(project, pictures):
    assert licenses_of(project) == ["CC-BY-4.0", "CC0-1.0", "unknown"]


def test_every_warning_has_a_word():
    assert set(FLAG_WORDS) == set(get_args(Flag))
