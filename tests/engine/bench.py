"""Draw small pictures with adapter files, and see that the base model is what it was."""

import hashlib

from engine.headers import hash_model
from engine.render import Engine
from engine.specs import AdapterRef
from tests.engine.test_render import ignore


class Bench:
    """One base model and one engine, with files by their hash."""

    def __init__(self, base, spec):
        self.base, self.base_hash = base, hash_model(base)
        self.spec = spec.replace(base_model=self.base_hash, num_inference_steps=2, width=64, height=64)
        self.known = {self.base_hash: base}
        self.engine = Engine(self.known.__getitem__, memory_budget_bytes=10**9, device="cpu", threads=1)

    def add(self, path):
        sha256 = hash_model(path)
        self.known[sha256] = path
        return sha256

    def draw(self, *adapters, **changes):
        return self.engine.render(self.spec.replace(adapters=adapters, **changes), ignore).pixels_sha256

    @property
    def resident(self):
        return self.engine.models.residents[self.base_hash]

    def weights_hash(self):
        """Return a hash over every parameter and buffer of every part, by name."""
        digest = hashlib.sha256()
        for name, part in sorted(self.resident.loaded.parts.items()):
            if hasattr(part, "named_buffers"):
                tensors = [*part.named_parameters(), *part.named_buffers()]
                for key, value in sorted(tensors, key=lambda pair: pair[0]):
                    digest.update(f"{name}.{key} {tuple(value.shape)} {value.dtype}".encode() + value.numpy().tobytes())
        return digest.hexdigest()

    def objects(self):
        """Return which objects the model consists of: parameters, attention processors, word tables, tokenizers."""
        parts = self.resident.loaded.parts
        found = {f"{name}.{key}": id(each) for name, key, each in self._parameters()}
        found |= {name: id(each) for name, each in parts["unet"].attn_processors.items()}
        for pipeline in self.resident.pipelines.values():
            found |= {name: id(getattr(pipeline, name)) for name in parts}
        return found

    def _parameters(self):
        for name, part in self.resident.loaded.parts.items():
            if hasattr(part, "named_parameters"):
                yield from ((name, key, each) for key, each in part.named_parameters())


def ref(kind, sha256, weight=1.0, word=""):
    return AdapterRef(kind=kind, sha256=sha256, weight=weight, word=word)
