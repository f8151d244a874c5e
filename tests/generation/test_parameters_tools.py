"""Other tools' pictures are read from files shaped like theirs, and hostile ones end early."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.schedulers import find_scheduler
from generation.parameters import LoraClaim, claims_of, read_claims
from generation.parameters.claims import MAX_JSON
from tests.assets.bad_pictures import chunk, exif, picture, png, save

INVOKE = {
    "generation_mode": "txt2img",
    "positive_prompt": "a lighthouse",
    "negative_prompt": "people",
    "width": 1024,
    "height": 768,
    "seed": 4294967295,
    "cfg_scale": 5.5,
    "steps": 30,
    "scheduler": "dpmpp_2m_k",
    "clip_skip": 0,
    "model": {"key": "k", "hash": "blake3:" + "a" * 64, "name": "dream", "base": "sdxl", "type": "main"},
    "loras": [{"model": {"name": "ink", "hash": "blake3:" + "b" * 64}, "weight": 0.75}, {"model": 5}, "junk"],
    "vae": {"name": "soft"},
    "strength": 0.6,
    "app_version": "5.4.0",
}
SWARM = {
    "sui_image_params": {
        "prompt": "a cat",
        "negativeprompt": "dog",
        "model": "XL/base",
        "seed": 7,
        "steps": 20,
        "cfgscale": 6.5,
        "width": 512,
        "height": 640,
        "sampler": "euler_ancestral",
        "scheduler": "normal",
        "vae": "ae.sft",
        "clipstopatlayer": "-2",
        "loras": ["ink", "snow"],
        "loraweights": ["0.5"],
        "swarm_version": "0.9.5",
    },
    "sui_models": [{"name": "XL/base.safetensors", "param": "model", "hash": "0x" + "c" * 64}],
}
FOOOCUS = {
    "prompt": "a boat",
    "negative_prompt": "",
    "performance": "Speed",
    "steps": 30,
    "resolution": "(896, 1152)",
    "guidance_scale": 4,
    "base_model": "juggernaut",
    "base_model_hash": "aeb7e9e689",
    "clip_skip": 2,
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "seed": "123456789",
    "lora_combined_1": "offset : 0.1",
    "loras": [["offset", 0.1, "4852686128"]],
    "metadata_scheme": "fooocus",
    "version": "Fooocus v2.5.5",
}


def comfy() -> dict:
    return {
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 156680208700286,
                "steps": 20,
                "cfg": 8,
                "sampler_name": "dpmpp_2m",
                "scheduler": "karras",
                "denoise": 1,
                "model": ["11", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
            },
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "base.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a glass bottle", "clip": ["12", 0]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "watermark", "clip": ["12", 0]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["13", 0]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "x"}},
        "10": {
            "class_type": "LoraLoader",
            "inputs": {"lora_name": "first.safetensors", "strength_model": 0.5, "model": ["4", 0], "clip": ["4", 1]},
        },
        "11": {
            "class_type": "LoraLoader",
            "inputs": {
                "lora_name": "second.safetensors",
                "strength_model": 0.25,
                "model": ["10", 0],
                "clip": ["10", 1],
            },
        },
        "12": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["11", 1]}},
        "13": {"class_type": "VAELoader", "inputs": {"vae_name": "soft.safetensors"}},
    }


def read_graph(graph: object):
    return claims_of({"prompt": json.dumps(graph)}, find_scheduler=find_scheduler)


def test_invokeai_is_read():
    claims = claims_of({"invokeai_metadata": json.dumps(INVOKE)}, find_scheduler=find_scheduler)
    assert claims.source == "invokeai"
    assert (claims.prompt, claims.negative_prompt) == ("a lighthouse", "people")
    assert (claims.width, claims.height, claims.seed) == (1024, 768, 4294967295)
    assert (claims.num_inference_steps, claims.guidance_scale, claims.strength) == (30, 5.5, 0.6)
    assert (claims.sampler, claims.schedule_type, claims.scheduler) == ("DPM++ 2M", "Karras", "dpmpp_2m_karras")
    assert (claims.model_name, claims.model_hash, claims.vae_name) == ("dream", None, "soft")
    assert claims.loras == (LoraClaim(name="ink", weight=0.75),)
    assert claims.clip_skip == 0


def test_swarmui_is_read():
    claims = claims_of({"parameters": json.dumps(SWARM)}, find_scheduler=find_scheduler)
    assert claims.source == "swarmui"
    assert (claims.prompt, claims.negative_prompt, claims.seed) == ("a cat", "dog", 7)
    assert (claims.model_name, claims.model_hash) == ("XL/base", "c" * 64)
    assert claims.scheduler == "euler_a"
    assert claims.clip_skip == 1
    assert claims.loras == (LoraClaim(name="ink", weight=0.5), LoraClaim(name="snow", weight=1.0))


def test_swarmui_is_read_from_a_jpeg_too():
    block = exif(t8769={0x9286: b"UNICODE\0" + json.dumps(SWARM).encode("utf-16-be")})
    assert read_claims(save(picture(), "JPEG", exif=block)).source == "swarmui"


def test_fooocus_json_is_read():
    texts = {"parameters": json.dumps(FOOOCUS), "fooocus_scheme": "fooocus"}
    claims = claims_of(texts, find_scheduler=find_scheduler)
    assert claims.source == "fooocus"
    assert (claims.width, claims.height, claims.seed, claims.clip_skip) == (896, 1152, 123456789, 1)
    assert claims.scheduler == "dpmpp_2m_sde_karras"
    assert claims.loras == (LoraClaim(name="offset", weight=0.1, hash="4852686128"),)
    assert claims.model_hash == "aeb7e9e689"
    assert claims_of({"parameters": json.dumps(FOOOCUS)}).source == "fooocus"


def test_fooocus_older_loras_are_read_from_their_joined_text():
    older = {name: value for name, value in FOOOCUS.items() if name != "loras"}
    claims = claims_of({"parameters": json.dumps(older), "fooocus_scheme": "fooocus"})
    assert claims.loras == (LoraClaim(name="offset", weight=0.1),)


def test_fooocus_in_a1111s_words_is_read():
    text = "a boat\nNegative prompt: x\nSteps: 30, Sampler: DPM++ 2M SDE Karras, Seed: 9, Size: 896x1152, CFG scale: 4"
    claims = claims_of({"parameters": text, "fooocus_scheme": "a1111"}, find_scheduler=find_scheduler)
    assert (claims.source, claims.scheduler, claims.seed) == ("fooocus", "dpmpp_2m_sde_karras", 9)


@pytest.mark.parametrize("resolution", ["__import__('os').system('id')", "(8, 8) or 1", "9" * 5000, None, {}])
def test_fooocus_text_is_never_run(resolution):
    texts = {"parameters": json.dumps({**FOOOCUS, "resolution": resolution}), "fooocus_scheme": "fooocus"}
    assert claims_of(texts).width is None


def test_comfyui_is_read_by_walking_from_the_sampler():
    claims = read_graph(comfy())
    assert claims.source == "comfyui"
    assert (claims.prompt, claims.negative_prompt) == ("a glass bottle", "watermark")
    assert (claims.seed, claims.num_inference_steps, claims.guidance_scale) == (156680208700286, 20, 8.0)
    assert (claims.width, claims.height, claims.strength) == (512, 768, 1.0)
    assert claims.scheduler == "dpmpp_2m_karras"
    assert (claims.model_name, claims.vae_name, claims.clip_skip) == ("base.safetensors", "soft.safetensors", 1)
    assert claims.loras == (
        LoraClaim(name="first.safetensors", weight=0.5),
        LoraClaim(name="second.safetensors", weight=0.25),
    )


def test_comfyui_is_read_from_png_and_from_webps_camera_fields():
    text = json.dumps(comfy())
    assert read_claims(png(chunk(b"tEXt", b"prompt\0" + text.encode()))).prompt == "a glass bottle"
    block = exif(t0110=f"prompt:{text}", t010F="workflow:{}")
    assert read_claims(save(picture(), "WEBP", exif=block)).prompt == "a glass bottle"


def test_comfyuis_custom_sampler_is_read_through_its_parts():
    graph = comfy()
    graph["3"] = {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["20", 0],
            "guider": ["21", 0],
            "sampler": ["22", 0],
            "sigmas": ["23", 0],
            "latent_image": ["5", 0],
        },
    }
    graph["20"] = {"class_type": "RandomNoise", "inputs": {"noise_seed": 99}}
    graph["21"] = {
        "class_type": "CFGGuider",
        "inputs": {"cfg": 3.5, "model": ["4", 0], "positive": ["24", 0], "negative": ["7", 0]},
    }
    graph["22"] = {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}}
    graph["23"] = {"class_type": "BasicScheduler", "inputs": {"scheduler": "normal", "steps": 12, "denoise": 0.5}}
    graph["24"] = {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["6", 0]}}
    claims = read_graph(graph)
    assert (claims.seed, claims.guidance_scale, claims.num_inference_steps) == (99, 3.5, 12)
    assert (claims.scheduler, claims.strength, claims.prompt) == ("euler", 0.5, "a glass bottle")
    assert claims.model_name == "base.safetensors"


def test_comfyuis_primitives_and_control_nets_are_followed():
    graph = comfy()
    graph["3"]["inputs"]["seed"] = ["30", 0]
    graph["30"] = {"class_type": "PrimitiveInt", "inputs": {"value": 77}}
    graph["6"]["inputs"]["text"] = ["31", 0]
    graph["31"] = {"class_type": "ShowText", "inputs": {"text": ["32", 0]}}
    graph["32"] = {"class_type": "PrimitiveString", "inputs": {"value": "a linked prompt"}}
    control = {"positive": ["6", 0], "negative": ["7", 0], "strength": 1.0}
    graph["33"] = {"class_type": "ControlNetApplyAdvanced", "inputs": control}
    graph["3"]["inputs"] |= {"positive": ["33", 0], "negative": ["33", 1]}
    claims = read_graph(graph)
    assert (claims.seed, claims.prompt, claims.negative_prompt) == (77, "a linked prompt", "watermark")


def test_of_two_samplers_the_one_from_the_empty_latent_counts():
    graph = comfy()
    graph["2"] = {"class_type": "KSampler", "inputs": {**graph["3"]["inputs"], "seed": 1, "latent_image": ["40", 0]}}
    graph["40"] = {"class_type": "LatentUpscale", "inputs": {"samples": ["3", 0], "width": 1024, "height": 1536}}
    graph["8"]["inputs"]["samples"] = ["2", 0]
    claims = read_graph(graph)
    assert (claims.seed, claims.width) == (156680208700286, 512)
    assert claims.warnings == ("several_samplers",)


def test_nan_in_a_graph_is_tolerated():
    text = json.dumps(comfy()).replace('"denoise": 1', '"denoise": NaN').replace('"cfg": 8', '"cfg": Infinity')
    claims = claims_of({"prompt": text})
    assert claims.prompt == "a glass bottle"
    assert set(claims.warnings) == {"strength_invalid", "guidance_scale_invalid"}


def test_cycles_end():
    graph = comfy()
    graph["10"]["inputs"]["model"] = ["11", 0]
    graph["5"] = {"class_type": "LatentUpscale", "inputs": {"samples": ["3", 0]}}
    graph["6"]["inputs"]["text"] = ["6", 0]
    claims = read_graph(graph)
    assert claims.prompt == ""
    assert claims.num_inference_steps == 20


HOSTILE = {
    "a deep text": "[" * 500_000,
    "a deep graph": '{"a":' * 50_000,
    "more than 2 Mi characters": '{"1": "' + "a" * MAX_JSON + '"}',
    "a list": "[1, 2]",
    "no nodes": '{"1": {"class_type": 5, "inputs": []}, "2": null}',
    "digits without end": '{"1": ' + "9" * 10_000 + "}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_graph_is_no_claim(name):
    assert claims_of({"prompt": HOSTILE[name]}) is None


def test_a_graph_without_a_sampler_says_so():
    graph = comfy()
    del graph["3"]
    assert read_graph(graph).warnings == ("sampler_missing",)


def test_a_huge_ring_of_samplers_ends():
    ring = {
        str(n): {
            "class_type": "KSampler",
            "inputs": {
                "seed": n,
                "positive": [str((n + 1) % 5000), 0],
                "negative": [str((n + 2) % 5000), 0],
                "latent_image": [str((n + 3) % 5000), 0],
            },
        }
        for n in range(5000)
    }
    assert read_graph(ring).source == "comfyui"


@dataclass(frozen=True)
class Shape:
    key: str
    base: dict


SHAPES = [Shape("invokeai_metadata", INVOKE), Shape("parameters", SWARM), Shape("parameters", FOOOCUS)]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60)
@given(shape=st.sampled_from(SHAPES), data=st.data())
def test_any_json_in_a_known_shape_is_read_without_an_error(shape, data):
    said = shape.base.get("sui_image_params", shape.base)
    field = data.draw(st.sampled_from(sorted(said)))
    forged = {**said, field: data.draw(anything)}
    whole = {"sui_image_params": forged, "sui_models": data.draw(anything)} if said is not shape.base else forged
    claims = claims_of({shape.key: json.dumps(whole)}, find_scheduler=find_scheduler)
    assert claims is None or isinstance(claims.prompt, str)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_graph_is_read_without_an_error(data):
    graph = comfy()
    node = graph[data.draw(st.sampled_from(sorted(graph)))]
    node["inputs"][data.draw(st.sampled_from(sorted(node["inputs"])))] = data.draw(anything | st.just(["3", 0]))
    read_graph(graph)
