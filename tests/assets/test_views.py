"""The library's room: what there is, what may be done with it, and what it made."""

import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from assets.models import ModelFile, Rights
from projects.models import Project
from tests.generation.pictures import made

OPENRAIL = "LicenseRef-scancode-stable-diffusion-2022-08-22"


def add_model(name, expression="CC0-1.0", *, state=Rights.State.CLEARED, **fields):
    """Register a model that has no file behind it: the library reads rows only."""
    defaults = {"kind": "base", "architecture": "sd1", "layout": "single", "size_bytes": 2_000_000_000}
    rights = Rights.objects.create(
        expression=expression,
        state=state,
        creator="<b>Studio</b>",
        **{"source_url": "https://example.com/model", **fields.pop("rights", {})},
    )
    values = {**defaults, "path": f"{name}.safetensors", "sha256": uuid.uuid4().hex * 2, **fields}
    return ModelFile.objects.create(name=name, rights=rights, **values)


def page(client, query=""):
    return client.get(reverse("library", args=["spring"]) + query)


def names(client, query=""):
    return [shelf.file.name for shelf in page(client, query).context["shelves"]]


def model_page(client, model):
    return client.get(reverse("model_file", args=["spring", model.id]))


def test_models_of_the_house_and_of_the_project_are_listed(signed_in, project):
    add_model("shared")
    add_model("ours", project=project)
    add_model("theirs", project=Project.objects.get(slug="elsewhere"))
    assert sorted(names(signed_in("viewer"))) == ["ours", "shared"]


def test_another_projects_model_is_not_there(signed_in, project):
    theirs = add_model("theirs", project=Project.objects.get(slug="elsewhere"))
    assert model_page(signed_in("owner"), theirs).status_code == 404


def test_an_empty_library_says_how_models_come(signed_in, project):
    assert "register_model" in page(signed_in("viewer")).content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?kind=vae", ["vae"]),
        ("?architecture=sdxl", ["large"]),
        (f"?license={OPENRAIL}", ["large"]),
        ("?state=pending", ["vae"]),
        ("?q=LAR", ["large"]),
        ("?q=%25", []),
        ("?architecture=nonsense", ["large", "small", "vae"]),
    ],
)
def test_the_list_is_narrowed(signed_in, project, query, found):
    add_model("small")
    add_model("large", OPENRAIL, architecture="sdxl")
    add_model("vae", kind="vae", state=Rights.State.PENDING)
    assert sorted(names(signed_in("viewer"), query)) == found


def test_a_model_is_found_by_its_hash(signed_in, project):
    model = add_model("small")
    add_model("other")
    assert names(signed_in("viewer"), f"?q={model.sha256[:12].upper()}") == ["small"]


def test_the_badge_is_the_gates_own_answer(signed_in, project):
    add_model("cleared")
    add_model("unknown", "")
    add_model("waiting", state=Rights.State.PENDING)
    marks = {shelf.file.name: shelf.mark for shelf in page(signed_in("viewer")).context["shelves"]}
    assert marks["cleared"] == "ok"
    assert marks["unknown"] == "stop"
    assert marks["waiting"] != "ok"


def test_a_model_page_answers_what_may_be_done(signed_in, project):
    html = model_page(signed_in("viewer"), add_model("small", OPENRAIL)).content.decode()
    assert "Publish them commercially in Japan" in html
    assert "the listed harmful uses are out" in html
    assert "§5, Attachment A" in html


def test_an_unknown_licence_blocks_and_says_why(signed_in, project):
    response = model_page(signed_in("viewer"), add_model("unknown", ""))
    assert {answer.mark for answer in response.context["answers"]} == {"stop"}
    assert all(answer.reasons for answer in response.context["answers"])


def test_a_revenue_limit_blocks_a_rich_company(signed_in, project):
    model = add_model("community", "LicenseRef-scancode-stability-ai-community-2024")
    assert model_page(signed_in("viewer"), model).context["answers"][0].mark == "ok"
    Project.objects.filter(pk=project.pk).update(revenue_usd=50_000_000)
    assert model_page(signed_in("viewer"), model).context["answers"][0].mark == "stop"


def test_the_words_of_a_licence_follow_the_readers_language(signed_in, people, project):
    people.viewer.language = "ja"
    people.viewer.save(update_fields=["language"])
    html = model_page(signed_in("viewer"), add_model("small", OPENRAIL)).content.decode()
    assert "列挙された有害な用途" in html


def test_what_people_wrote_is_never_markup(signed_in, project):
    html = model_page(signed_in("viewer"), add_model("<i>small</i>")).content.decode()
    assert "<b>Studio</b>" not in html
    assert "<i>small</i>" not in html


def test_a_removed_model_stays_as_a_tombstone(signed_in, project):
    gone = add_model("gone", removed_at=timezone.now())
    assert names(signed_in("viewer")) == ["gone"]
    html = model_page(signed_in("viewer"), gone).content.decode()
    assert "Its name, hash and licence stay" in html
    assert gone.sha256 in html


def test_the_list_asks_few_questions_whatever_its_length(signed_in, project, django_assert_max_num_queries):
    for number in range(20):
        add_model(f"model {number}")
    client = signed_in("viewer")
    with django_assert_max_num_queries(11):
        page(client)


def test_a_model_page_asks_few_questions(signed_in, project, django_assert_max_num_queries):
    client, model = signed_in("viewer"), add_model("small")
    with django_assert_max_num_queries(17):
        model_page(client, model)


def test_only_this_projects_pictures_are_counted_and_shown(signed_in, people, project, starter):
    elsewhere = Project.objects.get(slug="elsewhere")
    [ours, _second] = made(people.editor, project, starter, count=2)
    [theirs] = made(people.stranger, elsewhere, starter)
    assert [shelf.pictures for shelf in page(signed_in("viewer")).context["shelves"]] == [2]
    html = model_page(signed_in("viewer"), starter).content.decode()
    assert str(ours.id) in html
    assert str(theirs.id) not in html
