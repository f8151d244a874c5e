"""What the portal's checks say of a dataset, through the API: the same answers from the same functions."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from assets import api_checks
from assets.models import Curation, Picture, PicturePair, PictureTag, Term
from assets.services.datasets import add_items, create_dataset, set_caption
from tests.api.test_errors import error_of
from tests.assets.material import cleared, picture

ROOM = "/api/v1/datasets/"
EXPIRIES = "/api/v1/expiries/"
SPRING = {"project": "spring"}
TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def dataset(people, project):
    """Return a dataset of six captioned pictures, of which two have warnings and one may not be sold."""
    made = create_dataset(people.editor, project, name="Foxes", trigger="sksfox")
    shown = [cleared(people, project, seed) for seed in range(1, 6)]
    add_items(people.editor, made, [*shown, picture(people.editor, project, 6, "CC-BY-NC-4.0")])
    for item in made.items.select_related("picture__rights"):
        set_caption(item, language="en", text=f"sksfox, red fox, front view, place {item.number}")
    set_caption(made.items.get(number=3), language="en", text="vixen, side view")
    set_caption(made.items.get(number=1), language="ja", text="sksfox、狐、全身")
    Picture.objects.filter(items__dataset=made).update(measures={"width": 96})
    flag(made, 1, "blurry", "text")
    flag(made, 2, "blurry")
    Picture.objects.filter(items__dataset=made, items__number=5).update(measures=None)
    PictureTag.objects.create(picture=made.items.get(number=5).picture, text="close-up", state="accepted")
    Term.objects.create(project=project, ja="狐", en="a fox", synonyms=["vixen"], slot="subject")
    return made


def flag(dataset, number: int, *flags: str) -> None:
    """Warn about a picture, as a worker does."""
    Picture.objects.filter(items__dataset=dataset, items__number=number).update(flags=list(flags))


def pair(dataset, one: int, other: int) -> None:
    """Say that two pictures are nearly the same, as a worker does."""
    ids = sorted(dataset.items.filter(number__in=(one, other)).values_list("picture_id", flat=True))
    PicturePair.objects.create(first_id=ids[0], second_id=ids[1], similarity=0.9)


@pytest.fixture
def one(dataset) -> str:
    """Return the dataset's address."""
    return f"{ROOM}{dataset.id}/"


@pytest.fixture
def page(signed_in):
    """Return a function from a page of the portal to what it shows."""

    def open_page(name: str, query: str = ""):
        of_dataset = {} if name == "expiries" else {"dataset_slug": "foxes"}
        return signed_in("viewer").get(reverse(name, kwargs={"slug": "spring", **of_dataset}) + query).context

    return open_page


@pytest.fixture
def reader(caller):
    """Return a viewer with a token that may only read."""
    return caller("viewer", "read")


def test_the_checks_say_what_the_page_says(reader, page, dataset, one):
    pair(dataset, 1, 2)
    pair(dataset, 2, 4)
    found, shown = reader.get(f"{one}checks/?language=en").json(), page("dataset_checks")
    assert found["counts"] == {name: getattr(shown["counts"], name) for name in found["counts"]}
    assert found["counts"] == {"pictures": 6, "flagged": 2, "captioned": 6, "unmeasured": 1}
    assert found["gate"]["verdict"] == "block"
    assert found["gate"]["reasons"] == shown["gate"].reasons
    assert [(each["name"], [why["sentence"] for why in each["reasons"]]) for each in found["readiness"]] == [
        (each.name, each.reasons) for each in shown["methods"]
    ]
    levels = {each["method"]: each["level"] for each in found["readiness"]}
    assert levels == {
        "textual_inversion": "check", "dreambooth": "not_ready", "lora": "not_ready", "hypernetwork": "not_ready",
    }  # fmt: skip
    assert [[each["number"] for each in group["pictures"]] for group in found["duplicates"]] == [
        [tile.item.number for tile in group.tiles] for group in shown["groups"]
    ]
    assert [(group["number"], group["count"]) for group in found["duplicates"]] == [(1, 3)]
    assert found["duplicate_count"] == 1


