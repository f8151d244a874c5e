"""Write adapters in the layouts that other programs read. Only workers import this module: it brings torch."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings

from assets import storage
from assets.licensing import Action, Verdict
from assets.services import decide_use
from engine.adapter_exports import export_dreambooth_folder, export_embedding, export_peft, export_public
from engine.adapter_files import StoredAdapter, read_adapter, write_adapter
from engine.adapter_names import LAYERS_PER_BLOCK
from engine.adapter_public import public_header
from engine.errors import ModelError
from engine.headers import hash_model

from .adapter_cards import base_of, facts_of, kind_of, sample_facts, samples_of
from .adapter_headers import header_of, is_lycoris
from .card_facts import FileFacts
from .export_files import keep_file, sweep_exports, workshop
from .exports import Entry, Layout, files_below, is_zip, packed_layouts, weights_name, write_zip
from .model_cards import texts_of
from .models import AdapterExport, AdapterVersion, TrainingSample
from .papers import papers_of, papers_sha256
from .services.downloads import Order, finish_export, order_of
from .services.export_watches import ExportWatch
from .tasks_weights import layers_per_block

HEADER_HASHES = ("modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash")
KOHYA_START = "lora_"


def export(job_id: str) -> None:
    """Write a file that somebody wants to take out."""
    rows = AdapterExport.objects.select_related(
        "project", "version__adapter__project", "version__file__rights", "version__run", "version__job",
        "version__dataset_version__dataset",
    )  # fmt: skip
    job = rows.get(pk=job_id)
    if job.claim():
        with job.work():
            write_export(job)


def write_export(job: AdapterExport) -> None:
    """Ask the rights, write, ask again, and keep the file."""
    watch = ExportWatch(job)
    watch.check()
    sweep_exports()
    order, papers = order_of(job), ""
    with workshop() as folder:
        job.beat(stage="reading")
        check_file(job.version)
        if is_zip(job.layout, is_public=job.is_public):
            target, papers = pack(job, order, folder)
        else:
            target = Writer(job.version, order, folder).write(job.layout)
            papers = papers_sha256(papers_of(facts_of(job.version, order)))
        watch.look(every_seconds=0)
        finish_export(job, keep_file(target), papers)


def check_file(version: AdapterVersion) -> None:
    """Raise ModelError for a file that is gone, or is not what was registered."""
    if not version.file.file.is_file():
        raise ModelError("model_missing", f"{version.file.name} is gone.", file=version.file.name)
    if hash_model(version.file.file) != version.file.sha256:
        raise ModelError("adapter_changed", f"{version.file.name} was changed on disk.", file=version.file.name)


class Writer:
    """Write one version's weights into a folder, layout by layout; the weights are read once."""

    def __init__(self, version: AdapterVersion, order: Order, folder: Path) -> None:
        self.version, self.order, self.folder = version, order, folder
        self.kind = kind_of(version)
        self.source = version.file.file
        self.base = base_of(version.file)
        self._stored: StoredAdapter | None = None

    @property
    def stored(self) -> StoredAdapter:
        """The weights under diffusers' names."""
        if self._stored is None:
            self._stored = read_adapter(self.source)
        return self._stored

    @property
    def header(self) -> dict[str, str]:
        """What the header of a rewritten file says; what tells of the dataset stays in the house."""
        said = self.stored.header
        kept = public_header(said) if self.order.is_public else dict(said)
        return {key: text for key, text in kept.items() if key not in HEADER_HASHES}

    @property
    def word(self) -> str:
        """The word that listens to a textual inversion."""
        said = self.stored.header.get("modelspec.trigger_phrase", "")
        return (self.version.trigger_words or [said or self.version.adapter.slug])[0]

    def write(self, layout: Layout | str) -> Path:
        """Write one layout, and return its file or folder."""
        chosen: Any = layout
        name = weights_name(self.version.adapter.slug, self.version.number, chosen, self.kind)
        path = self.folder / name
        if layout == "folder":
            self.write_folder(path)
        elif layout == "file" or (layout == "kohya" and self.is_kohya):
            self.copy(path)
        elif layout == "peft":
            export_peft(path, self.stored.weights, self.header)
        elif self.kind == "textual_inversion":
            export_embedding(path, self.stored.weights, self.word, self.header, layout=chosen)
        else:
            self.write_kohya(path)
        return path

    @property
    def is_kohya(self) -> bool:
        """Does the file have kohya's names already?"""
        header = header_of(self.version.file)
        return header is not None and any(name.startswith(KOHYA_START) for name in header.tensors)

    def copy(self, path: Path) -> None:
        """Copy the file as it is; what leaves the house gets a header that says nothing of the dataset."""
        if self.order.is_public:
            export_public(self.source, path)
        else:
            shutil.copyfile(self.source, path)

    def write_kohya(self, path: Path) -> None:
        """Write a LoRA under kohya's names."""
        architecture: Any = self.version.file.architecture
        layers = layers_per_block(self.base) if self.base else LAYERS_PER_BLOCK
        write_adapter(
            path, "lora", self.stored.weights, self.header, architecture=architecture, layers_per_block=layers
        )

    def write_folder(self, path: Path) -> None:
        """Write a whole model with what a DreamBooth has trained in its place."""
        if self.base is None:
            raise ModelError("base_unknown", "Nobody has said what this was trained on.", file=self.version.file.name)
        tokenizers = Path(settings.TOKENIZERS_ROOT)
        export_dreambooth_folder(self.base.file, self.stored.weights, path, tokenizers=tokenizers)


