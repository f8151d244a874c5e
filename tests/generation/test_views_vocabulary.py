"""The vocabulary's room: find words, add and change the project's own, take them out, export them."""

import pytest
from django.urls import reverse

from assets.models import Term
from assets.services import install_starter_terms
from assets.vocabulary import load_terms, parse_terms
from generation.translation import translate
from generation.vocabularies import vocabulary_of
from ledger.models import Entry

WIND_CHIME = {
    "ja": "風鈴",
    "reading": "ふうりん",
    "en": "a wind chime",
    "synonyms": "ふーりん、ウインドチャイム",
    "slot": "subject",
}


@pytest.fixture
def shared(db):
    """Return a few shared words."""
    rows = [
        Term(ja="海", reading="うみ", en="by the sea", synonyms=["オーシャン"], slot="environment"),
        Term(ja="猫", reading="ねこ", en="a cat", synonyms=[], slot="subject"),
        Term(ja="100%", reading="", en="a full_glass", synonyms=[], slot="subject"),
    ]
    return Term.objects.bulk_create(rows)


def url(view, *args):
    return reverse(view, args=["spring", *args])


def words(client, query=""):
    return [term.ja for term in client.get(url("vocabulary") + query).context["terms"]]


def last_entry(project):
    return Entry.objects.filter(chain=project.id).latest("seq")


@pytest.mark.parametrize("text", ["海", "うみ", "ウミ", "SEA", "ＳＥＡ", "オーシャン", "おーしゃん"])
def test_words_are_found_in_every_spelling(signed_in, project, shared, text):
    assert words(signed_in("viewer"), f"?q={text}") == ["海"]


@pytest.mark.parametrize(("text", "found"), [("%25", ["100%"]), ("_", ["100%"]), ("%5C", [])])
def test_search_is_literal(signed_in, project, shared, text, found):
    assert words(signed_in("viewer"), f"?q={text}") == found


def test_words_are_narrowed_by_slot_and_by_whose_they_are(signed_in, project, shared):
    Term.objects.create(project=project, ja="風鈴", en="a wind chime", slot="subject")
    client = signed_in("viewer")
    assert words(client, "?slot=environment") == ["海"]
    assert words(client, "?whose=ours") == ["風鈴"]
    assert words(client)[0] == "風鈴"


def test_nobody_sees_another_projects_words(signed_in, project, people, shared):
    from projects.models import Project

    Term.objects.create(project=Project.objects.get(slug="elsewhere"), ja="秘密", en="a secret", slot="subject")
    assert words(signed_in("owner"), "?q=秘密") == []


def test_a_word_that_is_added_is_used_at_once_and_written_down(signed_in, project, shared):
    before = vocabulary_of(project).version
    assert translate("風鈴", vocabulary_of(project)).unknown
    assert signed_in("editor").post(url("term_add"), WIND_CHIME).status_code == 302
    assert translate("風鈴", vocabulary_of(project)).result == "a wind chime"
    assert vocabulary_of(project).version != before
    entry = last_entry(project)
    assert entry.event == "assets.term.added"
    assert entry.data["synonyms"] == ["ふーりん", "ウインドチャイム"]


def test_a_projects_word_goes_before_the_shared_one(signed_in, project, shared):
    signed_in("editor").post(url("term_add"), {**WIND_CHIME, "ja": "猫", "en": "a tabby cat"})
    assert translate("猫", vocabulary_of(project)).result == "a tabby cat"
    html = signed_in("viewer").get(url("vocabulary")).content.decode()
    assert "replaced" in html


def test_a_word_is_changed_and_taken_out(signed_in, project):
    client = signed_in("editor")
    client.post(url("term_add"), WIND_CHIME)
    term = Term.objects.get(project=project)
    assert client.post(url("term_edit", term.id), {**WIND_CHIME, "en": "a glass wind chime"}).status_code == 302
    term.refresh_from_db()
    assert term.en == "a glass wind chime"
    assert last_entry(project).data["from"]["en"] == "a wind chime"
    assert client.post(url("term_remove", term.id)).status_code == 302
    assert not Term.objects.filter(project=project).exists()
    assert last_entry(project).data["en"] == "a glass wind chime"


def test_saving_a_word_unchanged_writes_nothing(signed_in, project):
    client = signed_in("editor")
    client.post(url("term_add"), WIND_CHIME)
    seq = last_entry(project).seq
    client.post(url("term_edit", Term.objects.get(project=project).id), WIND_CHIME)
    assert last_entry(project).seq == seq


@pytest.mark.parametrize("view", ["term_edit", "term_remove"])
def test_shared_words_stay_as_they_are(signed_in, project, shared, view):
    assert signed_in("owner").post(url(view, shared[0].id), WIND_CHIME).status_code == 404
    assert Term.objects.filter(project=None).count() == 3


def test_viewers_change_nothing(signed_in, project):
    assert signed_in("viewer").post(url("term_add"), WIND_CHIME).status_code == 403
    assert 'id="word"' not in signed_in("viewer").get(url("vocabulary")).content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ja": "wind chime"}, "Write the Japanese word"),
        ({"ja": "風(鈴"}, "syntax of prompts"),
        ({"en": "=cmd|' /C calc'!A0"}, "syntax of prompts"),
        ({"en": "=1+1"}, "cannot begin with"),
        ({"en": "\u200b"}, "Write the English"),
        ({"reading": "fuurin"}, "kana"),
        ({"ja": "あ" * 81}, "at most 80"),
        ({"slot": "nowhere"}, "Select a valid choice"),
    ],
)
def test_a_word_that_cannot_be_used_gets_a_reason(signed_in, project, changes, sentence):
    response = signed_in("editor").post(url("term_add"), {**WIND_CHIME, **changes})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Term.objects.filter(project=project).exists()


def test_the_same_word_twice_in_a_slot_is_refused(signed_in, project):
    client = signed_in("editor")
    client.post(url("term_add"), WIND_CHIME)
    assert client.post(url("term_add"), WIND_CHIME).status_code == 422
    assert client.post(url("term_add"), {**WIND_CHIME, "slot": "environment"}).status_code == 302


def test_decomposed_kana_are_the_same_word(signed_in, project):
    signed_in("editor").post(url("term_add"), {**WIND_CHIME, "ja": "か\u3099らす"})
    assert Term.objects.get(project=project).ja == "がらす"


def test_a_word_that_is_missing_is_offered_to_be_added(signed_in, project, shared):
    html = signed_in("editor").get(url("vocabulary") + "?q=風鈴").content.decode()
    assert "is not in the vocabulary" in html
    assert 'name="ja" value="風鈴"' in html


def test_a_sentence_can_be_tried(signed_in, project, shared):
    client = signed_in("viewer")
    html = client.get(url("vocabulary") + "?try=猫、風鈴", headers={"HX-Request": "true"}).content.decode()
    assert "a cat" in html
    assert "?q=%E9%A2%A8%E9%88%B4" in html
    assert "<html" not in html


def test_the_export_is_read_back_by_the_vocabularys_own_reader(signed_in, project):
    install_starter_terms()
    response = signed_in("viewer").get(url("vocabulary_export"))
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    key = lambda term: (term.slot, term.ja)  # noqa: E731
    assert sorted(parse_terms(text), key=key) == sorted(load_terms(), key=key)


def test_the_page_asks_few_questions(signed_in, project, django_assert_max_num_queries):
    install_starter_terms()
    client = signed_in("editor")
    with django_assert_max_num_queries(12):
        client.get(url("vocabulary"))
