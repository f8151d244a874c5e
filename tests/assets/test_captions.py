"""The lint names what harms training, its suggestions mend it, and the tables count what is there."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.captions import (
    CODES,
    Finding,
    ReadinessError,
    VocabularyWord,
    cooccurrence,
    coverage,
    coverage_groups,
    frequencies,
    lint,
    readiness,
    rename,
    split_phrases,
)
from assets.captions.phrases import fold, is_japanese, split_attribute
from assets.captions.words import singular

VOCABULARY = (
    VocabularyWord(en="a dog", ja="犬", synonyms=("puppy", "hound", "わんこ")),
    VocabularyWord(en="a polar bear", synonyms=("bear",)),
    VocabularyWord(en="from above", synonyms=("bird's-eye view", "top view")),
)
KNOWN = ("red", "hat", "snow", "fox", "big", "hats")

phrases = st.sampled_from(
    ["sks", "red hat", "Red Hat", "red_hat", "red hats", "puppy", "dog", "犬", "わんこ", "snow", "pose:sitting"]
)
caption_sets = st.dictionaries(
    st.integers(1, 9).map("p{}".format), st.lists(phrases, max_size=6).map(", ".join), max_size=9
)


def numbered(*texts: str) -> dict[str, str]:
    return {f"p{number}": text for number, text in enumerate(texts, start=1)}


def found(code: str, captions: dict[str, str], **options: object) -> list[Finding]:
    return [each for each in lint(captions, **options) if each.code == code]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a fox, snow ,, night", ("a fox", "snow", "night")),
        ("赤い狐、雪，夜", ("赤い狐", "雪", "夜")),
        ("one\ntwo\r\nthree", ("one", "two", "three")),
        ("  ,、 ", ()),
        ("red   hat", ("red hat",)),
        ("か\u3099", ("が",)),
    ],
)
def test_captions_are_parted_at_commas(text, parts):
    assert split_phrases(text) == parts


@pytest.mark.parametrize(
    ("phrase", "parts"),
    [
        ("angle:front", ("angle:", "front")),
        ("hair color: blonde", ("hair color:", "blonde")),
        ("向き：正面", ("向き：", "正面")),
        (":)", ("", ":)")),
        ("no colon", ("", "no colon")),
    ],
)
def test_an_attribute_stands_before_its_value(phrase, parts):
    assert split_attribute(phrase) == parts


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("red hats", "red hat"),
        ("boxes", "box"),
        ("cities", "city"),
        ("ties", "tie"),
        ("wolves", "wolf"),
        ("glasses", "glasses"),
        ("wear:glasses", "wear:glasses"),
        ("moss", "moss"),
        ("bus", "bus"),
        ("houses", "house"),
        ("ハッツ", "ハッツ"),
    ],
)
def test_singulars_follow_the_rules(plural, one):
    assert singular(plural) == one


SINGLE = {
    "caption_empty": (numbered("", "fox", " ,、"), {}, ("p1", "p3"), "", None),
    "trigger_missing": (
        numbered("a photo of sks fox", "SKS, fox", "asks a fox"),
        {"trigger": "sks"},
        ("p3",),
        "sks",
        None,
    ),
    "phrase_repeated": (numbered("fox, snow, Fox", "fox"), {}, ("p1",), "fox", "fox"),
    "captions_identical": (numbered("fox, snow", "FOX,  snow", "snow, fox"), {}, ("p1", "p2"), "", None),
    "phrase_case_mixed": (numbered("red hat", "Red Hat", "red hat, snow"), {}, ("p2",), "Red Hat", "red hat"),
    "phrase_underscore": (numbered("red_hat", "^_^"), {}, ("p1",), "red_hat", "red hat"),
    "phrase_number_mixed": (numbered("red hat", "red hats", "red hat, snow"), {}, ("p2",), "red hats", "red hat"),
    "word_unknown": (numbered("red haat", "big fox"), {"known_words": KNOWN}, ("p1",), "red haat", "red hat"),
}


@pytest.mark.parametrize("code", SINGLE)
def test_each_rule_finds_its_fault_and_only_it(code):
    captions, options, items, phrase, suggestion = SINGLE[code]
    (finding,) = found(code, captions, **options)
    assert (finding.items, finding.phrase, finding.suggestion) == (items, phrase, suggestion)


@pytest.mark.parametrize(
    ("phrase", "suggestion"),
    [
        ("puppy", "dog"),
        ("Puppy", "dog"),
        ("a puppy", "dog"),
        ("small brown puppy", "small brown dog"),
        ("brown_puppy", "brown dog"),
        ("animal: puppy", "animal: dog"),
        ("animal:brown hound", "animal:brown dog"),
        ("わんこ", "犬"),
        ("動物：わんこ", "動物：犬"),
        ("ＢＥＡＲ", "polar bear"),
        ("bird’s-eye view", "from above"),
        ("bird's-eye view", "from above"),
        ("dog", None),
        ("polar bear", None),
        ("white polar bear", None),
        ("puppy love", None),
        ("黒わんこ", None),
        ("cat", None),
    ],
)
def test_a_synonym_gives_way_to_the_main_word(phrase, suggestion):
    findings = found("phrase_synonym", numbered(phrase), vocabulary=VOCABULARY)
    assert [each.suggestion for each in findings] == ([suggestion] if suggestion else [])


def test_a_trigger_is_spelled_as_it_was_agreed():
    (finding,) = found("phrase_case_mixed", numbered("SKS, fox", "SKS, snow"), trigger="sks")
    assert (finding.phrase, finding.suggestion) == ("SKS", "sks")


def test_a_trigger_with_an_underscore_or_an_s_is_left_alone():
    captions = numbered("ink_foxes, ink_fox")
    assert found("phrase_underscore", captions, trigger="ink_foxes")[0].phrase == "ink_fox"
    assert not found("phrase_number_mixed", captions, trigger="ink_foxes")


def test_a_japanese_trigger_is_found_inside_a_phrase():
    assert not found("trigger_missing", numbered("墨狐の絵", "雪の中の墨狐"), trigger="墨狐")
    assert not found("trigger_missing", numbered("sksの狐"), trigger="sks")


def test_plurals_do_not_touch_japanese_or_glasses():
    assert not found("phrase_number_mixed", numbered("glass", "glasses", "狐", "狐s"))


def test_the_commoner_number_wins():
    (finding,) = found("phrase_number_mixed", numbered("red hats", "red hats, snow", "red hat"))
    assert (finding.phrase, finding.suggestion) == ("red hat", "red hats")


@pytest.mark.parametrize(("tokens", "count"), [(75, 0), (76, 1)])
def test_only_more_than_75_tokens_are_too_many(tokens, count):
    findings = found("caption_too_long", numbered("fox"), token_count=lambda _text: tokens)
    assert len(findings) == count
    assert all((each.params["tokens"], each.params["limit"]) == (76, 75) for each in findings)


def test_a_word_is_known_from_the_list_the_vocabulary_the_trigger_or_its_plural():
    options = {"known_words": KNOWN, "vocabulary": VOCABULARY, "trigger": "inkfox"}
    assert not found("word_unknown", numbered("inkfox, big foxes, dog, red-hat, a hat 3d, 赤い謎語"), **options)
    (finding,) = found("word_unknown", numbered("inkfox, xyzzyq snow"), **options)
    assert (finding.params["word"], finding.suggestion) == ("xyzzyq", None)


def test_what_nearly_all_captions_say_takes_the_triggers_place():
    captions = numbered(*(f"sks, white background, pose:{number}" for number in range(9)), "sks, garden")
    (finding,) = found("fragment_everywhere", captions, trigger="sks")
    assert finding.phrase == "white background"
    assert finding.suggestion == ""
    assert finding.params == {"phrase": "white background", "count": 9, "suggestion": "", "percent": 90}
    assert "white background" not in " ".join(rename(captions, finding.phrase, "").values())


def test_a_run_of_words_inside_sentences_counts_and_the_trigger_parts_it():
    captions = numbered(*(f"a photo of sks dog with a thing{number}" for number in range(5)))
    findings = found("fragment_everywhere", captions, trigger="sks dog")
    assert [(each.phrase, each.suggestion) for each in findings] == [("a photo of", None)]


def test_a_long_common_sentence_is_one_finding():
    captions = numbered(*(f"{' '.join('abcdefghijklmnopq')} end{number}, x{number}" for number in range(6)))
    findings = found("fragment_everywhere", captions)
    assert 1 <= len(findings) <= 3


@pytest.mark.parametrize(("holding", "others", "count"), [(4, 1, 1), (7, 3, 0), (4, 0, 0), (8, 2, 1)])
def test_everywhere_means_80_percent_of_5_captions_or_more(holding, others, count):
    texts = [f"night, a{number}" for number in range(holding)] + [f"b{number}" for number in range(others)]
    assert len(found("fragment_everywhere", numbered(*texts))) == count


def test_a_japanese_phrase_everywhere_is_found_whole():
    captions = numbered(*(f"墨狐、白い背景、ポーズ{number}" for number in range(5)))
    (finding,) = found("fragment_everywhere", captions, trigger="墨狐")
    assert (finding.phrase, finding.suggestion) == ("白い背景", "")


@pytest.mark.parametrize(
    ("rare", "common", "suggestion"),
    [
        ("long scraf", "long scarf", "long scarf"),
        ("red cat", "red hat", None),
        ("pose:1", "pose:2", None),
        ("deep snow here", "deep snow", None),
        ("白い犬", "白い猫", None),
        ("lantern", "scarf", None),
    ],
)
def test_a_tag_used_once_is_named_with_the_one_it_may_be_meant_for(rare, common, suggestion):
    captions = numbered(f"{common}, day", f"{common}, day", f"{rare}, day", "moon, night", "moon, night")
    (finding,) = found("phrase_once", captions)
    assert (finding.items, finding.phrase, finding.suggestion) == (("p3",), rare, suggestion)


def test_sentences_small_sets_and_mended_phrases_are_not_called_rare():
    sentence = "a small red fox that runs through deep snow"
    assert not found("phrase_once", numbered("a1 b", "c", "d"))
    captions = numbered(sentence, "red hat", "red hat", "red hat", "red hats")
    assert not found("phrase_once", captions)


@given(caption_sets)
def test_findings_are_of_known_codes_items_and_order(captions):
    findings = lint(captions, trigger="sks", vocabulary=VOCABULARY, known_words=KNOWN, token_count=len)
    places = [CODES.index(each.code) for each in findings]
    assert places == sorted(places)
    assert all(each.items and set(each.items) <= set(captions) for each in findings)


@given(caption_sets)
def test_taking_a_suggestion_removes_its_finding(captions):
    options = {"trigger": "sks", "vocabulary": VOCABULARY, "known_words": KNOWN}
    for finding in lint(captions, **options):
        if finding.suggestion is not None:
            mended = {**captions, **rename(captions, finding.phrase, finding.suggestion)}
            again = [each for each in lint(mended, **options) if each.code == finding.code]
            assert finding.phrase not in [each.phrase for each in again]


def test_sound_captions_are_not_complained_of():
    captions = numbered(
        "inkfox, red hat, big fox",
        "inkfox, red hat, snow",
        "inkfox, big fox, garden",
        "inkfox, snow, garden, dog",
        "inkfox, from above, dog",
        "inkfox, from above, red hat",
    )
    known = [*KNOWN, "garden", "from", "above", "dog"]
    options = {"trigger": "inkfox", "vocabulary": VOCABULARY, "known_words": known, "token_count": lambda _text: 9}
    assert lint(captions, **options) == []


@given(caption_sets)
def test_frequencies_count_captions(captions):
    counts = frequencies(captions)
    plain = Counter(key for text in captions.values() for key in {fold(each) for each in split_phrases(text)})
    assert {fold(phrase): count for phrase, count in counts.items()} == plain
    assert list(counts.values()) == sorted(counts.values(), reverse=True)


@given(caption_sets, st.integers(0, 8))
def test_cooccurrence_is_symmetric_with_frequencies_across(captions, top):
    table, counts = cooccurrence(captions, top), frequencies(captions)
    assert table.phrases == tuple(counts)[:top]
    size = len(table.phrases)
    for one in range(size):
        assert table.counts[one][one] == counts[table.phrases[one]]
        for other in range(size):
            assert table.counts[one][other] == table.counts[other][one] <= table.counts[one][one]


def test_cooccurrence_counts_pairs():
    table = cooccurrence(numbered("fox, snow", "Fox, snow, night", "fox"))
    assert table.phrases == ("fox", "snow", "night")
    assert table.counts == ((3, 2, 1), (2, 2, 1), (1, 1, 1))


@pytest.mark.parametrize(
    ("text", "old", "new", "renamed"),
    [
        ("fox, Red Hat, snow", "red hat", "crimson hat", "fox, crimson hat, snow"),
        ("fox, red hats, snow", "red hat", "x", None),
        ("赤い狐、雪", "雪", "吹雪", "赤い狐、吹雪"),
        ("fox, snow, dog", "dog", "fox", "fox, snow"),
        ("dog, snow, fox", "dog", "fox", "fox, snow"),
        ("fox, snow", "snow", "", "fox"),
        ("snow", "snow", "", ""),
        ("fox, snow", "snow", "deep snow, night", "fox, deep snow, night"),
        ("fox, snow", "snow", "snow", None),
        ("fox, Snow", "snow", "snow", "fox, snow"),
        ("fox, a.b", "a?b", "x", None),
        ("fox", "", "x", None),
    ],
)
def test_rename_changes_whole_phrases_and_keeps_the_order(text, old, new, renamed):
    assert rename({"p": text}, old, new) == ({} if renamed is None else {"p": renamed})


@given(caption_sets, phrases, phrases)
def test_rename_leaves_no_old_phrase_and_no_double(captions, old, new):
    changed = rename(captions, old, new)
    for item, text in changed.items():
        keys = [fold(each) for each in split_phrases(text)]
        assert keys.count(fold(new)) == 1
        assert fold(old) not in keys or fold(old) == fold(new)
        kept = [key for key in map(fold, split_phrases(captions[item])) if key not in (fold(old), fold(new))]
        assert [key for key in keys if key != fold(new)] == kept
    for item in set(captions) - set(changed):
        assert fold(old) not in map(fold, split_phrases(captions[item])) or fold(old) == fold(new)
    assert rename({**captions, **changed}, old, new) == {}


@pytest.mark.parametrize(
    ("text", "group", "values"),
    [
        ("a fox, seen from above", "angle", {"above"}),
        ("from_behind, full_body", "angle", {"back"}),
        ("from_behind, full_body", "composition", {"full_body"}),
        ("angle:side view", "angle", {"side"}),
        ("狐、横向き、全身", "angle", {"side"}),
        ("狐、横向き、全身", "composition", {"full_body"}),
        ("hands on hips, smiling face", "parts", {"hands", "face"}),
        ("no hands, early morning", "parts", set()),
        ("手元が見える、耳", "parts", {"hands", "ears"}),
        ("耳なし", "parts", set()),
        ("a fox", "angle", set()),
        ("close-up of a fox", "composition", {"close_up"}),
        ("ライトアップされた塔", "composition", set()),
    ],
)
def test_coverage_reads_english_and_japanese(text, group, values):
    (cover,) = [each for each in coverage({"p": text}) if each.group.id == group]
    assert {name for name, items in cover.items.items() if items} == values
    assert cover.unsaid == (() if values else ("p",))


def test_coverage_reads_tags_as_well():
    angle = coverage({"p": ["fox", "side view"], "q": ()})[0]
    assert angle.items["side"] == ("p",)
    assert angle.unsaid == ("q",)


def test_the_built_in_words_are_whole():
    assert [group.id for group in coverage_groups()] == ["angle", "composition", "parts"]
    assert [value.id for value in coverage_groups()[2].values] == ["hands", "face", "ears", "feet"]
    for group in coverage_groups():
        for value in group.values:
            assert set(value.label) == {"en", "ja"}
            assert all(value.label.values())
            assert value.en
            assert not any(is_japanese(word) for word in value.en)
            assert all(is_japanese(word) for word in value.ja)
            for word in (*value.en, *value.ja):
                (cover,) = [each for each in coverage({"p": word}) if each.group.id == group.id]
                assert cover.items[value.id] == ("p",), word


@pytest.mark.parametrize(
    ("count", "method", "level", "codes"),
    [
        (4, "textual_inversion", "ready", []),
        (2, "textual_inversion", "not_ready", ["too_few_pictures"]),
        (6, "textual_inversion", "check", ["more_than_usual"]),
        (10, "dreambooth", "ready", []),
        (21, "dreambooth", "check", ["more_than_usual"]),
        (9, "lora", "not_ready", ["too_few_pictures"]),
        (50, "lora", "ready", []),
        (51, "lora", "check", ["more_than_usual"]),
        (199, "hypernetwork", "not_ready", ["too_few_pictures"]),
        (5000, "hypernetwork", "ready", []),
        (0, "lora", "not_ready", ["too_few_pictures"]),
    ],
)
def test_each_method_wants_its_own_number_of_pictures(count, method, level, codes):
    (verdict,) = readiness(count, (), 0, count, [method])
    assert (verdict.method, verdict.level) == (method, level)
    assert [reason.code for reason in verdict.reasons] == codes


def test_near_duplicates_count_once():
    (verdict,) = readiness(12, (3, 2), 0, 12, ["lora"])
    assert verdict.level == "not_ready"
    assert [(each.code, each.params) for each in verdict.reasons] == [
        ("too_few_pictures", {"count": 9, "least": 10}),
        ("near_duplicates", {"count": 3}),
    ]


def test_flags_and_missing_captions_ask_for_a_look():
    verdicts = readiness(20, (), 2, 15)
    assert [each.method for each in verdicts] == ["textual_inversion", "dreambooth", "lora", "hypernetwork"]
    assert [each.code for each in verdicts[1].reasons] == ["pictures_flagged"]
    assert [each.code for each in verdicts[2].reasons] == ["pictures_flagged", "captions_missing"]
    assert verdicts[2].reasons[1].params == {"count": 5}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ((10, (), 11, 0, ["lora"]), "readiness_counts_unfit"),
        ((10, (), 0, -1, ["lora"]), "readiness_counts_unfit"),
        ((4, (3, 3), 0, 0, ["lora"]), "readiness_counts_unfit"),
        ((10, (), 0, 0, ["ctrl"]), "readiness_method_unknown"),
    ],
)
def test_what_cannot_be_judged_is_refused(values, code):
    with pytest.raises(ReadinessError) as caught:
        readiness(*values)
    assert caught.value.code == code