def test_warnings_are_counted_and_listed_as_on_the_grid(reader, page, one):
    found = reader.get(f"{one}checks/").json()["flags"]
    assert found == [
        {"flag": "blurry", "label": "blurry", "count": 2, "numbers": [1, 2]},
        {"flag": "text", "label": "text or logo", "count": 1, "numbers": [1]},
    ]
    tiles = {tile.item.number: tile for tile in page("dataset")["tiles"]}
    rows = reader.get(f"{one}flags/").json()["results"]
    assert [(row["number"], row["flags"]) for row in rows] == [(1, ["blurry", "text"]), (2, ["blurry"])]
    assert all(row["warnings"] == tiles[row["number"]].sheet.flags for row in rows)


@pytest.mark.parametrize("flag", ["any", "none", "unmeasured", "blurry", "text", "dark"])
def test_pictures_are_narrowed_by_warning_as_in_the_portal(reader, page, one, flag):
    found = [row["number"] for row in reader.get(f"{one}flags/?flag={flag}").json()["results"]]
    assert found == [tile.item.number for tile in page("dataset", f"?flag={flag}")["tiles"]]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_lint_says_what_the_caption_editor_says(reader, page, one, language):
    found = reader.get(f"{one}checks/?language={language}").json()
    complaints = page("captions", f"?language={language}")["complaints"]
    assert [(each["sentence"], each["numbers"]) for each in found["findings"]] == [
        (each.sentence, each.numbers) for each in complaints
    ]
    assert found["finding_count"] == len(complaints) > 0


def test_a_finding_says_which_rename_mends_it(caller, reader, one):
    [synonym] = [
        each for each in reader.get(f"{one}checks/?language=en").json()["findings"] if each["code"] == "phrase_synonym"
    ]
    assert (synonym["phrase"], synonym["suggestion"], synonym["numbers"], synonym["count"]) == ("vixen", "fox", [3], 1)
    renaming = {"language": "en", "old": synonym["phrase"], "new": synonym["suggestion"]}
    assert caller("editor").post(f"{one}captions/rename/", renaming, format="json").status_code == 200
    again = reader.get(f"{one}checks/?language=en").json()["findings"]
    assert "phrase_synonym" not in {each["code"] for each in again}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_words_are_counted_as_on_the_page(reader, page, one, language):
    found = reader.get(f"{one}words/?language={language}").json()
    shown = page("caption_words", f"?language={language}")
    assert [(each["phrase"], each["count"]) for each in found["frequencies"]] == shown["frequencies"]
    assert [(each["phrase"], each["counts"]) for each in found["together"]] == [
        (each.phrase, each.counts) for each in shown["together"]
    ]
    assert found["frequencies"] != []
    assert found["together"][0]["counts"][0] is None


def test_coverage_is_that_of_the_page_with_names_for_programs(reader, page, one):
    found, shown = reader.get(f"{one}words/").json()["coverage"], page("dataset_checks")["coverage"]
    assert [(each["label"], each["unsaid"], each["unsaid_count"]) for each in found] == [
        (each.label, [int(number) for number in each.unsaid], each.unsaid_count) for each in shown
    ]
    assert [[(value["label"], value["count"]) for value in each["values"]] for each in found] == [
        [(value.label, value.count) for value in each.values] for each in shown
    ]
    counts = {value["id"]: value["count"] for each in found for value in each["values"]}
    assert (counts["front"], counts["side"], counts["full_body"]) == (5, 1, 1)


def test_what_is_not_asked_for_is_the_readers_language(caller, one):
    client = caller("viewer", "read")
    assert client.get(f"{one}words/").json()["language"] == "en"
    assert client.get(f"{one}checks/", headers={"Accept-Language": "ja"}).json()["language"] == "ja"


@pytest.mark.parametrize("query", ["", "?side=768&shape=buckets", "?side=640&shape=square"])
def test_crops_are_planned_as_the_page_draws_them(reader, page, one, query):
    found, shown = reader.get(f"{one}crops/{query}").json()["results"], page("dataset_crops", query)["crops"]
    sides = ("left", "top", "right", "bottom", "width", "height")
    assert [(each["number"], *(each[side] for side in sides)) for each in found] == [
        (each.item.number, *(getattr(each.plan, side) for side in sides)) for each in shown
    ]
    assert [round(each["lost"] * 100) for each in found] == [each.lost_percent for each in shown]
    assert all(each["enlarges"] for each in found)
    assert (found[0]["picture_width"], found[0]["picture_height"]) == (96, 80)


def test_lists_turn_pages(reader, one):
    for address in (f"{one}crops/?page_size=2", f"{one}flags/?flag=none&page_size=2"):
        first = reader.get(address).json()
        second = reader.get(first["next"]).json()
        numbers = [row["number"] for row in [*first["results"], *second["results"]]]
        assert len(first["results"]) == 2
        assert numbers == sorted(set(numbers))


