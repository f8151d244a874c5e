"""What the templates' room shows: cards with their newest pictures, versions with what changed, a sample."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, OuterRef, QuerySet, Subquery

from ledger.models import Entry
from ledger.services import actor_hash
from projects.models import Campaign, Project, User

from . import prompts
from .diffs import Change, diff_bodies
from .models import Generation, Output, PromptTemplate, TemplateAlias, TemplateVersion
from .starting import Shelf
from .token_meter import tokens_of
from .tokens import TokenCount
from .translation import Translation, translate
from .vocabularies import vocabulary_of

PICTURES_PER_CARD = 4
RECENT_PICTURES = 600
JOBS_LOOKED_AT = 60
PICTURES_SHOWN = 12
VERSIONS_SHOWN = 10
MOVED = "generation.template.alias_moved"
TILE_FIELDS = ("id", "width", "height", "seed", "created_at", "spec")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCard:
    """A template with its names, its newest version's number, and ids of its newest pictures."""

    template: PromptTemplate
    newest: int
    aliases: Sequence[TemplateAlias]
    pictures: Sequence[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """A version in the list: the names that point at it, what changed in it, how many pictures it made."""

    version: TemplateVersion
    aliases: Sequence[TemplateAlias]
    changes: Sequence[Change]
    pictures: int
    campaigns: Sequence[Campaign]
    is_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a template says when nobody changes anything: prompt and negatives in runs of equal weight."""

    runs: Sequence[tuple[str, float]]
    negative_runs: Sequence[tuple[str, float]]
    translations: Sequence[Translation]
    tokens: TokenCount | None
    has_choices: bool
    warnings: Sequence[prompts.Notice]

    @property
    def unknown_words(self) -> list[str]:
        """List the words that the vocabulary does not know, each once."""
        return list(dict.fromkeys(word for each in self.translations for word in each.unknown))


def template_cards(project: Project, rows: QuerySet[PromptTemplate]) -> list[TemplateCard]:
    """Return templates as cards, in five queries at most, whatever the number of pictures."""
    found = list(rows.annotate(newest=Max("versions__number")).prefetch_related("aliases__version"))
    pictures = newest_pictures(project, [template.id for template in found])
    return [
        TemplateCard(
            template=template,
            newest=template.newest,  # type: ignore[attr-defined]
            aliases=sorted_aliases(template.aliases.all()),
            pictures=pictures.get(template.id, ()),
        )
        for template in found
    ]


def newest_pictures(project: Project, templates: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Return ids of each template's newest pictures: several among the project's recent ones, else the last one.

    Two queries: one range of the gallery's index, and one through the jobs of the templates that were not in it.
    """
    key = "generation__template_version__template_id"
    rows = Output.objects.filter(project=project, rejected_at=None).order_by("-created_at", "-id")
    found: dict[UUID, list[UUID]] = {}
    for template_id, output_id in rows.values_list(key, "id")[:RECENT_PICTURES]:
        if template_id is not None and len(found.setdefault(template_id, [])) < PICTURES_PER_CARD:
            found[template_id].append(output_id)
    missing = [each for each in templates if each not in found]
    if missing:
        jobs = Generation.objects.filter(template_version__template=OuterRef("pk"), outputs__isnull=False)
        last = (
            jobs.filter(outputs__rejected_at=None).order_by("-queued_at", "-outputs__index").values("outputs__id")[:1]
        )
        rest = PromptTemplate.objects.filter(id__in=missing).annotate(last=Subquery(last))
        found |= {each: [last_id] for each, last_id in rest.values_list("id", "last") if last_id}
    return found


def sorted_aliases(aliases: Iterable[TemplateAlias]) -> list[TemplateAlias]:
    """Return production before candidate."""
    order = TemplateAlias.Name.values
    return sorted(aliases, key=lambda alias: order.index(alias.name))


def version_lines(template: PromptTemplate, before: int | None) -> tuple[list[VersionLine], int | None]:
    """Return versions, newest first and older than `before`, and the number that the next page starts under."""
    rows = template.versions.select_related("created_by").prefetch_related("aliases").order_by("-number")
    rows = rows if before is None else rows.filter(number__lt=before)
    found = list(rows[: VERSIONS_SHOWN + 1])
    counts = picture_counts([version.id for version in found])
    campaigns = campaigns_of([version.id for version in found])
    older: list[TemplateVersion | None] = [*found[1:], None]
    lines = [
        VersionLine(
            version=version,
            aliases=sorted_aliases(version.aliases.all()),
            changes=diff_bodies(previous.body, version.body) if previous else (),
            pictures=counts.get(version.id, 0),
            campaigns=campaigns.get(version.id, ()),
            is_first=version.number == 1,
        )
        for version, previous in zip(found, older, strict=True)
    ]
    shown = lines[:VERSIONS_SHOWN]
    return shown, shown[-1].version.number if len(found) > VERSIONS_SHOWN else None


def campaigns_of(versions: Sequence[UUID]) -> dict[UUID, list[Campaign]]:
    """Return the campaigns that pictures were asked for with each version, by name."""
    jobs = Generation.objects.filter(template_version__in=versions).exclude(campaign=None)
    pairs = list(jobs.order_by().values_list("template_version", "campaign").distinct())
    named = Campaign.objects.in_bulk({campaign_id for _version, campaign_id in pairs})
    found: dict[UUID, list[Campaign]] = {}
    for version_id, campaign_id in pairs:
        found.setdefault(version_id, []).append(named[campaign_id])
    return {version_id: sorted(each, key=str) for version_id, each in found.items()}


def movers_of(project: Project, template: PromptTemplate) -> dict[str, User]:
    """Return who moved each of a template's names last, as the ledger has it; who left the project is not named."""
    moves = Entry.objects.filter(chain=project.id, subject=f"template:{template.id}", event=MOVED).order_by("seq")
    people = {actor_hash(each.user_id): each.user for each in project.memberships.select_related("user")}
    last = {str((entry.readable or {}).get("alias")): entry.actor for entry in moves}
    return {alias: people[actor] for alias, actor in last.items() if actor in people}


def picture_counts(versions: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many pictures each version made."""
    rows = Output.objects.filter(generation__template_version__in=versions).order_by()
    counted = rows.values_list("generation__template_version").annotate(count=Count("id"))
    return dict(counted)


def pictures_of(template: PromptTemplate, number: int | None = None) -> list[Output]:
    """Return the newest pictures of the newest jobs of a template, or of one version of it."""
    jobs = Generation.objects.filter(template_version__template=template)
    if number is not None:
        jobs = jobs.filter(template_version__number=number)
    newest = list(jobs.order_by("-queued_at").values_list("id", flat=True)[:JOBS_LOOKED_AT])
    rows = Output.objects.filter(generation__in=newest, rejected_at=None).only(*TILE_FIELDS, "project_id")
    return list(rows.order_by("-created_at", "-id")[:PICTURES_SHOWN])


def make_sample(project: Project, body: Mapping[str, Any]) -> Sample:
    """Return what a body becomes with its own defaults, in English. Raises PromptError."""
    template, vocabulary = prompts.TemplateBody.from_dict(body), vocabulary_of(project)
    compiled = prompts.compile_prompt(
        template,
        slots={},
        variables=sample_values(template),
        seed=0,
        translate=lambda text, slot: translate(text, vocabulary, slot).result,
    )
    pieces = [translate(text, vocabulary, name) for name, text in compiled.sources.items() if text]
    return Sample(
        runs=prompts.parse_weights(compiled.prompt),
        negative_runs=prompts.parse_weights(compiled.negative_prompt),
        translations=[each for each in pieces if each.source != each.result or each.unknown],
        tokens=usual_tokens(project, compiled.prompt),
        has_choices=bool(compiled.choices),
        warnings=compiled.warnings,
    )


def sample_values(body: prompts.TemplateBody) -> dict[str, str]:
    """Return a value for each variable that must be filled and has none yet."""
    return {
        name: spec.choices[0] if spec.choices else name
        for name, spec in body.variables.items()
        if spec.required and not spec.default
    }


def usual_tokens(project: Project, prompt: str) -> TokenCount | None:
    """Return the prompt's tokens for the project's usual model, or None when there is nothing to count with."""
    model = Shelf(project).usual_model
    counts = tokens_of(model, prompt) if model else ()
    return counts[-1] if counts else None
