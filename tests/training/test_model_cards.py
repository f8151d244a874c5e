"""Model cards and papers: what they say follows from the decision, and other programs can read it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import yaml
from huggingface_hub import ModelCard

from assets.licensing import Action, Context, Input, RightsFacts, decide
from training.card_facts import BaseFacts, CardFacts, FileFacts, MeasuredFacts, SampleFacts
from training.model_cards import INTERNAL_FILE, card_text, front_matter, hub_id, hub_license, texts_of
from training.papers import USE_RULES_FILE, missing_texts, papers_of, papers_sha256

RAIL = "LicenseRef-scancode-stable-diffusion-2022-08-22"
RAIL_PP = "LicenseRef-CreativeML-OpenRAIL-PP-M"
STABILITY = "LicenseRef-scancode-stability-ai-community-2024"
FLUX = "LicenseRef-scancode-flux-1-nc"
HOUSE = RightsFacts(expression="LicenseRef-Daicho-OwnWork", kind="adapter", state="cleared", creator="Spring")


def decided(base="CC0-1.0", *pictures, outbound=None, at=datetime(2026, 11, 26, tzinfo=UTC)):
    """Return the weights gate's answer about an adapter on a base model, learned from pictures."""
    model = RightsFacts(expression=base, kind="base_model", state="cleared", creator="Maker")
    lessons = [
        Input(
            item=title,
            facts=RightsFacts(expression=name, kind="training_picture", state="cleared", creator=creator, title=title),
        )
        for name, creator, title in pictures
    ]
    context = Context(at=at, territory="WW", revenue=Decimal(500_000), outbound_license=outbound)
    return decide(
        Action.WEIGHTS, [Input(item="Base", facts=model), Input(item="Ink Fox v2", facts=HOUSE), *lessons], context
    )


def facts(decision, **changes):
    """Return what a card says of version 2 of a LoRA."""
    given = CardFacts(
        slug="ink-fox",
        name="Ink Fox",
        name_ja="墨の狐",
        number=2,
        kind="lora",
        architecture="sd1",
        maker="Spring",
        is_public=True,
        decision=decision,
        outbound=decision.context.outbound_license or "",
        trigger_words=["sksfox"],
        recommended_weight=0.8,
        base=BaseFacts(name="Base", sha256="a" * 64, hub_id="someone/base"),
        step=120,
        rank=8,
        resolution=512,
        picture_count=24,
        dataset_name="foxes-of-spring",
        dataset_root="d" * 64,
        languages=["en"],
        measured=MeasuredFacts(mean=-0.062, low=-0.081, high=-0.044, verdict="best_at", memorized=0.0),
        samples=[SampleFacts(file_name="sample-1.png", prompt='sksfox, a fox: "ink"\nNegative prompt: x')],
        files=[
            FileFacts(name="ink-fox-v2.safetensors", layout="kohya", sha256="b" * 64),
            FileFacts(name="ink-fox-v2-peft.safetensors", layout="peft", sha256="c" * 64),
        ],
    )
    return replace(given, **changes)


def front(given):
    """Return the front matter as a YAML reader sees it."""
    return yaml.safe_load(front_matter(given).split("---")[1])


def test_the_hub_reads_the_card():
    given = facts(decided("CC0-1.0", ("CC-BY-4.0", "山田", "夜明け"), outbound="CC-BY-4.0"))
    card = ModelCard(card_text(given, "en"))
    assert card.data.license == "cc-by-4.0"
    assert card.data.library_name == "diffusers"
    assert card.data.base_model == "someone/base"
    assert {"lora", "text-to-image", "stable-diffusion"} <= set(card.data.tags)
    assert card.data.to_dict()["instance_prompt"] == "sksfox"
    assert card.data.to_dict()["widget"] == [
        {"text": 'sksfox, a fox: "ink" Negative prompt: x', "output": {"url": "samples/sample-1.png"}}
    ]
    assert card.text.lstrip().startswith("# Ink Fox, version 2")


@pytest.mark.parametrize(
    ("base", "outbound", "expected"),
    [
        (RAIL, None, {"license": "creativeml-openrail-m"}),
        (RAIL_PP, None, {"license": "openrail++"}),
        ("Apache-2.0", None, {"license": "apache-2.0"}),
        ("CC0-1.0", "CC0-1.0", {"license": "cc0-1.0"}),
        ("CC0-1.0", None, {"license": "other", "license_name": "all-rights-reserved", "license_link": "LICENSE"}),
        (
            RAIL,
            "CC-BY-4.0",
            {
                "license": "other",
                "license_name": "cc-by-4.0-and-scancode-stable-diffusion-2022-08-22",
                "license_link": "LICENSE",
            },
        ),
    ],
)
def test_the_licence_is_named_as_the_hub_does_or_as_other(base, outbound, expected):
    assert hub_license(facts(decided(base, outbound=outbound))) == expected


def test_a_rail_licence_lets_its_text_and_attachment_a_go_along():
    papers = papers_of(facts(decided(RAIL)))
    assert papers[USE_RULES_FILE].startswith("CreativeML OpenRAIL-M")
    assert "exploit or harm minors" in papers[USE_RULES_FILE]
    assert "CreativeML Open RAIL-M\ndated August 22, 2022" in papers["LICENSE"]
    assert "can be enforced" in papers["LICENSE"]
    assert USE_RULES_FILE in card_text(facts(decided(RAIL)), "ja")


def test_where_no_rail_licence_binds_there_is_no_attachment_a():
    assert USE_RULES_FILE not in papers_of(facts(decided("Apache-2.0")))


