"""What a picture was made from, and what that was made from, down to every training picture, with its licences."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assets.models import DatasetVersion, DatasetVersionItem, ModelFile, ModelSource, Rights
from assets.rights_facts import license_label
from assets.services.decisions import Sources
from projects.models import Project

from .models import Output

# Of a version so many pictures are named; its own page shows the others.
PICTURES_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One thing that a picture was made from: what it is, its licence, where to look at it, and what is below it.

    `more` says how many further things are not named here, and is a link to `url`.
    """

    kind: str
    name: str
    license: str = ""
    creator: str = ""
    source_url: str = ""
    state: str = ""
    url: str = ""
    below: Sequence["Link"] = ()
    more: str = ""


def rights_chain(output: Output, files: Iterable[ModelFile], sources: Sources) -> list[Link]:
    """Return what the picture was made from, its files and its template, with the licences as they stand now."""
    links = Chain(output.project, sources).links_of(files)
    version = output.generation.template_version
    if version is None:
        return links
    url = reverse("template_version", args=[output.project.slug, version.template.slug, version.number])
    return [*links, Link(kind=_("Template"), name=str(version), license=_("own work"), url=url)]


class Chain:
    """Files with everything below them. What another project keeps has a licence here, but no name."""

    def __init__(self, project: Project, sources: Sources) -> None:
        self.project, self.sources = project, sources
        self.seen: set[UUID] = set()
        ids = list(sources.pictures)
        found = DatasetVersion.objects.filter(id__in=ids).select_related("dataset") if ids else ()
        self.versions = {version.id: version for version in found}
        self.items: dict[UUID, list[DatasetVersionItem]] = defaultdict(list)
        for item in self.read_items(ids) if ids else ():
            self.items[item.version_id].append(item)

    def read_items(self, versions: Sequence[UUID]) -> Iterable[DatasetVersionItem]:
        """Read the first pictures of each version, all in one query."""
        place = Window(RowNumber(), partition_by=F("version"), order_by="number")
        rows = DatasetVersionItem.objects.filter(version__in=versions).annotate(place=place)
        return rows.filter(place__lte=PICTURES_SHOWN).select_related("picture__rights").order_by("number")

    def links_of(self, files: Iterable[ModelFile]) -> list[Link]:
        """Return files as the tops of the chain, where alone it is told what they were made from."""
        tops = list(files)
        self.seen |= {file.id for file in tops}
        return [self.file_link(file, file.get_kind_display(), is_new=True) for file in tops]

    def file_link(self, file: ModelFile, kind: str, *, is_new: bool = False) -> Link:
        """Return a model file with what it was made from, which is told once however often the file is met."""
        is_known, is_new = file.project_id in (None, self.project.id), is_new or file.id not in self.seen
        self.seen.add(file.id)
        below = [link for row in self.sources.below[file.id] for link in self.source_links(row)] if is_new else []
        return Link(
            kind=kind,
            name=file.name if is_known else _("a model of another project"),
            url=reverse("model_file", args=[self.project.slug, file.id]) if is_known else "",
            below=below,
            **facts_of(file.rights, is_known=is_known),
        )

    def source_links(self, row: ModelSource) -> list[Link]:
        """Return what one stored edge leads to."""
        if row.file_id is not None:
            return [self.file_link(self.sources.files[row.file_id], row.get_role_display())]
        if row.dataset_version_id in self.versions:
            return [self.version_link(self.versions[row.dataset_version_id], row.get_role_display())]
        return []

    def version_link(self, version: DatasetVersion, kind: str) -> Link:
        """Return a version of a dataset with what is in it, which is told once however many learned from it."""
        said = ngettext("%(count)d picture", "%(count)d pictures", version.count) % {"count": version.count}
        if version.dataset.project_id != self.project.id:
            return Link(kind=kind, name=_("a dataset of another project"), license=said)
        url = reverse("dataset_version", args=[self.project.slug, version.dataset.slug, version.number])
        is_new = version.id not in self.seen
        self.seen.add(version.id)
        left = version.count - len(self.items[version.id])
        more = ngettext("and %(count)d more picture", "and %(count)d more pictures", left) % {"count": left}
        return Link(
            kind=kind,
            name=str(version),
            license=said,
            url=url,
            below=self.lesson_links(version) if is_new else (),
            more=more if left else "",
        )

    def lesson_links(self, version: DatasetVersion) -> list[Link]:
        """Return a version's first pictures, and the models behind pictures that were drawn."""
        makers = [self.sources.files[key] for key in dict.fromkeys(self.sources.makers.get(version.id, ()))]
        pictures = [self.picture_link(item) for item in self.items[version.id]]
        return [*pictures, *(self.file_link(file, _("Model behind a picture")) for file in makers)]

    def picture_link(self, item: DatasetVersionItem) -> Link:
        """Return one picture that was learned from."""
        return Link(
            kind=_("Training picture"),
            name=item.picture.name,
            url=reverse("material", args=[self.project.slug, item.picture_id]),
            **facts_of(item.picture.rights, is_known=True),
        )


def facts_of(rights: Rights, *, is_known: bool) -> dict[str, str]:
    """Return licence and state as links show them; who made a thing and where it is only where it is known here."""
    state = "" if rights.state == Rights.State.CLEARED else str(rights.get_state_display())
    facts = {"license": license_label(rights), "state": state}
    return facts | ({"creator": rights.creator, "source_url": rights.source_url} if is_known else {})
