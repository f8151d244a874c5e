"""Japanese becomes the English that image models read, and prompt syntax stays as it was typed."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.vocabulary import VocabularyError, VocabularyTerm, load_terms, parse_terms
from engine.starter import COLORS, DEFECTS, ENVIRONMENTS, LIGHTS, STYLES, SUBJECTS
from generation.prompts import PromptError, TemplateBody, clean_text, compile_prompt, parse_weights
from generation.segment import JAPANESE, WIDE_TEXT, fold, normalize
from generation.translation import Vocabulary, VocabularyTranslator, translate, translate_around_syntax

TERMS = load_terms()
VOCABULARY = Vocabulary(TERMS)
ENGLISH_OF = {term.ja: term for term in TERMS}


def english(text, slot=""):
    return translate(text, VOCABULARY, slot).result


SENTENCES = [
    ("赤いキノコ", "a red mushroom"),
    ("オレンジの猫", "an orange cat"),
    ("赤くて大きい車。", "a red big car"),
    ("砂浜で", "on a beach"),
    ("砂浜の赤い車", "a red car on a beach"),
    ("夕焼けの砂浜で走る柴犬", "a running Shiba Inu dog on a beach, golden sunset light"),
    ("カフェの窓際で本を読む黒髪の女性", "a black-haired woman reading a book by the window in a cozy cafe"),
    ("公園のベンチに座るおばあさん", "an elderly woman sitting on a bench in a park"),
    ("帽子をかぶった猫", "a cat wearing a hat"),
    ("箱の中の子猫", "a kitten in a box"),
    ("ガラスの瓶", "a glass bottle"),
    ("りんごと青い鳥", "an apple and a blue bird"),
    ("3匹の黒い猫", "3 black cats"),
    ("二人の女性", "two women"),
    ("子猫たち", "kittens"),
    ("赤と白の花", "a red and white flower"),
    ("寿司と日本酒", "sushi and a bottle of sake"),
    ("抹茶のケーキ", "a matcha cake"),
    ("青い海、白い雲", "by the blue sea, white clouds"),
    ("明るい部屋", "in a bright room"),
    ("桜の下の柴犬", "a Shiba Inu dog under cherry blossoms"),
    ("森の前の家", "a house in front of a forest"),
    ("空を見上げる子ども", "a child looking up at the sky"),
    ("水滴のついた緑の瓶", "a green bottle covered in water droplets"),
    ("手描き風の地図、春の風", "a map, hand-drawn style, spring, wind"),
    ("赤い車　猫", "a red car, a cat"),
    ("水彩風、余白の多い・和風。", "watercolor style, lots of negative space, traditional Japanese style"),
    ("低品質、手の崩れ、透かし", "low quality, bad hands, watermark"),
    ("あかいきのこ", "a red mushroom"),
    ("ｷﾉｺ", "a mushroom"),
    ("３ＤＣＧ", "3DCG"),
    ("か゛らすの瓶", "a glass bottle"),
    ("は゜んだ", "a panda"),
    ("Ｔシャツ", "a T-shirt"),
    ("red キノコ", "a red mushroom"),
    ("a {color} マグカップ", "a {color} mug"),
    ("masterpiece,best quality, 赤い車", "masterpiece,best quality, a red car"),
    ("", ""),
    ("、、", ""),
]

SYNTAX = [
    ("(夕焼け:1.2)", "(golden sunset light:1.2)"),
    ("（夕焼け：１．２）の砂浜", "(golden sunset light:1.2), on a beach"),
    ("(赤い:1.3)キノコ", "a (red:1.3) mushroom"),
    ("(砂浜の赤い車:1.2)、[逆光]", "(a red car on a beach:1.2), [backlighting]"),
    ("((猫))", "((a cat))"),
    ("赤い車<lora:墨絵_v2:0.8>", "a red car, <lora:墨絵_v2:0.8>"),
    ("{product}", "{product}"),
    ("{赤い|青い}猫", "a {red|blue} cat"),
    ("赤い{猫|犬}", "a red {cat|dog}"),
    ("猫、__猫__", "a cat, __猫__"),
    (r"猫、\(c\) 2026", r"a cat, \(c\) 2026"),
    ("A red (car:1.2),  [dull] <lora:x:1>", "A red (car:1.2), [dull] <lora:x:1>"),
]


class TestSentences:
    @pytest.mark.parametrize(("japanese", "expected"), SENTENCES)
    def test_they_read_like_english_prompts(self, japanese, expected):
        assert english(japanese) == expected

    @pytest.mark.parametrize(("japanese", "expected"), SYNTAX)
    def test_syntax_stays_as_typed(self, japanese, expected):
        assert english(japanese) == expected

    @pytest.mark.parametrize("color", COLORS)
    def test_every_caption_of_the_starter_model_can_be_said(self, color):
        color_word = next(term.ja for term in TERMS if term.en == color)
        for subject in SUBJECTS:
            noun = next(term.ja for term in TERMS if term.en == f"a {subject}")
            assert english(color_word + noun) == f"a {color} {subject}".replace("a orange", "an orange")

    def test_every_place_light_style_and_defect_of_the_starter_model_has_a_word(self):
        said = {(term.en, term.slot) for term in TERMS}
        for slot, words in [("environment", ENVIRONMENTS), ("light", LIGHTS), ("style", STYLES), ("negative", DEFECTS)]:
            assert {(word, slot) for word in words} <= said

    def test_a_slot_settles_words_that_two_slots_know(self):
        two = [
            VocabularyTerm(ja="星", reading="ほし", en="a star", slot="subject"),
            VocabularyTerm(ja="星", reading="ほし", en="under the stars", slot="environment"),
        ]
        assert translate("星", Vocabulary(two), "environment").result == "under the stars"
        assert translate("星", Vocabulary(two), "subject").result == "a star"


class TestUnknownWords:
    def test_they_stay_and_are_listed_once(self):
        result = translate("ふわもこの猫、ふわもこ", VOCABULARY)
        assert result.result == "a ふわもこ cat, ふわもこ"
        assert result.unknown == ("ふわもこ",)

    @pytest.mark.parametrize("word", ["花粉", "カーテンレール", "金魚鉢", "猫舌", "星座早見"])
    def test_no_known_word_is_cut_out_of_an_unknown_one(self, word):
        assert translate(word, VOCABULARY).unknown == (word,)

    def test_pieces_say_what_became_of_every_part(self):
        pieces = translate("赤いゾゾゾの猫", VOCABULARY).pieces
        assert [(piece.source, piece.result, piece.known) for piece in pieces] == [
            ("赤い", "red", True),
            ("ゾゾゾ", "ゾゾゾ", False),
            ("の", "", True),
            ("猫", "a cat", True),
        ]
        assert pieces[0].term == ENGLISH_OF["赤い"]

    @settings(max_examples=150)
    @given(
        st.lists(st.sampled_from([*"(){}[]|,<>_ :1.2\\", "赤い", "猫", "の", "ゾ", "夕焼け", "、", "red"]), max_size=30)
    )
    def test_the_pieces_are_the_source(self, parts):
        text = "".join(parts)
        result = translate(text, VOCABULARY)
        source = clean_text(text)
        expected = normalize(source) if WIDE_TEXT.search(source) else source
        assert "".join(piece.source for piece in result.pieces) == expected
        assert result.source == text


class TestLaws:
    words = st.sampled_from([term.ja for term in TERMS if term.slot == "subject"])

    @given(st.lists(st.tuples(words, st.integers(1, 20)), min_size=1, max_size=5))
    def test_weights_survive_translation(self, weighted):
        text = "、".join(f"({word}:{weight / 10})" for word, weight in weighted)
        before = [weight for run, weight in parse_weights(text) if run.strip("、, ")]
        after = [weight for run, weight in parse_weights(english(text)) if run.strip(", ")]
        assert after == before

    @given(st.text(alphabet="abcXYZ ,.()<>:1", max_size=60))
    def test_english_is_never_touched(self, text):
        assert english(text) == clean_text(text)

    @given(st.lists(words, min_size=1, max_size=4))
    def test_known_words_leave_no_japanese(self, chosen):
        assert not JAPANESE.search(english("、".join(chosen)))

    def test_every_term_is_found_by_every_spelling(self):
        for term in TERMS:
            for word in (term.ja, *term.synonyms):
                assert english(word) == term.en

    def test_long_text_is_quick_and_longer_text_refused(self):
        english("赤い猫の" * 500)
        with pytest.raises(PromptError) as caught:
            english("猫" * 2001)
        assert caught.value.code == "text_too_long"


class TestVersions:
    def test_the_version_follows_the_content_and_not_the_order(self):
        assert Vocabulary(reversed(TERMS)).version == VOCABULARY.version
        assert Vocabulary(TERMS[1:]).version != VOCABULARY.version
        assert re.fullmatch("[0-9a-f]{64}", translate("猫", VOCABULARY).vocabulary_version)
        assert VOCABULARY.version.startswith(VOCABULARY.short_version)


class TestTheStarterVocabulary:
    def test_it_is_large_and_serves_every_slot(self):
        slots = Counter(term.slot for term in TERMS)
        assert len(TERMS) >= 450
        assert set(slots) == {"subject", "environment", "light", "style", "negative", "quality"}

    def test_no_word_is_claimed_twice(self):
        claims = Counter(fold(word) for term in TERMS for word in (term.ja, *term.synonyms))
        assert [word for word, count in claims.items() if count > 1] == []

    def test_no_english_is_said_twice_in_a_slot(self):
        claims = Counter((term.en, term.slot) for term in TERMS)
        assert [claim for claim, count in claims.items() if count > 1] == []

    def test_readings_are_hiragana_and_english_is_ascii(self):
        for term in TERMS:
            assert re.fullmatch("[\u3041-\u3096ー]+", term.reading), term
            assert term.en.isascii(), term
            assert JAPANESE.search(term.ja), term

    def test_readings_of_kana_words_are_those_kana(self):
        for term in TERMS:
            if re.fullmatch("[\u3041-\u30ffー]+", term.ja):
                kana = "".join(chr(ord(sign) - 96) if "ァ" <= sign <= "ヶ" else sign for sign in term.ja)
                assert kana == term.reading, term

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("ja,en\n", "bad_columns"),
            ("ja,reading,en,synonyms,slot\n猫,ねこ,a cat\n", "bad_row"),
            ("ja,reading,en,synonyms,slot\n,ねこ,a cat,,subject\n", "bad_word"),
            ("ja,reading,en,synonyms,slot\n猫,ねこ,a cat,,animal\n", "unknown_slot"),
            ("ja,reading,en,synonyms,slot\n猫,ねこ,a cat,,subject\n猫,ねこ,a kitten,,subject\n", "duplicate_term"),
        ],
    )
    def test_a_bad_file_is_refused_with_its_row(self, text, code):
        with pytest.raises(VocabularyError) as caught:
            parse_terms(text)
        assert caught.value.code == code


class Shouting:
    name, version = "shouting", "1"

    def __init__(self):
        self.seen = []

    def translate(self, texts):
        self.seen.append(list(texts))
        return [f"EN{len(text)}" for text in texts]


class TestTranslators:
    def test_the_vocabulary_is_one(self):
        translator = VocabularyTranslator(VOCABULARY)
        assert translator.translate(["赤い車", ""]) == ["a red car", ""]
        assert (translator.name, translator.version) == ("vocabulary", VOCABULARY.version)

    def test_a_model_sees_only_japanese_and_only_once(self):
        model = Shouting()
        texts = ["(赤い車:1.2), blue <lora:x:1>、猫", "red car"]
        assert translate_around_syntax(texts, model) == ["(EN3:1.2), blue <lora:x:1>EN2", "red car"]
        assert model.seen == [["赤い車", "、猫"]]

    def test_compiling_translates_each_slot_and_keeps_the_source(self):
        template = TemplateBody.from_dict(
            {"variables": {"商品": {"default": "マグカップ"}}, "negative_locked": "ぼやけ", "negative": "透かし"}
        )
        result = compile_prompt(
            template,
            slots={"subject": "赤い{商品}", "environment": "砂浜で", "style": "(水彩風:1.2)"},
            seed=1,
            trigger_words=["墨絵調"],
            translate=english,
        )
        assert result.prompt == "a red mug, 墨絵調, on a beach, (watercolor style:1.2)"
        assert result.negative_prompt == "blurry, watermark"
        assert result.sources["subject"] == "赤いマグカップ"
