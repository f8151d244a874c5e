"""What was encoded once is known by its content, and drawn anew at every step."""

import copy
import shutil
from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderKL

from engine.starter import WEIGHTS
from engine.training.caches import LatentCache
from engine.training.pictures import PLAIN, Augmentation
from engine.training.randomness import generator_for

FLIP = Augmentation(random_flip=True, crop_scale=0.8)
OPTIONS = {"resolution": 64, "is_square": True}


@pytest.fixture(scope="module")
def vae():
    return AutoencoderKL.from_pretrained(WEIGHTS / "vae", torch_dtype=torch.float32, variant=None).eval()


class Closed:
    """A VAE that must not be asked."""

    device, dtype = "cpu", torch.float32

    def encode(self, pixels):
        raise AssertionError("encoded again")


@pytest.fixture
def cache(vae, tmp_path):
    return LatentCache(vae, vae_sha256="a" * 64, folder=tmp_path / "cache", device=torch.device("cpu"))


def same(first, second):
    return all(torch.equal(first.mean[bucket], second.mean[bucket]) for bucket in first.mean)


def test_a_second_training_encodes_nothing(cache, items):
    first = cache.encode(items[:3], **OPTIONS)
    closed = LatentCache(Closed(), vae_sha256="a" * 64, folder=cache.folder, device=cache.device)
    assert same(first, closed.encode(items[:3], **OPTIONS))


def test_a_file_is_known_by_its_bytes_and_not_by_its_name(cache, items, tmp_path):
    cache.encode(items[:1], **OPTIONS)
    renamed = replace(items[0], path=tmp_path / "another name.png")
    shutil.copy(items[0].path, renamed.path)
    closed = LatentCache(Closed(), vae_sha256="a" * 64, folder=cache.folder, device=cache.device)
    closed.encode([renamed], **OPTIONS)
    with pytest.raises(AssertionError, match="encoded again"):
        closed.encode([replace(items[1], path=items[1].path)], **OPTIONS)


@pytest.mark.parametrize(
    "change",
    [{"resolution": 128}, {"augmentation": FLIP, "variants": (0,)}],
    ids=["another size", "varied"],
)
def test_what_changes_the_latents_is_in_the_key(cache, items, change):
    cache.encode(items[:1], **OPTIONS)
    closed = LatentCache(Closed(), vae_sha256="a" * 64, folder=cache.folder, device=cache.device)
    with pytest.raises(AssertionError, match="encoded again"):
        closed.encode(items[:1], **{**OPTIONS, **change})


def test_another_vae_has_entries_of_its_own(cache, items):
    cache.encode(items[:1], **OPTIONS)
    other = LatentCache(Closed(), vae_sha256="b" * 64, folder=cache.folder, device=cache.device)
    with pytest.raises(AssertionError, match="encoded again"):
        other.encode(items[:1], **OPTIONS)


def test_an_entry_does_not_depend_on_its_neighbours(cache, items, vae, tmp_path):
    together = cache.encode(items[:4], **OPTIONS)
    alone = LatentCache(vae, vae_sha256="a" * 64, folder=tmp_path / "alone", device=cache.device)
    single = alone.encode(items[2:3], **OPTIONS)
    [bucket] = together.mean
    assert torch.equal(together.mean[bucket][0, 2], single.mean[bucket][0, 0])


def test_a_torn_entry_is_made_again(cache, items):
    first = cache.encode(items[:1], **OPTIONS)
    [path] = cache.folder.iterdir()
    path.write_bytes(path.read_bytes()[:40])
    assert same(first, cache.encode(items[:1], **OPTIONS))


def test_variants_differ_and_are_picked_by_number(cache, items):
    latents = cache.encode(items[:2], **OPTIONS, augmentation=FLIP, variants=range(3), seed=4)
    [bucket] = latents.mean
    assert latents.mean[bucket].shape[:2] == (3, 2)
    still = copy.copy(latents)
    drawn = still.draw([1, 0], [2, 1], generator_for("x"))
    apart = drawn - torch.stack([latents.mean[bucket][2, 1], latents.mean[bucket][1, 0]])
    spread = torch.stack([latents.std[bucket][2, 1], latents.std[bucket][1, 0]])
    assert (apart.abs() <= 6 * spread).all()
    assert apart.abs().max() > 0


def test_the_posterior_is_drawn_from_anew(cache, items):
    latents = cache.encode(items[:1], **OPTIONS, variants=(PLAIN,))
    first, second = (latents.draw([0], [0], generator_for("step", number)) for number in (1, 2))
    assert not torch.equal(first, second)
    assert torch.equal(first, latents.draw([0], [0], generator_for("step", 1)))
