"""Fused layers answer and learn as peft's own do, and leave a model as they found it."""

import copy
from contextlib import suppress

import pytest
import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from engine.starter import WEIGHTS
from engine.training.frozen import freeze_conv, is_frozen, is_turnable
from engine.training.fused import FusedLora, fuse_layers, is_sum_cheaper, is_whole_cheaper
from engine.training.learners import unet_targets
from tests.engine.tiny import build_unet

CLOSE = 1e-5


@pytest.fixture(scope="module")
def starter():
    return UNet2DConditionModel.from_pretrained(WEIGHTS, subfolder="unet", torch_dtype=torch.float32)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def adapted(unet: nn.Module, *, rank: int = 4, alpha: float = 6.0, with_conv: bool = False, **options) -> nn.Module:
    """Return a copy whose layers have adapters that already say something."""
    unet = copy.deepcopy(unet).requires_grad_(False)
    torch.manual_seed(0)
    targets = unet_targets(unet, with_conv)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, init_lora_weights=False, **options)
    return inject_adapter_in_model(config, unet).train()


def question(unet: nn.Module, *, count: int = 2, side: int = 8) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {
        "sample": torch.randn(count, unet.config.in_channels, side, side),
        "timestep": torch.arange(count) * 300 + 20,
        "encoder_hidden_states": torch.randn(count, 77, unet.config.cross_attention_dim),
    }


def answer(unet: nn.Module, **changes) -> torch.Tensor:
    torch.manual_seed(2)
    return unet(**question(unet) | changes, return_dict=False)[0]


def learn(unet: nn.Module, **changes) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    answered = answer(unet, **changes)
    answered.square().mean().backward()
    gradients = {name: each.grad for name, each in unet.named_parameters() if each.grad is not None}
    for parameter in unet.parameters():
        parameter.grad = None
    return answered.detach(), gradients


