"""The starter model's training: resumes to the bit, ends by its budget, writes what pipelines load."""

import math
import time

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from engine.starter import WEIGHTS, dataset, loop, text_to_image, train, vae
from engine.starter.judge import Judging, label_scenes, load_judge
from engine.starter.scenes import Scene, render
from engine.starter.tokenizer import train_tokenizer

CPU = torch.device("cpu")
COUNT = 24
UNET = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def scenes():
    return [dataset.draw_scene(index, seed=1, split="seen") for index in range(COUNT)]


@pytest.fixture(scope="module")
def images(scenes):
    return np.stack([np.asarray(render(scene)) for scene in scenes])


def text_to_image_task(scenes, images):
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer")
    unet = text_to_image.build_unet(4, (16, 16, 16), 16)
    text_encoder = text_to_image.build_text_encoder(tokenizer, 16, 1)
    latents = np.random.default_rng(0).normal(size=(COUNT, 8, 16, 16)).astype(np.float16)
    return text_to_image.TextToImage(
        unet=unet,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        latents=latents,
        scenes=scenes,
        scaling_factor=1.0,
        optimizer=loop.build_adamw([unet, text_encoder], 1e-3),
        device=CPU,
        batch_size=2,
    )


def autoencoder_task(scenes, images):
    torch.manual_seed(0)
    model = vae.build_vae(4, (8, 8, 8, 8))
    optimizer = loop.build_adamw([model], 1e-3)
    return vae.Autoencoder(vae=model, images=images, optimizer=optimizer, device=CPU, batch_size=2)


def judging_task(scenes, images):
    torch.manual_seed(0)
    return Judging(images=images, scenes=scenes, device=CPU, batch_size=2)


TASKS = pytest.mark.parametrize("build", [text_to_image_task, autoencoder_task, judging_task])


def train_to(task, folder, steps, *, whole, resume=False):
    """Train to a step of a longer budget, as a killed run would."""
    progress = loop.load_checkpoint(folder, task) if resume else loop.Progress()
    budget = loop.Budget(steps=whole, warmup_steps=2)
    while progress.step < steps:
        loop.take_step(task, progress.step, budget.rate_factor(progress.step, 0.0))
        progress.step += 1
    folder.mkdir(exist_ok=True)
    loop.save_checkpoint(folder, task, progress)


@TASKS
def test_a_resumed_training_equals_an_unbroken_one_to_the_bit(build, scenes, images, tmp_path):
    train_to(build(scenes, images), tmp_path / "whole", 4, whole=4)
    train_to(build(scenes, images), tmp_path / "halves", 2, whole=4)
    train_to(build(scenes, images), tmp_path / "halves", 4, whole=4, resume=True)
    whole, halves = (load_file(tmp_path / name / loop.CHECKPOINT) for name in ("whole", "halves"))
    assert whole.keys() == halves.keys()
    assert [key for key in whole if not torch.equal(whole[key], halves[key])] == []


@TASKS
def test_training_moves_the_weights_and_exports_half_precision(build, scenes, images, tmp_path):
    task = build(scenes, images)
    before = [parameter.detach().clone() for parameter in task.optimizer.param_groups[0]["params"]]
    progress = loop.train(
        task, tmp_path / "run", export_to=tmp_path, budget=loop.Budget(steps=2), resume=False, name="tiny"
    )
    assert progress.step == 2
    after = task.optimizer.param_groups[0]["params"]
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    exported = [path for path in tmp_path.rglob("*.safetensors") if path.name != loop.CHECKPOINT]
    assert exported
    for path in exported:
        assert {value.dtype for value in load_file(path).values()} <= {torch.float16, torch.int64}


def test_the_budget_ends_by_steps_or_by_the_clock():
    budget = loop.Budget(steps=100, seconds=50.0, warmup_steps=10)
    assert budget.fraction(50, 0.0) == 0.5
    assert budget.fraction(50, 40.0) == 0.8
    assert budget.fraction(200, 0.0) == 1.0
    assert budget.rate_factor(0, 0.0) == pytest.approx(0.1)
    assert budget.rate_factor(10, 0.0) > 0.95
    assert budget.rate_factor(99, 0.0) < 0.02


def test_the_clock_goes_on_over_a_resume(scenes, images, tmp_path):
    task = judging_task(scenes, images)
    progress = loop.Progress(step=7, spent_seconds=30.0, started=time.monotonic())
    loop.save_checkpoint(tmp_path, task, progress)
    resumed = loop.load_checkpoint(tmp_path, judging_task(scenes, images))
    assert resumed.step == 7
    assert resumed.elapsed_seconds >= 30.0


def test_noise_weights_never_fall_below_the_plain_share():
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    weights = text_to_image.loss_weights((1 - betas).cumprod(0), torch.arange(1000))
    assert weights.min() >= text_to_image.PLAIN_SHARE
    assert weights.max() <= text_to_image.MAX_NOISE_WEIGHT + 1e-4
    assert weights[999] > weights[700] > weights[300] > weights[20]


