"""Forms of the templates' room: a template's body field by field, its names, and presets of other tools."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.validators import FileExtensionValidator
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from projects.forms import NamedForm
from projects.problems import Problem

from .models import PromptTemplate, TemplateAlias
from .prompts import SLOT_NAMES
from .services.templates import check_body
from .syntax import MAX_TEXT_CHARS
from .templates import MAX_SEPARATOR_CHARS, MAX_VARIABLES, MAX_WILDCARDS, TemplateBody

SLOT_LABELS = {
    "subject": _("Subject"),
    "environment": _("Environment"),
    "light": _("Light"),
    "style": _("Style"),
}


def words(label: Any, *, rows: int = 2, **attrs: Any) -> forms.CharField:
    """Make a box for text of a prompt; how it must look is checked where every template is."""
    box = forms.Textarea(attrs={"rows": rows, "maxlength": MAX_TEXT_CHARS, **attrs})
    return forms.CharField(label=label, required=False, strip=False, widget=box)


def line(label: Any, **options: Any) -> forms.CharField:
    """Make a box for one line of a prompt."""
    box = forms.TextInput(attrs={"maxlength": MAX_TEXT_CHARS, "autocomplete": "off"})
    return forms.CharField(label=label, required=False, strip=False, widget=box, **options)


class NamesForm(NamedForm):
    """What a template is called."""

    class Meta:
        model = PromptTemplate
        fields = ["name", "name_ja", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}


class NewNamesForm(NamesForm):
    """What a new template is called, and where it is found."""

    class Meta(NamesForm.Meta):
        fields = ["name", "name_ja", "slug", "description"]

    slug = forms.SlugField(
        label=_("Address"),
        required=False,
        max_length=80,
        help_text=_(
            "Latin letters, digits and hyphens. Empty makes one from the name. It stays when the name changes."
        ),
    )

    def clean_slug(self) -> str:
        """Make an address from the name when none was given."""
        given = self.cleaned_data["slug"].lower()
        made = slugify(self.cleaned_data.get("name", ""))[:80].strip("-_")
        if not given and not made and self.cleaned_data.get("name"):
            raise forms.ValidationError(_("The name has no Latin letters: write an address."))
        return given or made


class BodyForm(forms.Form):
    """The text of a template: four slots with what surrounds them, negatives, separator, and what changed."""

    separator = forms.CharField(label=_("Between the slots"), strip=False, max_length=MAX_SEPARATOR_CHARS, initial=", ")
    negative = words(_("Negatives to start from"))
    negative_locked = words(_("Negatives that are always sent"))
    note = forms.CharField(label=_("What changed"), required=False, max_length=300)
    based_on = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in SLOT_NAMES:
            self.fields[f"{name}_default"] = words(_("Filled in to start with"))
            self.fields[f"{name}_prefix"] = line(_("Always before it"))
            self.fields[f"{name}_suffix"] = line(_("Always after it"))
            self.fields[f"{name}_hint"] = line(_("Hint in the empty box"))
            self.fields[f"{name}_locked"] = forms.BooleanField(label=_("Locked: nobody changes it"), required=False)

    def slots(self) -> list[dict[str, Any]]:
        """Return the fields slot by slot."""
        parts = ("default", "prefix", "suffix", "hint", "locked")
        return [
            {"name": name, "label": SLOT_LABELS[name], **{part: self[f"{name}_{part}"] for part in parts}}
            for name in SLOT_NAMES
        ]

    def slot_values(self) -> list[dict[str, Any]]:
        """Return the slots of a valid form as a body has them."""
        values = self.cleaned_data
        parts = ("default", "prefix", "suffix", "hint", "locked")
        return [{"name": name, **{part: values[f"{name}_{part}"] for part in parts}} for name in SLOT_NAMES]


class VariableForm(forms.Form):
    """One variable: {name} in the text, its default, and the values it may have."""

    name = forms.CharField(label=_("Name"), required=False, max_length=40)
    default = line(_("Default"))
    choices = forms.CharField(
        label=_("Values, one per line (empty: any)"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    required = forms.BooleanField(label=_("Must be filled"), required=False)


class WildcardForm(forms.Form):
    """One wildcard: __name__ in the text, and the lines that the seed draws from."""

    name = forms.CharField(label=_("Name"), required=False, max_length=80)
    lines = forms.CharField(label=_("Lines"), required=False, widget=forms.Textarea(attrs={"rows": 3}))


class NamedFormSet(forms.BaseFormSet):
    """Rows that count when they have a name; the others must be empty."""

    def clean(self) -> None:
        """Refuse a row without a name, and a name given twice."""
        seen: set[str] = set()
        for form in self.forms:
            name = form.cleaned_data.get("name", "") if form.is_valid() else ""
            if not name and form.has_changed() and any(form.cleaned_data.values()):
                form.add_error("name", _("This needs a name."))
            elif name and name in seen:
                form.add_error("name", _("This name is there already."))
            seen.add(name)

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the rows by name."""
        return {form.cleaned_data["name"]: form.cleaned_data for form in self.forms if form.cleaned_data.get("name")}


