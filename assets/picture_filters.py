"""Which pictures to learn from a person asked for: one set of filters for pages and the API."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, get_args

import django_filters
from django.core.validators import MaxLengthValidator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from projects.access import usable_in
from projects.models import Project

from .curation.flags import Flag
from .licensing import Release
from .models import Picture, PictureTag, Rights, Term
from .terms import clean_word, fold

MAX_SEARCH_CHARS = 200
MAX_SPELLINGS = 60
MAX_DAYS = 3650
NO_LICENSE = "unknown"
ARTICLES = ("a ", "an ", "the ")
FLAG_WORDS: dict[str, Any] = {
    "small": _("too small"),
    "odd_aspect": _("odd shape"),
    "blurry": _("blurry"),
    "upscaled": _("enlarged before"),
    "noisy": _("noisy"),
    "blocky": _("JPEG blocks"),
    "dark": _("dark"),
    "bright": _("overexposed"),
    "low_contrast": _("little contrast"),
    "gray": _("greyscale"),
    "letterbox": _("bars at the edges"),
    "text": _("text or logo"),
}
FLAGS = [
    ("any", _("Any warning")),
    ("none", _("No warning")),
    ("unmeasured", _("Not looked at yet")),
    *((flag, FLAG_WORDS[flag]) for flag in get_args(Flag)),
]
RELEASE_WORDS = {
    "none": _("A person without release"),
    "limited": _("Limited release"),
    "unlimited": _("Full release"),
}
RELEASES = [("nobody", _("Nobody is named")), *((each.word, RELEASE_WORDS[each.word]) for each in Release)]


class PictureFilter(django_filters.FilterSet):
    """Narrow a project's pictures down. Search is literal; a filter that cannot be read keeps everything.

    A tag also finds its other spellings in the vocabulary, and what is a kind of it: “bear” finds “polar bear”.
    """

    q = django_filters.CharFilter(label=_("Words"), method="search", validators=[MaxLengthValidator(MAX_SEARCH_CHARS)])
    license = django_filters.CharFilter(label=_("Licence"), method="licensed", max_length=300)
    state = django_filters.ChoiceFilter(label=_("Rights"), field_name="rights__state", choices=Rights.State.choices)
    flag = django_filters.ChoiceFilter(label=_("Quality"), method="flagged", choices=FLAGS)
    tag = django_filters.CharFilter(label=_("Tag"), method="tagged", max_length=80)
    creator = django_filters.CharFilter(label=_("Creator"), method="created", max_length=200)
    release = django_filters.ChoiceFilter(label=_("Release"), method="released", choices=RELEASES)
    expiry = django_filters.NumberFilter(
        label=_("Ends within days"), method="expiring", min_value=0, max_value=MAX_DAYS, decimal_places=0
    )

    class Meta:
        model = Picture
        fields: list[str] = []

    def __init__(self, data: Any, queryset: QuerySet[Picture], *, project: Project, **options: Any) -> None:
        super().__init__(data, queryset, **options)
        self.project = project

    def search(self, rows: QuerySet[Picture], _name: str, value: str) -> QuerySet[Picture]:
        """Keep pictures whose name, title, creator, captions or tags hold these very characters."""
        return rows.filter(search_text__icontains=value)

    def licensed(self, rows: QuerySet[Picture], _name: str, value: str) -> QuerySet[Picture]:
        """Keep pictures under a licence, as chosen or as declared."""
        wanted = "" if value == NO_LICENSE else value
        return rows.filter(Q(rights__branch=wanted or None) | Q(rights__branch="", rights__expression=wanted))

    def flagged(self, rows: QuerySet[Picture], _name: str, value: str) -> QuerySet[Picture]:
        """Keep pictures with a warning about quality."""
        if value == "unmeasured":
            return rows.filter(measures__isnull=True)
        if value in ("any", "none"):
            measured = rows.filter(measures__isnull=False)
            return measured.filter(flags=[]) if value == "none" else measured.exclude(flags=[])
        return rows.filter(flags__icontains=f'"{value}"')

    def tagged(self, rows: QuerySet[Picture], _name: str, value: str) -> QuerySet[Picture]:
        """Keep pictures with an accepted tag that is this word, one of its spellings, or a kind of it."""
        fits = Q()
        for text in spellings_of(self.project, value):
            fits |= Q(text__iexact=text) | Q(text__iendswith=f" {text}")
        tags = PictureTag.objects.filter(fits, picture=OuterRef("pk"), state=PictureTag.State.ACCEPTED)
        return rows.filter(Exists(tags)) if fits else rows

    def created(self, rows: QuerySet[Picture], _name: str, value: str) -> QuerySet[Picture]:
        """Keep pictures of creators whose name or reading holds these characters."""
        return rows.filter(Q(rights__creator__icontains=value) | Q(rights__creator_reading__icontains=value))

    def released(self, rows: QuerySet[Picture], _name: str, value: str) -> QuerySet[Picture]:
        """Keep pictures in which somebody has given this kind of release."""
        return (
            rows.filter(rights__releases={})
            if value == "nobody"
            else rows.filter(rights__releases__icontains=f': "{value}"')
        )

    def expiring(self, rows: QuerySet[Picture], _name: str, value: Any) -> QuerySet[Picture]:
        """Keep pictures whose rights end within so many days, and those whose rights have ended."""
        return rows.filter(rights__expires_at__lte=timezone.now() + timedelta(days=int(value)))


def spellings_of(project: Project, word: str) -> list[str]:
    """Return how a word and the kinds of it are written, itself first, as the project's vocabulary knows them.

    A kind is a word whose last part is this one: “a polar bear” of “bear”, 白熊 of 熊.
    """
    typed = clean_word(word)
    terms = list(usable_in(project, Term.objects.all())) if typed else []
    own = [term for term in terms if fold(typed) in map(fold, written(term))]
    found = list(dict.fromkeys([typed, *(text for term in own for text in written(term))])) if typed else []
    heads = tuple(map(fold, found))
    kinds = [term for term in terms if any(is_kind(fold(text), heads) for text in written(term))]
    return list(dict.fromkeys([*found, *(text for term in kinds for text in written(term))]))[:MAX_SPELLINGS]


def written(term: Term) -> Iterable[str]:
    """Yield a term's spellings, the English without its article."""
    english = next((term.en[len(each) :] for each in ARTICLES if term.en.lower().startswith(each)), term.en)
    return (text for text in (english, term.ja, *term.synonyms) if text)


def is_kind(text: str, heads: tuple[str, ...]) -> bool:
    """Say whether a folded text ends with one of these words: after a space, or anywhere where it is Japanese."""
    return any(text != head and text.endswith(head if not head.isascii() else f" {head}") for head in heads)


def licenses_of(project: Project) -> list[str]:
    """Return the licences of a project's pictures, the chosen branch before the whole expression."""
    rows = Rights.objects.filter(picture__project=project, picture__removed_at=None)
    pairs = rows.order_by().values_list("branch", "expression").distinct()
    return sorted({branch or expression or NO_LICENSE for branch, expression in pairs})


def flag_words(codes: Iterable[str]) -> list[str]:
    """Return warnings about quality in the reader's language."""
    return [str(FLAG_WORDS.get(code, code)) for code in codes]