def test_timesteps_cover_the_whole_range():
    timesteps = text_to_image.spread_timesteps(10, torch.Generator().manual_seed(0))
    assert [int(step) // 100 for step in timesteps] == list(range(10))


def test_some_rows_start_from_noise_alone_and_still_lead_to_their_picture(scenes, images):
    task, generator = text_to_image_task(scenes, images), torch.Generator().manual_seed(0)
    clean, timesteps = torch.ones(8, 4, 16, 16), text_to_image.choose_timesteps(8, generator)
    noisy, target = task.add_noise(clean, timesteps, generator)
    alone = text_to_image.count_noise_alone(8)
    assert (timesteps[:alone] >= 1000 - text_to_image.LATE_TIMESTEPS).all()
    assert noisy[:alone].mean().abs() < 0.05
    alphas = task.noise_scheduler.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
    assert torch.allclose(alphas.sqrt() * clean + (1 - alphas).sqrt() * target, noisy, atol=1e-5)


def test_captions_keep_the_subject_or_are_empty():
    scene = Scene(subject="cat", color="red", environment="in a desert", light="moonlight", style="poster style")
    captions = {text_to_image.vary_caption(scene, loop.keyed_rng(0, step)) for step in range(300)}
    assert "" in captions
    assert scene.prompt in captions
    assert len(captions) > 8
    assert all(caption.startswith("a red cat") for caption in captions - {""})


def test_tokenizer_takes_words_it_never_saw_apart(tmp_path):
    captions = ["a red car, on a beach, moonlight, poster style", "a blue cat, in a desert, neon light"] * 4
    train_tokenizer(captions, tmp_path)
    tokenizer = CLIPTokenizer.from_pretrained(tmp_path)
    assert len(tokenizer.tokenize("red car")) == 2
    assert len(tokenizer.tokenize("umbrella")) > 2
    assert tokenizer.model_max_length == 77
    assert tokenizer.unk_token_id not in tokenizer("umbrella, 月", add_special_tokens=False).input_ids


def test_latents_are_written_once(scenes, images, tmp_path):
    np.save(tmp_path / dataset.IMAGES, images[:4])
    model = vae.build_vae(4, (8, 8, 8, 8)).eval()
    latents = vae.write_latents(tmp_path, model, device=CPU)
    assert latents.shape == (4, 8, 16, 16)
    assert np.array_equal(latents, vae.write_latents(tmp_path, vae.build_vae(4, (8, 8, 8, 8)), device=CPU))


def test_scenes_are_written_with_their_words(tmp_path):
    dataset.write_scenes(tmp_path, 3, seed=1, workers=1)
    stored = dataset.read_scenes(tmp_path)
    assert stored == [dataset.draw_scene(index, seed=1, split="seen") for index in range(3)]
    assert np.array_equal(dataset.open_images(tmp_path)[2], np.asarray(render(stored[2])))


@pytest.mark.slow
def test_command_line_makes_a_whole_model_from_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "VALIDATION_COUNT", 4)
    train.main(["--stage", "all", "--out", str(tmp_path), "--device", "cpu", "--scenes", "80", "--steps", "1"])
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "model")
    assert pipeline.unet.config.in_channels == pipeline.vae.config.latent_channels
    assert len(pipeline.tokenizer) == pipeline.text_encoder.config.vocab_size
    assert load_judge(tmp_path / "judge.safetensors")


@pytest.mark.slow
def test_command_line_goes_on_from_given_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "VALIDATION_COUNT", 4)
    common = ["--out", str(tmp_path), "--init", str(WEIGHTS), "--device", "cpu", "--scenes", "36"]
    train.main(["--stage", "scenes", *common])
    train.main(["--stage", "unet", "--steps", "1", *common])
    shipped, trained = (load_file(folder / "unet" / UNET) for folder in (WEIGHTS, tmp_path / "model"))
    assert shipped.keys() == trained.keys()
    assert all(torch.allclose(shipped[key], trained[key], atol=1e-2) for key in shipped)


def test_a_training_goes_on_from_its_checkpoint_when_asked(scenes, images, tmp_path):
    steps = []
    for whole, resume in ((2, False), (3, True), (2, False)):
        task = judging_task(scenes, images)
        budget = loop.Budget(steps=whole)
        progress = loop.train(task, tmp_path, export_to=tmp_path, budget=budget, resume=resume, name="tiny")
        steps.append(progress.step)
    assert steps == [2, 3, 2]


def test_labels_name_the_scene(scenes):
    labels = label_scenes(scenes)
    assert labels["color"].shape == (COUNT,)
    assert math.prod(labels["subject"].shape) == COUNT
