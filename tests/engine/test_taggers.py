"""Tags from the shipped judge on fresh renders, and from real, tiny classifiers and CLIP models on disk."""

import json
import random
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    ConvNextImageProcessorPil,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessorPil,
)

from engine.errors import EngineError, ModelError
from engine.headers import hash_model
from engine.starter import HELD_OUT_SUBJECTS, WEIGHTS
from engine.starter.judge import FILE
from engine.starter.scenes import SLOTS, random_scene, render
from engine.taggers import ClassifierTagger, JudgeTagger, Tag, Tagger, ZeroShotTagger, open_tagger
from engine.taggers.tags import MAX_ASPECT, flatten, pick_tags
from tests.engine.tiny import copy_tokenizer

SIZE = 32
COLORS = {"red": (230, 20, 20), "green": (20, 200, 40), "blue": (20, 40, 230)}
VOCABULARY = {"subject": ["a car", "a cat", "a tree"], "light": ["moonlight", "studio light"]}


def draw(count, split="any", seed=11):
    rng = random.Random(seed)
    scenes = [random_scene(rng, split) for _ in range(count)]
    return scenes, [render(scene) for scene in scenes]


def noise(count, size=(128, 128)):
    rng = np.random.default_rng(3)
    return [Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)) for _ in range(count)]


def plain(color, size=(48, 40)):
    return Image.new("RGB", size, color)


def build_vit(folder, *, labels=tuple(COLORS), **options):
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=SIZE,
        patch_size=8,
        id2label=dict(enumerate(labels)),
        **options,
    )
    model = ViTForImageClassification(config)
    model.save_pretrained(folder)
    ViTImageProcessorPil(size={"height": SIZE, "width": SIZE}).save_pretrained(folder)
    return model


def teach_colors(folder):
    """Train the classifier in the folder to tell plain colors apart."""
    model = ViTForImageClassification.from_pretrained(folder)
    processor = ViTImageProcessorPil.from_pretrained(folder)
    inputs = processor(images=[plain(color) for color in COLORS.values()], return_tensors="pt")
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits, torch.arange(len(COLORS)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)


