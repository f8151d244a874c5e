"""A word that the vocabulary does not know is asked of the translation model on disk, by a real worker's task."""

import pytest

from generation.models import Suggestion
from generation.services.suggestions import request_suggestion
from projects.problems import Problem
from tests.engine.test_translate import folder as marian  # noqa: F401 - the tiny model that says 赤い車

WORD = "赤い車"


def test_without_a_model_the_page_says_what_to_do(people, project, settings):
    settings.TRANSLATION_MODEL = ""
    with pytest.raises(Problem) as caught:
        request_suggestion(people.editor, project, WORD)
    assert caught.value.code == "no_translator"
    assert not Suggestion.objects.exists()


def test_the_worker_asks_the_model_and_the_page_shows_its_answer(people, project, settings, marian, signed_in):  # noqa: F811
    from generation.tasks import suggest

    settings.TRANSLATION_MODEL = str(marian)
    client = signed_in("editor")
    client.post("/p/spring/suggestions/", {"text": WORD})
    job = Suggestion.objects.get()
    suggest(str(job.id))
    page = client.get(f"/p/spring/suggestions/{job.id}/").content.decode()
    assert "a red car" in page
    assert "hx-trigger" not in page
    job.refresh_from_db()
    assert job.translator.startswith("marian ")


def test_a_folder_that_is_no_model_fails_in_words(people, project, settings, tmp_path, signed_in):
    from generation.tasks import suggest

    settings.TRANSLATION_MODEL = str(tmp_path)
    job = request_suggestion(people.editor, project, WORD)
    suggest(str(job.id))
    job.refresh_from_db()
    assert job.status == "failed"
    assert job.error == "component_missing"
    assert job.reason in signed_in("editor").get(f"/p/spring/suggestions/{job.id}/").content.decode().replace(
        "&#x27;", "'"
    )


@pytest.mark.parametrize(("name", "code"), [("viewer", 403), ("stranger", 404)])
def test_only_editors_ask(name, code, people, project, settings, signed_in):
    settings.TRANSLATION_MODEL = "/somewhere"
    assert signed_in(name).post("/p/spring/suggestions/", {"text": WORD}).status_code == code