def test_every_creator_is_credited_once_in_both_languages():
    decision = decided(
        "CC0-1.0", ("CC-BY-4.0", "山田", "夜明け"), ("CC-BY-4.0", "Ana", "Dusk"), ("CC0-1.0", "Bo", "Noon")
    )
    papers = papers_of(facts(decision))
    for language in ("en", "ja"):
        credits = papers[f"CREDITS.{language}.txt"]
        assert credits.count("山田") == credits.count("Ana") == 1
        assert "Bo" not in credits
        assert "https://creativecommons.org/licenses/by/4.0/" in credits
    assert "墨の狐" in papers["CREDITS.ja.txt"]


def test_nothing_owed_is_said_too():
    papers = papers_of(facts(decided("CC0-1.0")))
    assert "No credit is owed." in papers["CREDITS.en.txt"]
    assert "Nothing that they were made from binds them." in papers["LICENSE"]


def test_the_notice_holds_the_words_that_a_licence_wants():
    notice = papers_of(facts(decided(STABILITY)))["NOTICE"]
    assert "This Stability AI Model is licensed under the Stability AI Community License" in notice
    assert "Powered by Stability AI" in notice


def test_the_notice_says_what_was_changed():
    notice = papers_of(facts(decided(RAIL), changed_parts=["unet", "text_encoder"], kind="dreambooth"))["NOTICE"]
    assert "Changed parts of the model: unet, text_encoder" in notice
    assert "a" * 64 in notice


def test_a_copy_that_is_owed_and_not_kept_is_named():
    assert missing_texts(decided(RAIL)) == []
    assert missing_texts(decided(FLUX)) == [FLUX]


def test_the_dataset_is_named_inside_the_house_only():
    inside = texts_of(facts(decided(), is_public=False))
    outside = texts_of(facts(decided()))
    assert any("foxes-of-spring" in text for text in inside.values())
    assert not any("foxes-of-spring" in text or "d" * 64 in text for text in outside.values())
    assert INTERNAL_FILE in inside
    assert INTERNAL_FILE not in outside


def test_what_people_wrote_is_text_and_no_markup():
    name = "<img src=x> [a](javascript:b) `c`\n# d\x00"
    card = card_text(facts(decided(), name=name, description="</script>\n---\nlicense: mit"), "en")
    assert yaml.safe_load(card.split("---")[1])["license"] == "other"
    assert "<img" not in card.replace("\\<img", "")
    assert "](javascript" not in card.replace("\\](javascript", "")
    assert "\n# d" not in card


def test_the_card_of_each_kind_says_how_to_load_it():
    lora = card_text(facts(decided()), "en")
    assert "pipe.load_lora_weights('.', weight_name='ink-fox-v2-peft.safetensors', adapter_name='ink-fox')" in lora
    file = FileFacts(name="ink-fox-v2-diffusers.safetensors", layout="diffusers")
    inversion = card_text(facts(decided(), kind="textual_inversion", files=[file]), "en")
    assert "token='sksfox'" in inversion
    booth = card_text(facts(decided(), kind="dreambooth", architecture="sdxl"), "en")
    assert "StableDiffusionXLPipeline.from_pretrained('./diffusers', torch_dtype=torch.float32)" in booth
    assert "No other program reads this file" in card_text(facts(decided(), kind="hypernetwork"), "en")


def test_both_languages_say_the_same():
    english, japanese = (card_text(facts(decided()), language) for language in ("en", "ja"))
    assert "-6.2 %" in english
    assert "-6.2 %" in japanese
    assert english.count("\n## ") == japanese.count("\n## ") == 5


def test_a_card_says_how_a_version_on_folds_was_measured():
    measured = MeasuredFacts(mean=-0.3, verdict="folded", memorized=0.0)
    english, japanese = (card_text(facts(decided(), measured=measured), language) for language in ("en", "ja"))
    assert "It learned from all pictures, for the median of the steps that were best on parts of them." in english
    assert "-30.0 % on average" in english
    assert "平均 -30.0 %" in japanese
    assert "No picture was held out" not in english
    unmeasured = card_text(facts(decided(), measured=MeasuredFacts(verdict="folded")), "en")
    assert "It learned from all pictures" in unmeasured
    assert "on average" not in unmeasured


def test_samples_that_may_not_be_shown_are_said_to_be_missing():
    card = card_text(facts(decided(), samples=[], has_samples_withheld=True), "en")
    assert "No sample pictures go along" in card
    assert "widget" not in front(facts(decided(), samples=[], has_samples_withheld=True))


def test_only_a_models_address_gives_its_name_on_the_hub():
    assert hub_id("https://huggingface.co/stabilityai/sdxl-base-1.0/tree/main") == "stabilityai/sdxl-base-1.0"
    assert hub_id("https://huggingface.co/spaces/CompVis/license") == ""
    assert hub_id("https://huggingface.co.evil.example/a/b") == ""
    assert hub_id("") == ""


def test_papers_change_when_what_counts_changes_and_not_with_the_hour():
    later = datetime(2027, 1, 1, tzinfo=UTC)
    first = papers_sha256(papers_of(facts(decided("CC0-1.0", ("CC-BY-4.0", "Ana", "Dusk")))))
    assert first == papers_sha256(papers_of(facts(decided("CC0-1.0", ("CC-BY-4.0", "Ana", "Dusk"), at=later))))
    assert first != papers_sha256(papers_of(facts(decided("CC0-1.0", ("CC-BY-4.0", "Anna", "Dusk")))))
