"""What a training leaves is, once written and put on, what it was in training."""

import copy

import pytest
import torch
from peft import inject_adapter_in_model

from engine.adapter_files import write_adapter
from engine.hypernetworks import attach, build_hypernetwork, describe, state, widths_of
from engine.specs import TrainingSpec
from engine.training.learners import config_for, plain_name, text_targets, unet_targets
from tests.engine.bench import ref

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def inputs():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(1, 8, 8, 8, generator=generator), 10, torch.randn(1, 77, 128, generator=generator)


def predict(unet, inputs):
    with torch.no_grad():
        return unet.eval()(*inputs).sample


def unet_of(bench):
    bench.draw()
    return bench.resident.loaded.parts["unet"]


def write(path, kind, weights, header=None, **options):
    write_adapter(path, kind, weights, header or {}, architecture="sd1", layers_per_block=1, dtype="fp32", **options)
    return path


def train(module, network, config):
    """Give a copy of a network an adapter with random weights; return it and what was learned."""
    learner, weights = copy.deepcopy(module), {}
    inject_adapter_in_model(config, learner, "default")
    generator = torch.Generator().manual_seed(1)
    for name, parameter in learner.named_parameters():
        if ".lora_" in name:
            with torch.no_grad():
                if ".lora_B." in name:
                    parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.05)
                elif "magnitude" in name:
                    parameter.mul_(1 + torch.rand(parameter.shape, generator=generator) * 0.2)
            weights[plain_name(f"{network}.{name}")] = parameter.detach().clone()
    return learner, weights


@pytest.mark.parametrize("use_dora", [False, True])
@pytest.mark.parametrize("train_conv", [False, True])
def test_a_lora_predicts_what_it_predicted_in_training(use_dora, train_conv, bench, inputs, tmp_path):
    unet = unet_of(bench)
    plain = predict(unet, inputs)
    spec = TrainingSpec(
        method="lora", architecture="sd1", base_model="0" * 64, rank=4, lora_alpha=8.0, use_dora=use_dora
    )
    learner, weights = train(unet, "unet", config_for(spec, unet_targets(unet, train_conv)))
    file = write(tmp_path / "lora.safetensors", "lora", weights, lora_alpha=8.0)
    bench.draw(ref("lora", bench.add(file)))
    assert (predict(unet, inputs) - predict(learner, inputs)).abs().max() < TOLERANCE
    bench.draw()
    assert torch.equal(predict(unet, inputs), plain)
    assert (plain - predict(learner, inputs)).abs().max() > 100 * TOLERANCE


@pytest.mark.parametrize("use_dora", [False, True])
def test_a_text_encoders_lora_reads_as_it_read_in_training(use_dora, bench, tmp_path):
    bench.draw()
    encoder = bench.resident.loaded.parts["text_encoder"]
    spec = TrainingSpec(method="lora", architecture="sd1", base_model="0" * 64, rank=4, use_dora=use_dora)
    learner, weights = train(encoder, "text_encoder", config_for(spec, text_targets(encoder)))
    file = write(tmp_path / "lora.safetensors", "lora", weights, lora_alpha=spec.lora_alpha)
    bench.draw(ref("lora", bench.add(file)))
    tokens = torch.tensor([[1, 263, 443, 2]])
    with torch.no_grad():
        found, wanted = encoder(tokens).last_hidden_state, learner(tokens).last_hidden_state
    assert (found - wanted).abs().max() < TOLERANCE


@pytest.mark.parametrize("options", [{}, {"activation_func": "mish", "is_layer_norm": True, "use_dropout": True}])
def test_a_hypernetwork_predicts_what_it_predicted_in_training(options, bench, inputs, tmp_path):
    unet = unet_of(bench)
    torch.manual_seed(0)
    hypernetwork = build_hypernetwork(widths_of(unet), **options).eval()
    for parameter in hypernetwork.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    learner = copy.deepcopy(unet)
    attach(learner, [(hypernetwork, 1.0)])
    file = write(tmp_path / "net.safetensors", "hypernetwork", state(hypernetwork), describe(hypernetwork))
    bench.draw(ref("hypernetwork", bench.add(file)))
    assert torch.equal(predict(unet, inputs), predict(learner, inputs))


def test_a_dreambooth_predicts_what_it_predicted_in_training(bench, inputs, tmp_path):
    unet = unet_of(bench)
    learner, weights = copy.deepcopy(unet), {}
    generator = torch.Generator().manual_seed(2)
    for name, parameter in learner.named_parameters():
        with torch.no_grad():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.01)
        weights[plain_name(f"unet.{name}")] = parameter.detach().clone()
    file = write(tmp_path / "full.safetensors", "dreambooth", weights)
    bench.draw(ref("dreambooth", bench.add(file)))
    assert torch.equal(predict(unet, inputs), predict(learner, inputs))


def test_a_word_is_read_as_it_was_in_training(bench, tmp_path):
    rows = torch.randn(2, 128, generator=torch.Generator().manual_seed(0))
    header = {"modelspec.trigger_phrase": "zkink"}
    file = write(tmp_path / "word.safetensors", "textual_inversion", {"text_encoder": rows}, header)
    bench.draw(ref("textual_inversion", bench.add(file)), prompt="zkink")
    [word] = bench.resident.words["tokenizer"].values()
    table = bench.resident.loaded.parts["text_encoder"].get_input_embeddings()
    assert torch.equal(table.weight[list(word.tokens)], rows)
