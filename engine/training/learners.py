"""The four ways to learn: what is trained in a base model, and under which names it is kept."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from engine import hypernetworks
from engine.specs import TrainingSpec
from engine.training.inversion import InversionLearner
from engine.training.networks import Networks
from engine.training.randomness import key_of

ADAPTER = "default"
TRANSFORMER = "Transformer2DModel"
RESIDUAL = ("ResnetBlock2D", "Downsample2D", "Upsample2D")
TEXT_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


class Learner(Protocol):
    """What a training moves. `parameters` are float32, by names that stay the same over attempts."""

    kind: str
    reads_text: bool
    parameters: Mapping[str, nn.Parameter]
    text_parameters: frozenset[str]

    def turn(self, *, learning: bool) -> None:
        """Begin or end to learn: dropout works only in between."""

    def without(self) -> Any:
        """Return a context in which the base model answers as it was."""

    def weights(self) -> dict[str, Tensor]:
        """Return what was learned, float32 on the CPU, by the names of `Trained.weights`."""


def build_learner(spec: TrainingSpec, networks: Networks) -> Learner:
    """Make a base model ready to learn in one way, from the seed."""
    networks.unet.requires_grad_(False)
    for encoder in networks.reader.encoders.values():
        encoder.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key_of(spec.seed, "init"))
        return LEARNERS[spec.method](spec, networks)


class LoraLearner:
    """Low-rank adapters beside the layers of the transformers; on wish of all convolutions and the text encoders."""

    kind = "lora"

    def __init__(self, spec: TrainingSpec, networks: Networks) -> None:
        self.networks, self.reads_text = networks, spec.train_text_encoder
        self.modules: dict[str, nn.Module] = {"unet": networks.unet}
        inject_adapter_in_model(config_for(spec, unet_targets(networks.unet, spec.train_conv)), networks.unet, ADAPTER)
        if spec.train_text_encoder:
            for name, encoder in networks.reader.encoders.items():
                inject_adapter_in_model(config_for(spec, text_targets(encoder)), encoder, ADAPTER)
                self.modules[name] = encoder
        self.parameters = dict(self._named())
        self.text_parameters = frozenset(name for name in self.parameters if not name.startswith("unet."))
        for parameter in self.parameters.values():
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)

    def _named(self) -> Iterator[tuple[str, nn.Parameter]]:
        for network, module in self.modules.items():
            for name, parameter in module.named_parameters():
                if ".lora_" in name:
                    yield f"{network}.{name}", parameter

    def turn(self, *, learning: bool) -> None:
        """Begin or end to learn."""
        for module in self.modules.values():
            module.train(learning)

    @contextmanager
    def without(self) -> Iterator[None]:
        """Let the base model answer alone."""
        layers = [part for each in self.modules.values() for part in each.modules() if isinstance(part, BaseTunerLayer)]
        for layer in layers:
            layer.enable_adapters(False)
        try:
            yield
        finally:
            for layer in layers:
                layer.enable_adapters(True)

    def weights(self) -> dict[str, Tensor]:
        """Return the matrices by peft's names, with the classic paths of CLIP."""
        return {plain_name(name): as_kept(parameter) for name, parameter in self.parameters.items()}


def config_for(spec: TrainingSpec, targets: list[str]) -> LoraConfig:
    """Return peft's description of the adapters; A is random and B zero, so that the first step is the base model's."""
    return LoraConfig(
        r=spec.rank,
        lora_alpha=spec.lora_alpha,
        lora_dropout=spec.lora_dropout,
        use_dora=spec.use_dora,
        init_lora_weights="gaussian",
        target_modules=targets,
    )