UNREADABLE = [
    ("checks/?language=fr", "language"),
    ("words/?language=EN", "language"),
    ("flags/?flag=ugly", "flag"),
    ("crops/?side=513", "side"),
    ("crops/?side=x", "side"),
    ("crops/?shape=round", "shape"),
]


@pytest.mark.parametrize(("path", "field"), UNREADABLE)
def test_what_cannot_be_read_is_refused_by_name(reader, one, path, field):
    response = reader.get(f"{one}{path}")
    assert (response.status_code, list(error_of(response)["fields"])) == (400, [field])


def test_near_duplicates_are_called_different_once(caller, people, page, dataset, one):
    pair(dataset, 1, 2)
    pair(dataset, 2, 4)
    client = caller("editor")
    answers = [client.post(f"{one}different/", {"numbers": [1, 2]}, format="json").json() for _ in range(2)]
    assert answers == [{"dismissed": 1}, {"dismissed": 0}]
    left = client.get(f"{one}checks/").json()["duplicates"]
    assert [[each["number"] for each in group["pictures"]] for group in left] == [[2, 4]]
    assert [[tile.item.number for tile in group.tiles] for group in page("dataset_checks")["groups"]] == [[2, 4]]
    caller("owner").post(f"{one}different/", {"numbers": [1, 2, 4]}, format="json")
    assert sorted(PicturePair.objects.values_list("dismissed_by__name", flat=True)) == ["Editor", "Owner"]


@pytest.mark.parametrize("numbers", [[1], [], [1, 9], [1, "x"], [0, 1], [1, 2**40], list(range(1, 1002)), "1,2", None])
def test_what_is_not_in_the_dataset_cannot_be_called_different(caller, dataset, one, numbers):
    pair(dataset, 1, 2)
    response = caller("editor").post(f"{one}different/", {"numbers": numbers}, format="json")
    assert response.status_code == 400
    assert {name.partition(".")[0] for name in error_of(response)["fields"]} == {"numbers"}
    assert PicturePair.objects.get().dismissed_by is None


def test_a_viewer_or_a_reading_token_calls_nothing_different(caller, dataset, one):
    pair(dataset, 1, 2)
    for client in (caller("viewer"), caller("owner", "read", "generate")):
        assert client.post(f"{one}different/", {"numbers": [1, 2]}, format="json").status_code == 403
    assert PicturePair.objects.get().dismissed_by is None


def test_a_large_answer_is_cut_and_says_so(reader, dataset, one, monkeypatch):
    pair(dataset, 1, 2)
    pair(dataset, 3, 4)
    for name in ("GROUPS_SENT", "PICTURES_SENT", "FINDINGS_SENT"):
        monkeypatch.setattr(api_checks, name, 1)
    found = reader.get(f"{one}checks/?language=en").json()
    assert (len(found["duplicates"]), found["duplicate_count"]) == (1, 2)
    assert (len(found["duplicates"][0]["pictures"]), found["duplicates"][0]["count"]) == (1, 2)
    assert len(found["findings"]) == 1 < found["finding_count"]


def test_an_empty_dataset_has_no_answer_of_the_gate_and_nothing_to_show(reader, people, project):
    one = f"{ROOM}{create_dataset(people.editor, project, name='Empty').id}/"
    found = reader.get(f"{one}checks/").json()
    assert (found["gate"], found["flags"], found["duplicates"], found["findings"]) == (None, [], [], [])
    assert {each["level"] for each in found["readiness"]} == {"not_ready"}
    assert reader.get(f"{one}words/").json()["frequencies"] == []
    for path in ("flags/", "crops/"):
        assert reader.get(f"{one}{path}").json()["results"] == []


def test_the_newest_look_is_named(reader, people, project, one):
    assert reader.get(f"{one}checks/").json()["look"] is None
    job = Curation.objects.create(project=project, requested_by=people.editor)
    assert reader.get(f"{one}checks/").json()["look"]["id"] == str(job.id)


