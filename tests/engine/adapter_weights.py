"""Random adapters for real models, and what a model with their weights added by hand predicts."""

import copy

import diffusers
import torch
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from engine.adapter_layers import split_layers
from engine.adapter_names import list_layers, name_parameter
from engine.folders import PIPELINES

ENCODERS = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}


def load_pipeline(architecture, folder):
    """Load a folder as anybody would, in float32."""
    parts = {}
    if architecture != "sdxl":
        parts = {"safety_checker": None, "feature_extractor": None}
    loaded = {
        "unet": diffusers.UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32),
        "vae": diffusers.AutoencoderKL.from_pretrained(folder / "vae"),
        "scheduler": diffusers.DDIMScheduler.from_pretrained(folder / "scheduler"),
    }
    for network, cls in ENCODERS.items():
        if (folder / network).is_dir():
            loaded[network] = cls.from_pretrained(folder / network, dtype=torch.float32)
            number = network.removeprefix("text_encoder")
            loaded[f"tokenizer{number}"] = CLIPTokenizer.from_pretrained(folder / f"tokenizer{number}")
    return PIPELINES[architecture](**loaded, **parts)


def list_parameters(pipeline):
    """Return every parameter of the networks that learn, by its classic name."""
    found = {}
    for network in ("unet", *ENCODERS):
        module = getattr(pipeline, network, None)
        for name, weight in module.named_parameters() if module is not None else ():
            found[name_parameter(f"{network}.{name}")] = weight
    return found


def make_lora(pipeline, *, rank=3, with_conv=False, with_dora=False, scale=0.05, seed=0, networks=("unet", *ENCODERS)):
    """Return a LoRA for all the layers that kohya's has."""
    generator = torch.Generator().manual_seed(seed)
    parameters = list_parameters(pipeline)
    weights = {}
    for layer in list_layers(parameters, with_conv=with_conv):
        if layer.split(".")[0] not in networks:
            continue
        out, into, *kernel = parameters[f"{layer}.weight"].shape
        down = torch.randn(rank, into, *kernel, generator=generator)
        up = torch.randn(out, rank, *[1] * len(kernel), generator=generator)
        weights |= {f"{layer}.lora_A.weight": down * scale, f"{layer}.lora_B.weight": up * scale}
        if with_dora:
            length = parameters[f"{layer}.weight"].detach().flatten(1).norm(dim=1)
            drawn = torch.rand(out, generator=generator)
            weights[f"{layer}.lora_magnitude_vector"] = length * (1 + 0.1 * drawn)
    return weights


def add_by_hand(pipeline, weights, scale):
    """Return a copy of a pipeline's networks whose weights are W + scale x B A, or for DoRA m / |row| x that."""
    changed = {name: copy.deepcopy(getattr(pipeline, name)) for name in ("unet", *ENCODERS) if hasattr(pipeline, name)}
    parameters = {}
    for network, module in changed.items():
        parameters |= {name_parameter(f"{network}.{name}"): weight for name, weight in module.named_parameters()}
    with torch.no_grad():
        for name, layer in split_layers(weights).items():
            weight = parameters[f"{name}.weight"]
            weight += scale * layer.delta()
            if layer.magnitude is not None:
                lengths = weight.flatten(1).norm(dim=1)
                weight *= (layer.magnitude / lengths).reshape(-1, *[1] * (weight.ndim - 1))
    return changed


@torch.no_grad()
def predict(networks, *, words=(5, 6, 7), seed=0):
    """Return the UNet's prediction for one noisy latent and one text, through the text encoders."""
    generator = torch.Generator().manual_seed(seed)
    unet = networks["unet"].eval()
    ids = torch.tensor([[0, *words, 1]])
    states, options = [], {}
    for network in ("text_encoder", "text_encoder_2"):
        if networks.get(network) is not None:
            output = networks[network].eval()(ids, output_hidden_states=True)
            states.append(output.hidden_states[-2 if unet.config.addition_embed_type else -1])
            options["text_embeds"] = output[0]
    if unet.config.addition_embed_type:
        options["time_ids"] = torch.ones(1, 6)
    latents = torch.randn(1, unet.config.in_channels, 8, 8, generator=generator)
    return unet(latents, 300, torch.cat(states, dim=-1), added_cond_kwargs=options).sample


def networks_of(pipeline):
    return {name: getattr(pipeline, name, None) for name in ("unet", *ENCODERS)}