def unet_targets(unet: nn.Module, with_conv: bool) -> list[str]:
    """Return the layers that kohya's LoRA adapts: those inside transformers, and on wish the convolutions elsewhere."""
    found = []
    for name, module in unet.named_modules():
        kind = type(module).__name__
        if kind == TRANSFORMER or (with_conv and kind in RESIDUAL):
            layers = [part for part, layer in module.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
            found += [f"{name}.{part}" for part in layers]
    return found


def text_targets(encoder: nn.Module) -> list[str]:
    """Return the layers of a text encoder that are adapted: attention and feed-forward."""
    return [name for name, _ in encoder.named_modules() if name.rpartition(".")[2] in TEXT_LAYERS]


def plain_name(name: str) -> str:
    """Return a peft parameter's name without the adapter's own, and with the path that CLIP's layers are known by."""
    name = name.replace(f".{ADAPTER}.weight", ".weight").replace(f".{ADAPTER}", "")
    name = name.replace(".lora_magnitude_vector.weight", ".lora_magnitude_vector")
    network, _, path = name.partition(".")
    is_short = network.startswith("text_encoder") and not path.startswith("text_model.")
    return f"{network}.text_model.{path}" if is_short and path.startswith("encoder.") else name


class DreamBoothLearner:
    """The whole UNet, and on wish the text encoders."""

    kind = "dreambooth"

    def __init__(self, spec: TrainingSpec, networks: Networks) -> None:
        self.networks, self.reads_text = networks, spec.train_text_encoder
        self.modules: dict[str, nn.Module] = {"unet": networks.unet}
        if spec.train_text_encoder:
            self.modules |= networks.reader.encoders
        is_asked = spec.with_prior_preservation and spec.prior_mode == "adapter_off"
        self.base = copy.deepcopy((networks.unet, networks.reader.encoders)) if is_asked else None
        for module in self.modules.values():
            module.requires_grad_(True)
        self.parameters = {
            f"{network}.{name}": parameter
            for network, module in self.modules.items()
            for name, parameter in module.named_parameters()
        }
        self.text_parameters = frozenset(name for name in self.parameters if not name.startswith("unet."))

    def turn(self, *, learning: bool) -> None:
        """Begin or end to learn."""
        for module in self.modules.values():
            module.train(learning)

    @contextmanager
    def without(self) -> Iterator[None]:
        """Let the copy of the base model answer; there is one only where the prior asks for it."""
        assert self.base is not None
        networks = self.networks
        learned = (networks.unet, networks.reader.encoders)
        networks.unet, networks.reader.encoders = self.base
        try:
            yield
        finally:
            networks.unet, networks.reader.encoders = learned

    def weights(self) -> dict[str, Tensor]:
        """Return every tensor that was trained."""
        return {plain_name(name): as_kept(parameter) for name, parameter in self.parameters.items()}


class HypernetworkLearner:
    """A pair of small networks before `to_k` and `to_v` for each width of what attention reads."""

    kind = "hypernetwork"
    reads_text = False
    text_parameters: frozenset[str] = frozenset()

    def __init__(self, spec: TrainingSpec, networks: Networks) -> None:
        self.networks = networks
        self.hypernetwork = hypernetworks.build_hypernetwork(
            hypernetworks.widths_of(networks.unet),
            layer_structure=spec.layer_structure,
            activation_func=spec.activation_func,
            is_layer_norm=spec.is_layer_norm,
            use_dropout=spec.use_dropout,
            activate_output=spec.activate_output,
        ).to(networks.device)
        self._attach()
        self.parameters = dict(self.hypernetwork.named_parameters())

    def _attach(self) -> None:
        hypernetworks.attach(self.networks.unet, [(self.hypernetwork, 1.0)])

    def turn(self, *, learning: bool) -> None:
        """Begin or end to learn; gradient checkpointing wants the UNet to learn too."""
        self.hypernetwork.train(learning)
        self.networks.unet.train(learning)

    @contextmanager
    def without(self) -> Iterator[None]:
        """Let the base model answer alone."""
        hypernetworks.detach(self.networks.unet)
        try:
            yield
        finally:
            self._attach()

    def weights(self) -> dict[str, Tensor]:
        """Return the layers by A1111's names."""
        return hypernetworks.state(self.hypernetwork)


def as_kept(parameter: Tensor) -> Tensor:
    """Return a copy that later steps do not move."""
    return parameter.detach().float().cpu().clone()


LEARNERS: Mapping[str, Any] = {
    "lora": LoraLearner,
    "dreambooth_lora": LoraLearner,
    "dreambooth": DreamBoothLearner,
    "textual_inversion": InversionLearner,
    "hypernetwork": HypernetworkLearner,
}