def pack(job: AdapterExport, order: Order, folder: Path) -> tuple[Path, str]:
    """Write the zip of a download, and return it with the hash of its papers."""
    version, writer = job.version, Writer(job.version, order, folder)
    is_package = job.layout == "package"
    layouts = layouts_in(version, job.layout)
    job.beat(stage="writing", progress=0.1)
    written = []
    for done, layout in enumerate(layouts, start=1):
        written.append((layout, writer.write(layout)))
        job.beat(progress=0.1 + 0.7 * done / len(layouts))
    job.beat(stage="packing", progress=0.8)
    samples = samples_of(version) if is_package and may_show_samples(version, order) else []
    facts = facts_of(
        version,
        order,
        files=[file_facts(layout, path) for layout, path in written],
        samples=sample_facts(version, samples, order),
        has_samples_withheld=is_package and not samples and bool(samples_of(version)),
    )
    texts = texts_of(facts) if is_package else papers_of(facts)
    target = folder / "download.zip"
    write_zip(target, [*text_entries(texts), *weight_entries(written), *sample_entries(samples)])
    return target, papers_sha256(papers_of(facts))


def layouts_in(version: AdapterVersion, layout: str) -> list[Any]:
    """Return the layouts that a download holds."""
    if layout != "package":
        return [layout]
    return packed_layouts(kind_of(version), version.file.architecture, is_lycoris=is_lycoris(version.file))


def may_show_samples(version: AdapterVersion, order: Order) -> bool:
    """May the sample pictures go along? Inside the house always, outside if the publish gate lets them."""
    if not order.is_public:
        return True
    decision = decide_use(version.adapter.project, Action.PUBLISH, [version.file], **order.circumstances)
    return decision.verdict is Verdict.ALLOW


def file_facts(layout: Layout, path: Path) -> FileFacts:
    """Return what a card says of one file or folder of weights."""
    digest = "" if path.is_dir() else hash_model(path)
    return FileFacts(name=f"{path.name}/" if path.is_dir() else path.name, layout=layout, sha256=digest)


def text_entries(texts: dict[str, str]) -> list[Entry]:
    """Return the texts of a zip."""
    return [Entry(name=name, content=text.encode()) for name, text in texts.items()]


def weight_entries(written: Iterable[tuple[Layout, Path]]) -> list[Entry]:
    """Return the weights of a zip, folders with everything in them."""
    entries: list[Entry] = []
    for _layout, path in written:
        entries += files_below(path, path.name) if path.is_dir() else [Entry(name=path.name, content=path)]
    return entries


def sample_entries(samples: Iterable[TrainingSample]) -> list[Entry]:
    """Return the sample pictures of a zip, under the names that the card gives them."""
    entries = []
    for number, each in enumerate(samples, start=1):
        with storage.open_stored(Path(settings.MEDIA_ROOT), each.path) as file:
            entries.append(Entry(name=f"samples/sample-{number}.png", content=file.read()))
    return entries