@pytest.mark.parametrize("path", ["checks/", "flags/", "words/", "crops/"])
def test_an_answer_costs_the_same_whatever_its_length(reader, people, project, dataset, one, path):
    pair(dataset, 1, 2)
    reader.get(one)  # notes once that the token was used
    counts = []
    for seeds in ((), range(20, 26)):
        add_items(people.editor, dataset, [picture(people.editor, project, seed) for seed in seeds])
        for number in range(7, 7 + len(seeds)):
            flag(dataset, number, "dark")
            set_caption(dataset.items.get(number=number), language="en", text=f"red fox, back view, place {number}")
        if seeds:
            pair(dataset, 3, 4)
            pair(dataset, 7, 8)
        with CaptureQueriesContext(connection) as queries:
            assert reader.get(f"{one}{path}").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def names(months) -> list[tuple[str, list[str]]]:
    """Return the months of an answer with the names of what ends in them."""
    return [(each["month"][:7], [ending["name"] for ending in each["endings"]]) for each in months]


def test_licences_that_end_are_those_of_the_calendar(reader, page, people, project, time_machine):
    time_machine.move_to(datetime(2026, 12, 1, tzinfo=TOKYO))
    new_year = datetime(2027, 1, 1, tzinfo=TOKYO)
    ends = [new_year, *(new_year + timedelta(days=days) for days in (20, 400)), datetime(2026, 11, 1, tzinfo=TOKYO)]
    for seed, at in enumerate(ends, 1):
        cleared(people, project, seed, expires_at=at, time_zone="Asia/Tokyo")
    found, shown = reader.get(EXPIRIES, SPRING).json(), page("expiries")["calendar"]
    assert names(found["ahead"]) == [("2026-12", ["1.png"]), ("2027-01", ["2.png"])]
    assert names(found["ended"]) == [("2026-10", ["4.png"])]
    for part in ("ahead", "ended"):
        assert [
            (month["month"], [(each["rights"], each["last_day"], each["within"]) for each in month["endings"]])
            for month in found[part]
        ] == [
            (str(month.first), [(str(each.thing.rights.id), each.last_day, each.within) for each in month.endings])
            for month in getattr(shown, part)
        ]
    assert (found["later"], found["is_cut"], found["within"]) == (shown.later, False, 90) == (1, False, 90)
    [first] = found["ahead"][0]["endings"]
    assert (first["kind"], first["license"], first["time_zone"]) == ("picture", "CC0-1.0", "Asia/Tokyo")
    assert first["last_day"] == "31 December 2026 (Asia/Tokyo)"
    assert Picture.objects.get(id=first["thing"]).name == "1.png"


@pytest.mark.parametrize(("within", "ahead", "later"), [(7, 1, 2), (30, 2, 1), (90, 3, 0)])
def test_the_calendar_looks_as_far_ahead_as_is_asked(reader, page, people, project, within, ahead, later):
    for seed, days in ((1, 5), (2, 20), (3, 60)):
        cleared(people, project, seed, expires_at=timezone.now() + timedelta(days=days))
    found = reader.get(EXPIRIES, {**SPRING, "within": within}).json()
    assert (sum(len(each["endings"]) for each in found["ahead"]), found["later"]) == (ahead, later)
    shown = page("expiries", f"?within={within}")["calendar"]
    assert (sum(len(each.endings) for each in shown.ahead), shown.later) == (ahead, later)


@pytest.mark.parametrize(
    ("query", "status"),
    [({}, 400), ({**SPRING, "within": 9}, 400), ({**SPRING, "within": "x"}, 400), ({"project": "elsewhere"}, 404)],
)
def test_a_calendar_that_cannot_be_is_refused(reader, project, query, status):
    assert reader.get(EXPIRIES, query).status_code == status


def test_a_calendar_costs_the_same_whatever_ends(reader, people, project):
    reader.get(EXPIRIES, SPRING)  # notes once that the token was used
    counts = []
    for seeds in (range(1, 4), range(4, 9)):
        for seed in seeds:
            cleared(people, project, seed, expires_at=timezone.now() + timedelta(days=seed * 9))
        with CaptureQueriesContext(connection) as queries:
            assert reader.get(EXPIRIES, SPRING).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("path", ["checks/", "flags/", "words/", "crops/"])
def test_what_is_not_yours_looks_like_what_is_not_there(caller, one, dataset, path):
    client = caller("stranger")
    nowhere = one.replace(str(dataset.id), "00000000-6a3d-4a8e-9b5c-0d3f0a1d2c11")
    mine, none = client.get(f"{one}{path}"), client.get(f"{nowhere}{path}")
    assert (mine.status_code, error_of(mine)) == (404, error_of(none))
