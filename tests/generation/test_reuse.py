"""Use a picture's recipe again: the form that opens makes the same prompt, whatever was left to the template."""

import pytest
from django.urls import reverse

from generation.composing import compose
from generation.forms import StudioForm
from generation.models import Generation, Output
from generation.services.templates import archive_template, create_template
from generation.starting import Shelf, values_of_output
from tests.generation.pictures import made

MODES = ("all", "noseed", "prompt")
BODY = {
    "slots": [
        {"name": "subject", "default": "a {color} mug"},
        {"name": "environment", "default": "砂浜で"},
        {"name": "light", "default": "soft daylight", "prefix": "in", "suffix": ", calm"},
        {"name": "style", "default": "poster style", "locked": True},
    ],
    "negative": "blurry, text",
    "negative_locked": "noise",
    "variables": {"color": {"default": "red"}},
}
LEFT_TO_THE_TEMPLATE = {
    "everything": {"slots": {}},
    "all but the subject": {"slots": {"subject": "a blue cat"}},
    "the negatives": {"slots": {"subject": "a cat", "environment": "", "light": "moonlight"}},
    "nothing, given empty": {"slots": {"subject": "a cat", "environment": "", "light": ""}, "negative": ""},
    "the slots": {"slots": {}, "negative": "fog", "variables": {"color": "green"}},
}


@pytest.fixture
def version(people, project):
    """Return the only version of a template in which every slot says something."""
    body = BODY | {"separator": ", "}
    return create_template(people.editor, project, slug="mugs", name="Mugs", note="", body=body).versions.get()


def reused(project, output: Output, keep: str) -> StudioForm:
    """Return the form that a picture opens."""
    shelf = Shelf(project)
    row = Output.objects.select_related("project", "generation__template_version__template").get(pk=output.pk)
    form = StudioForm(values_of_output(shelf, row, keep), shelf=shelf)
    assert form.is_valid(), form.errors
    return form


def assert_same_words(project, output: Output, keep: str) -> None:
    """Compare prompts, and for "all" the whole recipe."""
    spec = compose(project, reused(project, output, keep).picture_request()).spec
    assert (spec.prompt, spec.negative_prompt) == (output.spec["prompt"], output.spec["negative_prompt"])
    if keep == "all":
        assert spec.recipe_sha256() == output.recipe_sha256


@pytest.mark.parametrize("keep", MODES)
@pytest.mark.parametrize("left", LEFT_TO_THE_TEMPLATE)
def test_what_was_left_to_the_template_comes_back(people, project, starter, version, left, keep):
    [output] = made(people.editor, project, starter, template_version=version, **LEFT_TO_THE_TEMPLATE[left])
    assert "soft daylight" in output.spec["prompt"] or "light" in LEFT_TO_THE_TEMPLATE[left]["slots"]
    assert_same_words(project, output, keep)


@pytest.mark.parametrize("keep", MODES)
def test_a_picture_without_template_and_negatives_gets_none_from_the_model(people, project, starter, keep):
    starter.defaults |= {"negative_prompt": "watermark"}
    starter.save(update_fields=["defaults"])
    [output] = made(people.editor, project, starter, slots={"subject": "a cat"})
    assert output.spec["negative_prompt"] == ""
    assert_same_words(project, output, keep)


@pytest.mark.parametrize("keep", MODES)
def test_a_template_that_was_archived_leaves_its_words(people, project, starter, version, keep):
    [output] = made(people.editor, project, starter, template_version=version, slots={})
    archive_template(people.editor, version.template, archived=True)
    form = reused(project, output, keep)
    assert form["template_version"].value() == ""
    assert_same_words(project, output, keep)


def test_the_pages_three_links_open_it(signed_in, people, project, starter, version):
    [output] = made(people.editor, project, starter, template_version=version, slots={})
    for keep in MODES:
        page = signed_in("editor").get(reverse("studio", args=["spring"]), {"from": output.id, "keep": keep})
        assert page.context["preview"].composed.spec.prompt == output.spec["prompt"]
        assert page.context["form"]["negative"].value() == "blurry, text"
    assert Generation.objects.count() == 1