def build_clip(folder):
    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    copy_tokenizer(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {**size, **ends, "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    vision = {**size, "image_size": SIZE, "patch_size": 8}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16))
    model.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size=SIZE).save_pretrained(folder)
    return model


@pytest.fixture(scope="module")
def colors_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vit")
    build_vit(folder)
    teach_colors(folder)
    return folder


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "clip"
    build_clip(folder)
    return folder


@pytest.fixture(scope="module")
def judge():
    return JudgeTagger()


@pytest.fixture
def vit_copy(colors_folder, tmp_path):
    return shutil.copytree(colors_folder, tmp_path / "copy")


@pytest.fixture
def clip_copy(clip_folder, tmp_path):
    return shutil.copytree(clip_folder, tmp_path / "copy")


def edit(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")


def words(tags):
    return [tag.label for tag in tags]


class TestJudge:
    def test_it_is_the_default_and_named_by_its_weights(self):
        tagger = open_tagger(None)
        assert (tagger.name, tagger.version) == ("starter_judge", hash_model(WEIGHTS / FILE))

    def test_it_sees_what_a_scene_shows_and_is_rarely_wrong_where_it_speaks(self, judge):
        scenes, images = draw(40)
        tagged = judge.tag(images)
        assert sum(scene.subject in words(tags) for scene, tags in zip(scenes, tagged, strict=True)) >= 0.8 * 40
        right = [
            tag.label in {getattr(scene, slot) for slot in SLOTS}
            for scene, tags in zip(scenes, tagged, strict=True)
            for tag in tags
        ]
        assert len(right) >= 0.8 * 5 * 40
        assert sum(right) >= 0.98 * len(right)

    def test_its_confidence_does_not_boast(self, judge):
        scenes, images = draw(60, seed=12)
        tags = [
            (tag.confidence, tag.label in {getattr(scene, slot) for slot in SLOTS})
            for scene, row in zip(scenes, JudgeTagger(threshold=0).tag(images), strict=True)
            for tag in row
        ]
        assert len(tags) == 5 * 60
        confidences, right = zip(*tags, strict=True)
        assert 0.8 < np.mean(confidences) <= np.mean(right)

    def test_it_is_silent_before_noise_and_plain_color(self, judge):
        assert judge.tag([*noise(8), *(plain((shade * 30, 100, 255 - shade * 30)) for shade in range(8))]) == [[]] * 16

    def test_it_is_less_sure_of_subjects_that_it_never_saw(self, judge):
        scenes, images = draw(60, "held_out")
        strange = [image for scene, image in zip(scenes, images, strict=True) if scene.subject in HELD_OUT_SUBJECTS]
        known = draw(len(strange))[1]
        counts = [sum(map(len, judge.tag(pictures))) for pictures in (strange, known)]
        assert counts[0] < 0.5 * counts[1]

    def test_tags_come_surest_first_and_over_the_threshold(self, judge):
        tags = judge.tag(draw(1)[1])[0]
        confidences = [tag.confidence for tag in tags]
        assert confidences == sorted(confidences, reverse=True)
        assert 0.75 <= confidences[-1] <= confidences[0] <= 1
        assert JudgeTagger(threshold=1).tag(draw(1)[1]) == [[]]


class TestClassifier:
    def test_it_says_what_it_learned(self, colors_folder):
        tagger = open_tagger(colors_folder)
        tagged = tagger.tag([plain(color) for color in COLORS.values()])
        assert [words(tags) for tags in tagged] == [["red"], ["green"], ["blue"]]
        assert all(tags[0].confidence > 0.8 for tags in tagged)
        assert (tagger.name, tagger.version) == ("classifier", hash_model(colors_folder))

    def test_softmax_shares_sum_to_one_and_agree_with_the_model(self, colors_folder):
        image = noise(1, (SIZE, SIZE))[0]
        tags = ClassifierTagger(colors_folder, threshold=0).tag([image])[0]
        pixels = ((torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1) / 255) - 0.5) / 0.5
        with torch.inference_mode():
            model = ViTForImageClassification.from_pretrained(colors_folder).eval()
            expected = model(pixel_values=pixels[None]).logits.softmax(-1)[0].tolist()
        assert {tag.label: tag.confidence for tag in tags} == pytest.approx(
            dict(zip(COLORS, expected, strict=True)), abs=1e-4
        )

    def test_several_labels_may_hold_when_the_config_says_so(self, tmp_path):
        build_vit(tmp_path, problem_type="multi_label_classification")
        save_bias(tmp_path, [4.0, 4.0, -4.0])
        assert sorted(words(ClassifierTagger(tmp_path).tag([plain("gray")])[0])) == ["green", "red"]

    def test_the_limit_keeps_the_surest(self, tmp_path):
        build_vit(tmp_path, problem_type="multi_label_classification")
        save_bias(tmp_path, [3.0, 5.0, 4.0])
        assert words(ClassifierTagger(tmp_path, limit=2).tag([plain("gray")])[0]) == ["green", "blue"]

    def test_a_convolutional_model_with_another_processor_works_too(self, tmp_path):
        torch.manual_seed(0)
        sizes = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
        config = ResNetConfig(**sizes, id2label={0: "day", 1: "night"})
        ResNetForImageClassification(config).save_pretrained(tmp_path)
        ConvNextImageProcessorPil(size={"shortest_edge": SIZE}).save_pretrained(tmp_path)
        tags = ClassifierTagger(tmp_path, threshold=0).tag(noise(1))[0]
        assert sorted(words(tags)) == ["day", "night"]
        assert sum(tag.confidence for tag in tags) == pytest.approx(1)

    def test_any_mode_of_picture_is_read(self, colors_folder):
        tagger = ClassifierTagger(colors_folder)
        clear = Image.new("RGBA", (40, 40), (230, 20, 20, 255))
        images = [clear, clear.convert("P"), clear.convert("CMYK"), Image.new("RGB", (3000, 1), (230, 20, 20))]
        assert [words(tags) for tags in tagger.tag(images)] == [["red"]] * 4


def save_bias(folder, bias):
    """Make a model say the same of every picture."""
    weights = load_file(folder / "model.safetensors")
    weights["classifier.weight"] = torch.zeros_like(weights["classifier.weight"])
    weights["classifier.bias"] = torch.tensor(bias)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


class TestZeroShot:
    def test_every_group_shares_a_whole(self, clip_folder):
        tagger = ZeroShotTagger(clip_folder, VOCABULARY, threshold=0)
        tags = {tag.label: tag.confidence for tag in tagger.tag(noise(1))[0]}
        assert set(tags) == {label for labels in VOCABULARY.values() for label in labels}
        for labels in VOCABULARY.values():
            assert sum(tags[label] for label in labels) == pytest.approx(1, abs=1e-5)
        assert (tagger.name, tagger.version) == ("clip", hash_model(clip_folder))

    def test_it_agrees_with_the_model_on_one_group_and_template(self, clip_folder):
        labels = VOCABULARY["subject"]
        tagger = ZeroShotTagger(clip_folder, {"subject": labels}, templates=["a photo of {label}"], threshold=0)
        image = noise(1)[0]
        tokens = CLIPTokenizer.from_pretrained(clip_folder)
        texts = tokens([f"a photo of {label}" for label in labels], padding=True, return_tensors="pt")
        pixels = CLIPImageProcessorPil.from_pretrained(clip_folder)(images=image, return_tensors="pt")
        with torch.inference_mode():
            model = CLIPModel.from_pretrained(clip_folder).eval()
            expected = model(**texts, **pixels).logits_per_image.softmax(1)[0].tolist()
        found = {tag.label: tag.confidence for tag in tagger.tag([image])[0]}
        assert found == pytest.approx(dict(zip(labels, expected, strict=True)), abs=1e-5)

    def test_templates_are_averaged_as_unit_vectors(self, clip_folder):
        one, two, both = (
            ZeroShotTagger(clip_folder, VOCABULARY, templates=templates).texts
            for templates in (["a {label}"], ["{label}, poster"], ["a {label}", "{label}, poster"])
        )
        assert not torch.allclose(one, two, atol=1e-3)
        assert torch.allclose(both, torch.nn.functional.normalize((one + two) / 2, dim=1), atol=1e-5)

    def test_texts_are_embedded_once(self, clip_folder):
        tagger = ZeroShotTagger(clip_folder, VOCABULARY)
        expected = tagger.tag(noise(2))
        del tagger.tokenizer
        tagger.model.text_model = None
        assert tagger.tag(noise(2)) == expected

    @pytest.mark.parametrize(
        ("vocabulary", "templates", "code"),
        [
            ({}, ["{label}"], "tagger_vocabulary_empty"),
            ({"subject": ["car"]}, ["{label}"], "tagger_group_too_small"),
            ({"subject": ["car", " car ", ""]}, ["{label}"], "tagger_group_too_small"),
            (VOCABULARY, ["a photo"], "tagger_template_invalid"),
            (VOCABULARY, [], "tagger_template_invalid"),
            ({"subject": ["car", "very " * 90 + "long car"]}, ["{label}"], "tagger_label_too_long"),
        ],
    )
    def test_words_that_cannot_be_used_are_refused(self, clip_folder, vocabulary, templates, code):
        with pytest.raises(EngineError) as caught:
            ZeroShotTagger(clip_folder, vocabulary, templates=templates)
        assert caught.value.code == code

    def test_braces_in_a_label_are_only_text(self, clip_folder):
        tagger = ZeroShotTagger(clip_folder, {"subject": ["{0.__class__}", "{label}"]}, threshold=0)
        assert sorted(words(tagger.tag(noise(1))[0])) == ["{0.__class__}", "{label}"]


class TestSameTagsInAnyCompany:
    @pytest.fixture(params=["judge", "classifier", "clip"])
    def build(self, request, colors_folder, clip_folder):
        return {
            "judge": lambda size: JudgeTagger(threshold=0.05, batch_size=size),
            "classifier": lambda size: ClassifierTagger(colors_folder, threshold=0.05, batch_size=size),
            "clip": lambda size: ZeroShotTagger(clip_folder, VOCABULARY, threshold=0.05, batch_size=size),
        }[request.param]

    def test_batches_of_one_and_of_four_agree(self, build):
        images = [*draw(4)[1], *noise(2, (90, 60))]
        single, four = build(1).tag(images), build(4).tag(images)
        assert [words(tags) for tags in single] == [words(tags) for tags in four]
        pairs = [pair for rows in zip(single, four, strict=True) for pair in zip(*rows, strict=True)]
        assert len(pairs) >= 6
        assert max(abs(one.confidence - other.confidence) for one, other in pairs) < 1e-5

    def test_repeated_it_is_the_same_to_the_bit_and_no_picture_gives_no_row(self, build):
        tagger, images = build(4), draw(3)[1]
        assert tagger.tag(images) == tagger.tag(images)
        assert tagger.tag([]) == []

    def test_order_follows_the_pictures(self, build):
        tagger, images = build(1), draw(3)[1]
        assert tagger.tag(images[::-1]) == tagger.tag(images)[::-1]


class TestParts:
    def test_a_label_comes_once_with_its_best_confidence_and_ties_by_name(self):
        scored = [("b", 0.6), ("crane", 0.4), ("a", 0.6), ("crane", 0.9), ("low", 0.1)]
        picked = [Tag(label=label, confidence=share) for label, share in (("crane", 0.9), ("a", 0.6), ("b", 0.6))]
        assert pick_tags(scored, threshold=0.2) == picked
        assert pick_tags(scored, threshold=0.2, limit=1) == picked[:1]

    def test_transparent_parts_are_white(self):
        assert flatten(Image.new("RGBA", (4, 4), (9, 9, 9, 0))).getcolors() == [(16, (255, 255, 255))]

    @pytest.mark.parametrize("size", [(16384, 1), (1, 16384), (40, 30)])
    def test_of_a_strip_only_the_middle_is_seen(self, size):
        image = Image.new("L", size)
        image.putpixel((size[0] // 2, size[1] // 2), 255)
        seen = flatten(image)
        assert max(seen.size) <= MAX_ASPECT * min(seen.size)
        assert seen.getextrema()[0] == (0, 255)

    def test_all_three_fill_the_same_seam(self, colors_folder, clip_folder):
        taggers: list[Tagger] = [
            open_tagger(None),
            open_tagger(colors_folder),
            open_tagger(clip_folder, vocabulary=VOCABULARY),
        ]
        assert [type(tagger) for tagger in taggers] == [JudgeTagger, ClassifierTagger, ZeroShotTagger]
        assert len({tagger.version for tagger in taggers}) == 3


def refused(folder):
    with pytest.raises(ModelError) as caught:
        open_tagger(folder, vocabulary=VOCABULARY)
    return caught.value.code


class TestRefusals:
    def test_an_empty_or_absent_folder_is_named(self, tmp_path):
        assert refused(tmp_path) == refused(tmp_path / "absent") == "tagger_missing"

    def test_weights_must_be_safetensors(self, vit_copy):
        (vit_copy / "model.safetensors").unlink()
        assert refused(vit_copy) == "tagger_needs_safetensors"

    @pytest.mark.parametrize("name", ["pytorch_model.bin", "training_args.bin", "checkpoint/optimizer.pt", "a.PKL"])
    def test_a_pickle_beside_good_weights_is_refused(self, vit_copy, name):
        (vit_copy / name).parent.mkdir(exist_ok=True)
        (vit_copy / name).write_bytes(b"\x80\x04.")
        assert refused(vit_copy) == "tagger_needs_safetensors"

    def test_a_pickle_under_a_good_name_is_refused(self, vit_copy):
        torch.save({"weight": torch.zeros(2)}, vit_copy / "model.safetensors")
        assert refused(vit_copy) == "pickle_content"

    @pytest.mark.parametrize("values", [{"auto_map": {"AutoModel": "x.Y"}}, {"image_processor": [{"auto_map": {}}]}])
    @pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "processor_config.json"])
    def test_code_of_its_own_is_refused(self, vit_copy, name, values):
        if not (vit_copy / name).exists():
            (vit_copy / name).write_text("{}", "utf-8")
        edit(vit_copy / name, **values)
        assert refused(vit_copy) == "tagger_runs_code"

    @pytest.mark.parametrize(
        "values",
        [
            {"architectures": ["BertModel"]},
            {"architectures": ["PreTrainedModel"]},
            {"architectures": []},
            {"architectures": [7]},
            {"architectures": "ViTForImageClassification"},
            {"problem_type": "regression"},
            {"problem_type": "segmentation"},
        ],
    )
    def test_another_kind_of_model_is_refused(self, vit_copy, values):
        edit(vit_copy / "config.json", **values)
        assert refused(vit_copy) == "tagger_unknown_architecture"

    def test_a_classifier_of_one_class_has_nothing_to_choose(self, tmp_path):
        build_vit(tmp_path, labels=["picture"])
        assert refused(tmp_path) == "tagger_unknown_architecture"

    @pytest.mark.parametrize(
        "values",
        [
            {"architectures": ["SwinForImageClassification"]},
            {"architectures": ["TimmWrapperForImageClassification"]},
            {"hidden_size": 64},
            {"hidden_size": "wide"},
            {"num_hidden_layers": 3},
            {"image_size": 64},
            {"num_channels": 1},
            {"id2label": {"0": "a", "1": "b"}},
            {"id2label": {"0": "a", "1": "b", "5": "c"}},
            {"id2label": ["a", "b", "c"]},
            {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
        ],
    )
    def test_a_config_that_does_not_fit_the_weights_is_refused(self, vit_copy, values):
        edit(vit_copy / "config.json", **values)
        assert refused(vit_copy) == "tagger_unreadable"

    @pytest.mark.parametrize(
        "values",
        [
            {"image_processor_type": "AutoModel"},
            {"image_processor_type": "ViTModel"},
            {"image_processor_type": "NoSuchImageProcessor"},
            {"size": {"height": 48, "width": 48}},
            {"size": {"shortest_edge": SIZE}},
            {"size": {"height": 10**7, "width": 10**7}},
            {"size": {"height": "tall", "width": SIZE}},
            {"image_std": [0, 0, 0]},
            {"image_processor_type": 7},
            {"image_mean": "gray"},
        ],
    )
    @pytest.mark.filterwarnings("ignore:divide by zero")
    def test_preprocessing_that_does_not_fit_the_model_is_refused(self, vit_copy, values):
        edit(vit_copy / "preprocessor_config.json", **values)
        assert refused(vit_copy) == "tagger_unreadable"

    def test_missing_preprocessing_is_refused(self, vit_copy):
        (vit_copy / "preprocessor_config.json").unlink()
        assert refused(vit_copy) == "tagger_unreadable"

    def test_a_missing_weight_is_not_made_up(self, vit_copy):
        weights = load_file(vit_copy / "model.safetensors")
        del weights["classifier.weight"]
        save_file(weights, vit_copy / "model.safetensors", metadata={"format": "pt"})
        assert refused(vit_copy) == "tagger_unreadable"

    def test_weights_that_are_no_numbers_are_refused(self, vit_copy):
        save_bias(vit_copy, [0.0, float("nan"), 0.0])
        assert refused(vit_copy) == "weights_not_finite"

    @pytest.mark.parametrize("content", [b"", b"{}", b"\x00garbage"])
    def test_a_damaged_tokenizer_is_refused(self, clip_copy, content):
        (clip_copy / "tokenizer.json").write_bytes(content)
        assert refused(clip_copy) == "tagger_unreadable"

    @pytest.mark.parametrize(
        ("name", "part", "values"),
        [
            ("tokenizer.json", "model", {"type": "Nothing"}),
            ("tokenizer.json", "model", {"type": "BPE", "vocab": {"a": 0}, "merges": [["b", "c"]]}),
            ("tokenizer_config.json", "pad_token", None),
        ],
    )
    def test_a_tokenizer_of_another_making_is_refused(self, clip_copy, name, part, values):
        edit(clip_copy / name, **{part: values})
        assert refused(clip_copy) == "tagger_unreadable"

    def test_tokens_that_the_text_encoder_does_not_know_are_refused(self, clip_copy):
        model = json.loads((clip_copy / "tokenizer.json").read_text("utf-8"))["model"]
        model["vocab"] = {word: number + 5000 for word, number in model["vocab"].items()}
        edit(clip_copy / "tokenizer.json", model=model)
        assert refused(clip_copy) == "tagger_unreadable"

    def test_an_adapter_config_cannot_bring_in_another_model(self, vit_copy, tmp_path):
        other = tmp_path / "other"
        build_vit(other, labels=["x", "y", "z"])
        values = {"peft_type": "LORA", "base_model_name_or_path": str(other)}
        (vit_copy / "adapter_config.json").write_text(json.dumps(values), "utf-8")
        edit(vit_copy / "config.json", transformers_weights="../other/model.safetensors")
        assert words(open_tagger(vit_copy).tag([plain(COLORS["red"])])[0]) == ["red"]
