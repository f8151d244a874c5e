"""Forms about adapters: which to show, their names, promotions, downloads, versions from versions and from files."""

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from assets.forms_review import outbound_choices
from assets.licensing import label
from assets.models import ModelFile
from assets.services import reading_language
from projects.models import Project
from projects.problems import Problem

from .exports import Form
from .models import Adapter, AdapterAlias, AdapterExport, AdapterVersion, Method
from .services.downloads import Order
from .version_words import license_words

SEPARATORS = re.compile(r"[,、，\n]+")
WORLD = "WW"
RANGES = {"few": (1, 20), "some": (21, 50), "many": (51, 200), "most": (201, 10**9)}
LORAS = (Method.LORA, Method.DREAMBOOTH_LORA)


class AdapterFilterForm(forms.Form):
    """Which adapters to show; a filter that cannot be read keeps everything."""

    q = forms.CharField(label=_("Subject, style or word"), required=False, max_length=120)
    method = forms.ChoiceField(label=_("Method"), required=False)
    alias = forms.ChoiceField(label=_("Versions"), required=False)
    pictures = forms.ChoiceField(label=_("Pictures learned from"), required=False)
    resolution = forms.ChoiceField(label=_("Resolution"), required=False)
    rank = forms.ChoiceField(label=_("Rank"), required=False)
    license = forms.ChoiceField(label=_("Licence"), required=False)
    archived = forms.ChoiceField(label=_("Archive"), required=False)

    def __init__(self, data: Any, *, project: Project) -> None:
        super().__init__(data)
        self.fields["q"].widget = forms.TextInput(attrs={"type": "search"})
        versions = AdapterVersion.objects.filter(adapter__project=project, withdrawn_at=None)
        facts = list(versions.values_list("run__spec__rank", "run__spec__resolution", "license", "adapter__method"))
        found = {
            "method": [each for each in Method.choices if any(each[0] == row[3] for row in facts)],
            "alias": [*AdapterAlias.Name.choices, ("none", _("No version in production"))],
            "pictures": [("few", "1–20"), ("some", "21–50"), ("many", "51–200"), ("most", _("more than 200"))],
            "resolution": numbered(row[1] for row in facts),
            "rank": numbered(row[0] for row in facts if row[3] in LORAS),
            "license": licenses_among(row[2] for row in facts),
            "archived": [("1", _("Archived only"))],
        }
        for name, choices in found.items():
            empty = _("Not archived") if name == "archived" else _("Any")
            self.fields[name].choices = [("", empty), *choices]
        self.is_valid()

    @property
    def is_narrowed(self) -> bool:
        """Does the reader see less than everything?"""
        return any(self.cleaned_data.get(name) for name in self.fields)

    @property
    def has_more(self) -> bool:
        """Is one of the filters used that are folded away?"""
        return any(self.cleaned_data.get(name) for name in ("pictures", "resolution", "rank", "license", "archived"))

    def narrow(self, rows: QuerySet[Adapter]) -> QuerySet[Adapter]:
        """Keep the adapters that have a version which fits all that was asked together."""
        asked = self.cleaned_data
        rows = rows.filter(archived_at__isnull=not asked.get("archived"))
        if asked.get("method"):
            rows = rows.filter(method=asked["method"])
        if asked.get("alias"):
            name = AdapterAlias.Name.PRODUCTION if asked["alias"] == "none" else asked["alias"]
            has_alias = Exists(AdapterAlias.objects.filter(adapter=OuterRef("pk"), name=name))
            rows = rows.filter(~has_alias if asked["alias"] == "none" else has_alias)
        fitting = self.version_conditions()
        if fitting:
            rows = rows.filter(
                Exists(AdapterVersion.objects.filter(fitting, adapter=OuterRef("pk"), withdrawn_at=None))
            )
        text = (asked.get("q") or "").strip()
        return rows.filter(says(text)) if text else rows

    def version_conditions(self) -> Q:
        """Return what one and the same version has to fit."""
        asked, wanted = self.cleaned_data, Q()
        if asked.get("pictures"):
            least, most = RANGES[asked["pictures"]]
            wanted &= Q(dataset_version__count__gte=least, dataset_version__count__lte=most)
        for name in ("resolution", "rank"):
            if asked.get(name):
                wanted &= Q(**{f"run__spec__{name}": int(asked[name])})
        if asked.get("license"):
            wanted &= license_is(asked["license"])
        return wanted


def numbered(values: Iterable[Any]) -> list[tuple[str, str]]:
    """Return the numbers there are, each once, as choices."""
    return [(str(each), str(each)) for each in sorted({each for each in values if isinstance(each, int)})]


def licenses_among(expressions: Iterable[str]) -> list[tuple[str, str]]:
    """Return the single licences that expressions name, as choices."""
    parts = {part for each in expressions for part in each.split(" AND ") if part}
    return sorted(((each, license_words(each)) for each in parts), key=lambda pair: pair[1])


