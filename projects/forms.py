"""Forms of the account page and of a project's members, settings and ledger."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ledger.models import Entry

from .events import AREAS
from .models import Campaign, Project, Role, Scope, User
from .names import clean_name
from .problems import Problem


class LanguageForm(forms.Form):
    """The language switch."""

    language = forms.ChoiceField(choices=settings.LANGUAGES)


class ThemeForm(forms.Form):
    """The theme switch."""

    theme = forms.ChoiceField(choices=User.Theme)


class PreferencesForm(forms.ModelForm):
    """A person's name, language and theme."""

    class Meta:
        model = User
        fields = ["name", "language", "theme"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        self.fields["language"].choices = [("", _("Like the browser")), ("en", "English"), ("ja", "日本語")]


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("What will use it, such as “render script”."))
    scopes = forms.MultipleChoiceField(
        label=_("May do"), choices=Scope, initial=[Scope.READ], widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(
        label=_("Ends after"),
        coerce=int,
        initial=90,
        choices=[(7, _("7 days")), (30, _("30 days")), (90, _("90 days")), (365, _("1 year"))],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "token_%s", **kwargs})


class MemberForm(forms.Form):
    """An existing account that joins the project."""

    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"), choices=Role, initial=Role.EDITOR)


class NewPersonForm(MemberForm):
    """A new account, which joins the project with a password that is shown once."""

    name = forms.CharField(label=_("Name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    field_order = ["name", "email", "role"]


class RoleForm(forms.Form):
    """A member's role."""

    role = forms.ChoiceField(label=_("Role"), choices=Role)


class NamedForm(forms.ModelForm):
    """A thing with a name and a Japanese name."""

    def clean_name(self) -> str:
        """Return the name as it is read, not as it was pasted."""
        name = clean_name(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError(_("Write a name."))
        return name

    def clean_name_ja(self) -> str:
        """Return the Japanese name as it is read."""
        return clean_name(self.cleaned_data["name_ja"])

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the fields that they are about."""
        for name, message in (problem.fields or {"": problem.message}).items():
            self.add_error(name if name in self.fields else None, str(message))


class CampaignForm(NamedForm):
    """What a campaign is called."""

    class Meta:
        model = Campaign
        fields = ["name", "name_ja"]
        widgets = {"name_ja": forms.TextInput(attrs={"lang": "ja"})}


class NewProjectForm(NamedForm):
    """A project to be opened: its names, its address, and the use that its rights are judged by."""

    slug = forms.SlugField(
        label=_("Address"),
        required=False,
        max_length=60,
        help_text=_(
            "Latin letters, digits and hyphens. Empty makes one from the name. It stays when the name changes."
        ),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Project
        fields = ["name", "name_ja", "purpose", "territory"]
        widgets = {"name_ja": forms.TextInput(attrs={"lang": "ja"})}

    field_order = ["name", "name_ja", "slug", "purpose", "territory"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["territory"].widget.attrs.update({"autocapitalize": "characters", "size": 2})

    def clean_slug(self) -> str:
        """Return the address in small letters."""
        return str(self.cleaned_data["slug"]).lower()


class ProjectForm(NamedForm):
    """A project's names and what its rights are judged by."""

    class Meta:
        model = Project
        fields = ["name", "name_ja", "description", "purpose", "territory", "revenue_usd", "policy"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["territory"].widget.attrs.update({"autocapitalize": "characters", "size": 2})
        revenue = self.initial.get("revenue_usd")
        if revenue is not None and revenue == int(revenue):
            self.initial["revenue_usd"] = int(revenue)

    def clean_revenue_usd(self) -> Any:
        revenue = self.cleaned_data["revenue_usd"]
        if revenue is not None and revenue < 0:
            raise forms.ValidationError(_("Revenue cannot be below zero."))
        return revenue


class LedgerFilterForm(forms.Form):
    """What to show of the ledger."""

    event = forms.ChoiceField(label=_("About"), required=False)
    person = forms.ChoiceField(label=_("Who"), required=False)
    subject = forms.CharField(label=pgettext_lazy("ledger", "Subject"), required=False, max_length=200)
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, people: dict[str, User]) -> None:
        super().__init__(data)
        self.fields["event"].choices = [("", _("Everything")), *AREAS.items()]
        self.fields["person"].choices = [("", _("Everybody")), *((key, str(user)) for key, user in people.items())]
        self.fields["subject"].widget = forms.TextInput(
            attrs={"type": "search", "placeholder": _("output:… or part of it")}
        )
        self.is_valid()

    def narrow(self, entries: QuerySet[Entry]) -> QuerySet[Entry]:
        """Keep the entries that the reader asked for; a filter that cannot be read keeps everything."""
        asked = self.cleaned_data
        if asked.get("event"):
            entries = entries.filter(event__startswith=asked["event"])
        if asked.get("person"):
            entries = entries.filter(actor=asked["person"])
        if asked.get("subject"):
            entries = entries.filter(subject__contains=asked["subject"].strip())
        if asked.get("before"):
            entries = entries.filter(seq__lt=asked["before"])
        return entries

    def query(self) -> str:
        """Return the filters as a query string, without the place in the list."""
        kept = {name: self.cleaned_data.get(name) for name in ("event", "person", "subject")}
        return urlencode({name: value for name, value in kept.items() if value})

    @property
    def is_narrowed(self) -> bool:
        """Does the reader see less than everything?"""
        return bool(self.query())
