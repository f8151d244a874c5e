"""Forms of the import's room: files with what holds for all of them, and what written licences mean."""

from collections.abc import Container, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from projects.models import Project
from projects.problems import Problem

from .import_pages import Question
from .models import Dataset
from .spellings import MAX_CHARS as MAX_LICENSE_CHARS
from .spellings import known_ids

PICTURES = ".png,.jpg,.jpeg,.webp,image/png,image/jpeg,image/webp"
TABLES = ".csv,.tsv,.txt,text/csv,text/tab-separated-values"


class ManyFilesInput(forms.FileInput):
    """A control for several files."""

    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Several files, each as a browser sends it; what they are is judged by whoever opens them."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        """Return the files. Raises ValidationError where one is needed and none came."""
        files: Sequence[Any] = data if isinstance(data, list | tuple) else [data] if data else []
        if self.required and not files:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return list(files)


class ImportForm(forms.Form):
    """Pictures or a zip, a table beside them, and what holds for files that the table says nothing about."""

    files = ManyFilesField(
        label=_("Pictures, or one zip"),
        widget=ManyFilesInput(attrs={"accept": f"{PICTURES},.zip,application/zip,{TABLES}"}),
        error_messages={"required": _("Choose pictures, or a zip.")},
    )
    table = forms.FileField(
        label=_("Table of licences and captions"),
        required=False,
        allow_empty_file=True,
        max_length=None,
        widget=forms.FileInput(attrs={"accept": TABLES}),
        help_text=_("CSV or TSV, one row per picture. A zip may hold it too."),
    )
    dataset = forms.ModelChoiceField(
        label=_("Put them into a dataset"),
        queryset=Dataset.objects.none(),
        required=False,
        to_field_name="slug",
        empty_label=_("None for now"),
    )
    license = forms.CharField(
        label=_("Licence"),
        required=False,
        max_length=MAX_LICENSE_CHARS,
        help_text=_("As the source writes it. You confirm what it means before anything is imported."),
        widget=forms.TextInput(attrs={"list": "licences", "autocomplete": "off"}),
    )
    creator = forms.CharField(label=_("Creator"), required=False, max_length=200)
    source_url = forms.CharField(
        label=_("Source"), required=False, max_length=1000, widget=forms.TextInput(attrs={"inputmode": "url"})
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dataset"].queryset = Dataset.objects.filter(project=project, archived_at=None)

    def clean(self) -> None:
        """Refuse more than an import may hold."""
        size = sum(each.size or 0 for each in self.uploads())
        if size > settings.IMPORT_MAX_BYTES:
            self.add_error("files", too_large(size))

    def uploads(self) -> list[UploadedFile]:
        """Return every file, the table last."""
        table = self.cleaned_data.get("table")
        return [*self.cleaned_data.get("files", ()), *([table] if table else [])]

    def defaults(self) -> dict[str, str]:
        """Return what holds for files that the table says nothing about."""
        values = {name: self.cleaned_data[name] for name in ("license", "creator", "source_url")}
        return {name: value for name, value in values.items() if value}

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the fields that they are about."""
        for name, message in (problem.fields or {"files": problem.message}).items():
            self.add_error(name if name in self.fields else None, str(message))


def too_large(size: int) -> str:
    """Say that files are more than an import may hold."""
    words = {"size": filesizeformat(size), "limit": filesizeformat(settings.IMPORT_MAX_BYTES)}
    return _("The files have %(size)s together; an import takes at most %(limit)s. Bring them in parts.") % words


def too_many() -> str:
    """Say that files are more than one request may bring."""
    words = {"limit": settings.DATA_UPLOAD_MAX_NUMBER_FILES}
    return _("More than %(limit)d files came at once. Pack them into a zip, or bring them in parts.") % words


def read_answers(questions: Sequence[Question], data: Any, own: Container[str]) -> dict[str, str]:
    """Return what a person says that written licences mean; what they leave unknown is not in it.

    `own` are the identifiers of the team's own licences.
    """
    found = {}
    for question in questions:
        answer = data.get(question.field, "")
        if data.get(f"{question.field}-written") == question.written and (answer in known_ids() or answer in own):
            found[question.written] = answer
    return found
