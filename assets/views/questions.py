"""May I use this, for that, there, until then? The gate's answer before anybody goes ahead."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from projects.access import get_project
from projects.models import Project

from .. import licensing
from ..forms_review import AskForm, FindForm
from ..question_pages import AnswerPage, answer_page, read_asked
from ..review_pages import find_things, ids_in
from ..services.questions import ask_use

KEPT = ("picture", "model", "dataset", *AskForm.base_fields)


@login_required
@require_GET
@never_cache
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer for pictures, models and datasets; a picture that was made has its own page, which knows its sources."""
    project = get_project(request.user, slug)
    outputs = ids_in([request.GET.get("output", "")])
    if outputs:
        return redirect("ask_output", slug, outputs[0])
    asked, find = read_asked(project, request.GET), FindForm(request.GET)
    form = AskForm(request.GET, project=project, uses=asked.uses)
    can_answer = bool(asked.files or asked.pictures or asked.learned) and form.is_valid()
    context = {
        "project": project,
        "subjects": asked.subjects,
        "form": form,
        "find": find,
        "found": find_things(project, find.text),
        "kept": [(name, value) for name in KEPT for value in request.GET.getlist(name)],
        "answer": answer_for(project, form, asked.inputs(form.cleaned_data["use"])) if can_answer else None,
    }
    return render(request, "assets/review/ask.html", context)


def answer_for(project: Project, form: AskForm, inputs: Sequence[licensing.Input], **more: Any) -> AnswerPage:
    """Return the gate's answer to a valid form, in words."""
    return answer_page(ask_use(project, inputs, **{**form.circumstances(), **more}))
