"""Forms of the account page and of a project's members, settings and ledger."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from .models import Project, Role, Scope, User


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


class ProjectForm(forms.ModelForm):
    """A project's names and what its rights are judged by."""

    class Meta:
        model = Project
        fields = ["name", "name_ja", "description", "purpose", "territory", "revenue_usd", "policy"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["territory"].widget.attrs.update({"autocapitalize": "characters", "size": 2})

    def clean_revenue_usd(self) -> Any:
        revenue = self.cleaned_data["revenue_usd"]
        if revenue is not None and revenue < 0:
            raise forms.ValidationError(_("Revenue cannot be below zero."))
        return revenue