VariableFormSet = forms.formset_factory(
    VariableForm, formset=NamedFormSet, extra=1, max_num=MAX_VARIABLES, absolute_max=MAX_VARIABLES + 1
)
WildcardFormSet = forms.formset_factory(
    WildcardForm, formset=NamedFormSet, extra=1, max_num=MAX_WILDCARDS, absolute_max=MAX_WILDCARDS + 1
)


class TemplateEditor:
    """The whole editor: body, variables and wildcards as one form, bound to `data` or filled from a body."""

    def __init__(self, data: Any = None, *, body: Mapping[str, Any] | None = None, based_on: int | None = None) -> None:
        start = body if body is not None else TemplateBody().as_dict()
        self.body = BodyForm(data, initial={**body_values(start), "based_on": based_on})
        self.variables = VariableFormSet(data, prefix="variables", initial=variable_values(start))
        self.wildcards = WildcardFormSet(data, prefix="wildcards", initial=wildcard_values(start))

    def is_valid(self) -> bool:
        """Say whether every part is filled in as it must be, and the whole is a template that works."""
        parts = [part.is_valid() for part in (self.body, self.variables, self.wildcards)]
        if not all(parts):
            return False
        try:
            check_body(self.as_body())
        except Problem as problem:
            self.add_problem(problem)
            return False
        return True

    def as_body(self) -> dict[str, Any]:
        """Return what a form with valid parts says, as `TemplateBody.from_dict` reads it."""
        values = self.body.cleaned_data
        return {
            "slots": self.body.slot_values(),
            "separator": values["separator"],
            "negative": values["negative"],
            "negative_locked": values["negative_locked"],
            "variables": {
                name: {
                    "default": row["default"],
                    "choices": lines_of(row["choices"]) or None,
                    "required": row["required"],
                }
                for name, row in self.variables.rows().items()
            },
            "wildcards": {name: lines_of(row["lines"]) for name, row in self.wildcards.rows().items()},
        }

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the fields that they are about, or above them all."""
        for place, message in (problem.fields or {"": problem.message}).items():
            form, field = self.find_place(str(place))
            form.add_error(field, str(message))

    def find_place(self, place: str) -> tuple[forms.Form, str | None]:
        """Return the form and field that a place of the body is edited in; the whole form for any other."""
        head, _dot, rest = place.partition(".")
        for formset, own in ((self.variables, "{%s}"), (self.wildcards, "__%s__")):
            for form in formset.forms:
                name = form.cleaned_data.get("name") if hasattr(form, "cleaned_data") else ""
                if name and (place in (name, own % name) or rest.removesuffix(".default") == name):
                    return form, "name"
        field = place.replace(".", "_")
        if field in self.body.fields:
            return self.body, field
        return (self.body, f"{head}_default") if head in SLOT_NAMES else (self.body, None)

    def reasons(self) -> list[str]:
        """List what must be mended, each with the name of its field."""
        found = [str(error) for formset in (self.variables, self.wildcards) for error in formset.non_form_errors()]
        for form in (self.body, *self.variables.forms, *self.wildcards.forms):
            for field, errors in form.errors.items():
                label = self.label_of(form, field)
                found += [f"{label}: {error}" if label else str(error) for error in errors]
        return list(dict.fromkeys(found))

    def label_of(self, form: forms.Form, field: str) -> str:
        """Return what a field is called in a list of mistakes."""
        if field not in form.fields:
            return ""
        if form is not self.body:
            return str(form["name"].value() or form.fields[field].label)
        slot = field.partition("_")[0]
        return str(SLOT_LABELS[slot] if slot in SLOT_LABELS else form.fields[field].label)

    @property
    def has_errors(self) -> bool:
        """Say whether something must be mended."""
        return bool(self.body.errors or self.variables.total_error_count() or self.wildcards.total_error_count())


def lines_of(text: str) -> list[str]:
    """Return the lines of a box that say something."""
    return [each.strip() for each in text.splitlines() if each.strip()]


def body_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body as the values of its form."""
    slots = {f"{slot['name']}_{part}": slot[part] for slot in body["slots"] for part in slot if part != "name"}
    return {**slots, **{name: body[name] for name in ("separator", "negative", "negative_locked")}}


def variable_values(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a body's variables as rows."""
    return [
        {**spec, "name": name, "choices": "\n".join(spec["choices"] or ())} for name, spec in body["variables"].items()
    ]


def wildcard_values(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a body's wildcards as rows."""
    return [{"name": name, "lines": "\n".join(lines)} for name, lines in body["wildcards"].items()]


class AliasForm(forms.Form):
    """Which name is moved to which version; `seen` is the version that it was shown at."""

    alias = forms.ChoiceField(choices=TemplateAlias.Name)
    version = forms.IntegerField(min_value=1, required=False)
    seen = forms.IntegerField(min_value=1, required=False)


class PresetFileForm(forms.Form):
    """A file of presets from another tool."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("styles.csv of A1111, style presets of InvokeAI (JSON or CSV), or styles of Fooocus (JSON)."),
        validators=[FileExtensionValidator(["csv", "json", "txt"])],
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.json,text/csv,application/json"}),
    )