def license_is(name: str) -> Q:
    """Keep the versions that a licence binds, alone or among others."""
    middle = Q(license__contains=f" AND {name} AND ")
    return Q(license=name) | Q(license__startswith=f"{name} AND ") | Q(license__endswith=f" AND {name}") | middle


def says(text: str) -> Q:
    """Keep the adapters whose names, words or pictures' set hold these very characters."""
    # SQLite keeps JSON with other scripts escaped.
    escaped = json.dumps(text)[1:-1]
    version = Q(versions__dataset_version__dataset__name__icontains=text)
    version |= Q(versions__trigger_words__icontains=text) | Q(versions__trigger_words__icontains=escaped)
    version |= Q(versions__run__spec__class_word__icontains=text)
    found = Adapter.objects.filter(version | Q(versions__note__icontains=text)).values("pk")
    own = Q(name__icontains=text) | Q(name_ja__icontains=text) | Q(description__icontains=text)
    return own | Q(pk__in=found)


class ProblemForm(forms.Form):
    """A form that can take in what a service refuses."""

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the fields that they are about, every reason among them."""
        reasons = problem.details.get("reasons") or [problem.message]
        for name, message in (problem.fields or {"": None}).items():
            if name in self.fields and message:
                self.add_error(name, str(message))
            else:
                for each in [message] if message else reasons:
                    self.add_error(None, str(each))


class AdapterNamesForm(ProblemForm):
    """What an adapter is called, and what it is for."""

    name = forms.CharField(label=_("Name"), max_length=120)
    name_ja = forms.CharField(label=_("Japanese name"), max_length=120, required=False)
    description = forms.CharField(
        label=_("Description"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What it draws, and how it likes to be asked. It stands in the model card."),
    )  # fmt: skip


class PromoteForm(forms.Form):
    """Why a version is to become production."""

    note = forms.CharField(
        label=_("What speaks for it"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The reviewer reads this beside the numbers."),
    )  # fmt: skip


class WhyForm(forms.Form):
    """A reason that is kept."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class ExportForm(ProblemForm):
    """In which layout weights are taken out, and for whom."""

    layout = forms.ChoiceField(label=_("Layout"))
    scope = forms.ChoiceField(label=_("For whom"))
    territory = forms.ChoiceField(
        label=_("Where it goes"), required=False, help_text=_("What is put on the web goes everywhere.")
    )
    outbound = forms.ChoiceField(
        label=_("Given out under"),
        required=False,
        help_text=_("Share-alike pictures ask for their own licence here. Without one, the team keeps its rights."),
    )
    idempotency_key = forms.CharField(max_length=80, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, project: Project, offered: Sequence[Form], is_reviewer: bool) -> None:
        usual = {"layout": "package", "scope": "internal", "territory": WORLD}
        super().__init__(data, initial={**usual, "idempotency_key": str(uuid.uuid4())}, auto_id="export_%s")
        language = reading_language()
        names = dict(AdapterExport.Layout.choices)
        self.offered = [(each, names[each.layout]) for each in offered]
        self.fields["layout"].choices = [(each.layout, name) for each, name in self.offered]
        public = [("public", _("To pass on, with its papers"))] if is_reviewer else []
        self.fields["scope"].choices = [("internal", _("For use in this house")), *public]
        places = dict.fromkeys((WORLD, project.territory))
        self.fields["territory"].choices = [(each, label("territory", each, language)) for each in places]
        self.fields["outbound"].choices = outbound_offers(language, project)

    @property
    def order(self) -> Order:
        """Return what was ordered, from a valid form."""
        said = self.cleaned_data
        return Order(
            layout=said["layout"],
            is_public=said["scope"] == "public",
            territory=said["territory"] or WORLD,
            outbound=said["outbound"],
        )


def outbound_offers(language: str, project: Project) -> list[tuple[str, Any]]:
    """Return the licences under which a team can give its weights out, none of its own first."""
    return [
        ("", _("No licence of our own")),
        ("Apache-2.0", label("licenses", "Apache-2.0", language)),
        *outbound_choices(language, project),
    ]


def usable_versions(project: Project, **conditions: Any) -> QuerySet[AdapterVersion]:
    """Return the versions of a project that can be worked on, adapter by adapter, newest first."""
    rows = AdapterVersion.objects.filter(adapter__project=project, withdrawn_at=None, **conditions)
    return rows.select_related("adapter", "file").order_by("adapter__name", "adapter_id", "-number")


def library_files(project: Project) -> QuerySet[ModelFile]:
    """Return the adapter files of a project's library that are no version yet."""
    rows = ModelFile.objects.filter(Q(project=project) | Q(project=None), kind=ModelFile.Kind.ADAPTER, removed_at=None)
    return rows.filter(adapter_version=None).order_by("name", "id")


def words_in(text: str) -> list[str]:
    """Return the words of a list that a person typed, each once."""
    return list(dict.fromkeys(filter(None, (" ".join(part.split()) for part in SEPARATORS.split(text)))))