def furthest(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return how far two tensors are from each other, as a share of the first one's length."""
    return float((one - other).detach().norm() / one.detach().norm())


def assert_learns_alike(unet: nn.Module, **changes) -> int:
    expected, gradients = learn(unet, **changes)
    with fuse_layers(unet) as count:
        found, fused = learn(unet, **changes)
    assert furthest(expected, found) < CLOSE
    assert gradients.keys() == fused.keys()
    assert furthest(flatten(gradients), flatten(fused)) < CLOSE
    # Gradients of queries and keys nearly cancel out: peft's own are up to 1e-5 from those in double precision.
    assert max(furthest(gradients[name], fused[name]) for name in gradients) < 5 * CLOSE
    return count


def flatten(gradients: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([gradients[name].flatten() for name in sorted(gradients)])


@pytest.mark.parametrize("rank", [1, 4, 16])
def test_the_starter_model_learns_the_same_to_1e_5(starter, rank):
    assert assert_learns_alike(adapted(starter, rank=rank, alpha=2.5)) == 84


def test_a_model_with_linear_projections_learns_the_same():
    assert assert_learns_alike(adapted(build_unet("sd2"))) > 20


def test_gradient_reaches_what_comes_before(starter):
    unet = adapted(starter)
    text = question(unet)["encoder_hidden_states"]
    reached = []
    for _ in range(2):
        leaf = text.clone().requires_grad_()
        with fuse_layers(unet) if reached else torch.enable_grad():
            answer(unet, encoder_hidden_states=leaf).square().mean().backward()
        reached.append(leaf.grad)
    assert furthest(*reached) < CLOSE


@pytest.mark.parametrize(("rows", "width", "height"), [(2, 64, 48), (500, 8, 8), (500, 192, 96)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_every_way_through_a_layer_agrees_with_plain_autograd_in_double_precision(rows, width, height, has_bias):
    torch.manual_seed(3)
    leaves = [torch.randn(*shape, dtype=torch.float64) for shape in ((rows, width), (4, width), (height, 4))]
    weight, bias = torch.randn(height, width).double(), torch.randn(height).double() if has_bias else None

    def gradients(layer) -> list[torch.Tensor]:
        inputs = [leaf.clone().requires_grad_() for leaf in leaves]
        answered = layer(*inputs)
        return [answered, *torch.autograd.grad(answered.sin().sum(), inputs)]

    plain = gradients(lambda x, down, up: nn.functional.linear(x, weight, bias) + 0.7 * (x @ down.T @ up.T))
    fused = gradients(lambda x, down, up: FusedLora.apply(x, weight, bias, down, up, 0.7))
    assert max(furthest(one, other) for one, other in zip(plain, fused, strict=True)) < 1e-12


def test_the_ways_tried_above_are_all_there_are():
    shapes = [(2, torch.empty(48, 64)), (500, torch.empty(8, 8)), (500, torch.empty(96, 192))]
    assert [is_sum_cheaper(rows, weight) for rows, weight in shapes] == [False, True, True]
    assert [is_whole_cheaper(weight, 4) for _, weight in shapes[1:]] == [True, False]


def test_everything_is_as_before_afterwards(starter):
    unet = adapted(starter)
    weights = {name: (each.clone(), each.data_ptr(), each.stride()) for name, each in unet.named_parameters()}
    before = answer(unet)
    with fuse_layers(unet):
        assert sum("forward" in each.__dict__ for each in unet.modules()) > 84
        learn(unet)
    assert not any("forward" in each.__dict__ for each in unet.modules())
    for name, parameter in unet.named_parameters():
        value, place, stride = weights[name]
        assert torch.equal(parameter, value)
        assert (parameter.data_ptr(), parameter.stride()) == (place, stride)
    assert torch.equal(answer(unet), before)


def test_everything_is_as_before_after_an_error_and_when_nested(starter):
    unet = adapted(starter)
    before = answer(unet)
    with suppress(ZeroDivisionError), fuse_layers(unet):
        with fuse_layers(unet):
            assert furthest(before, answer(unet)) < CLOSE
        assert furthest(before, answer(unet)) < CLOSE
        raise ZeroDivisionError
    assert not any("forward" in each.__dict__ for each in unet.modules())
    assert torch.equal(answer(unet), before)


def test_with_the_adapter_off_the_base_model_answers(starter):
    unet = adapted(starter)
    plain = copy.deepcopy(starter).train()
    with fuse_layers(unet):
        for layer in unet.modules():
            if isinstance(layer, BaseTunerLayer):
                layer.enable_adapters(False)
        assert furthest(answer(plain), answer(unet)) < CLOSE


def test_steps_move_the_answer_inside(starter):
    unet = adapted(starter)
    with fuse_layers(unet):
        before = answer(unet).detach()
        with torch.no_grad():
            for parameter in unet.parameters():
                if parameter.requires_grad:
                    parameter.mul_(0.5)
        moved = answer(unet).detach()
    assert furthest(before, moved) > CLOSE
    assert furthest(answer(unet).detach(), moved) < CLOSE


@pytest.mark.parametrize(
    "options", [{"use_dora": True}, {"lora_dropout": 0.3}, {"lora_bias": True}], ids=["dora", "dropout", "bias"]
)
def test_other_kinds_stay_in_pefts_hands(options):
    unet = adapted(build_unet("sd2"), **options).eval()
    before = answer(unet)
    with fuse_layers(unet) as count:
        assert furthest(before, answer(unet)) < CLOSE
    assert count == 0


def test_wide_convolutions_stay_in_pefts_hands():
    unet = adapted(build_unet("sd2"), with_conv=True)
    counted = assert_learns_alike(unet)
    assert 0 < counted < len([name for name in unet.state_dict() if "lora_A" in name])


def test_half_precision_stays_in_pefts_hands(starter):
    with fuse_layers(adapted(starter).to(torch.bfloat16)) as count:
        assert count == 0
    unet = adapted(starter)
    with torch.autocast("cpu", torch.bfloat16):
        expected = answer(unet)
        with fuse_layers(unet):
            assert furthest(expected.float(), answer(unet).float()) < 2e-2


def test_a_frozen_model_without_adapters_lets_the_same_gradient_through(starter):
    reached = []
    for _ in range(2):
        leaf = question(starter)["encoder_hidden_states"].requires_grad_()
        unet = copy.deepcopy(starter).requires_grad_(False)
        with fuse_layers(unet) if reached else torch.enable_grad():
            assert any("forward" in each.__dict__ for each in unet.modules()) is bool(reached)
            answer(unet, encoder_hidden_states=leaf).square().mean().backward()
        reached.append(leaf.grad)
    assert furthest(*reached) < CLOSE


@pytest.mark.parametrize(("side", "padding"), [(3, 1), (3, 0), (3, 2), (5, 2), (2, 1)])
def test_the_way_back_through_a_frozen_convolution_is_exact_in_double_precision(side, padding):
    torch.manual_seed(4)
    conv = nn.Conv2d(5, 7, side, padding=padding).double().requires_grad_(False)
    planes = torch.randn(2, 5, 9, 6).double().requires_grad_()
    [plain] = torch.autograd.grad(conv(planes).sin().sum(), planes)
    [turned] = torch.autograd.grad(freeze_conv(conv)(planes).sin().sum(), planes)
    assert furthest(plain, turned) < 1e-12


def test_convolutions_that_step_or_wrap_keep_their_own_way_back():
    assert is_turnable(nn.Conv2d(4, 4, 3, padding=1))
    for options in ({"stride": 2}, {"dilation": 2}, {"groups": 2}, {"padding": 3}):
        assert not is_turnable(nn.Conv2d(4, 4, 3, **options))
    assert not is_frozen(nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular").requires_grad_(False))


def test_convolutions_beyond_the_room_keep_their_own_way_back(starter, monkeypatch):
    monkeypatch.setattr("engine.training.fused.TURNED_BYTES", 2**20)
    unet = adapted(starter)
    with fuse_layers(unet):
        kept = [each for each in unet.modules() if isinstance(each, nn.Conv2d) and "forward" not in each.__dict__]
    assert any(each.kernel_size == (3, 3) and each.stride == (1, 1) for each in kept)
    assert_learns_alike(unet)


def test_weights_that_learn_themselves_keep_their_layout():
    unet = build_unet("sd2")
    strides = {name: each.stride() for name, each in unet.named_parameters()}
    with fuse_layers(unet) as count:
        assert count == 0
        assert {name: each.stride() for name, each in unet.named_parameters()} == strides
