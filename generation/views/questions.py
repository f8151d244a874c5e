"""May I use this picture that we made? The same question, asked about everything that it was made from."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from assets.forms_review import AskForm
from assets.licensing import label
from assets.question_pages import FOR_OUTPUTS, Subject
from assets.services import reading_language
from assets.services.decisions import Sources
from assets.views.questions import answer_for
from projects.access import get_in_project, get_project

from ..models import Output
from ..services.replays import model_files


@login_required
@require_GET
@never_cache
def ask_output(request: HttpRequest, slug: str, output_id: UUID) -> HttpResponse:
    """Answer for a picture that was made, from what it was made of."""
    project = get_project(request.user, slug)
    output = get_in_project(project, Output.objects.select_related("project", "generation"), id=output_id)
    form, files = AskForm(request.GET, project=project, uses=FOR_OUTPUTS), model_files(output)
    inputs = Sources(files).inputs_of(files)
    context = {
        "project": project,
        "subjects": [subject_of(output)],
        "form": form,
        "answer": answer_for(project, form, inputs) if form.is_valid() and inputs else None,
    }
    return render(request, "assets/review/ask.html", context)


def subject_of(output: Output) -> Subject:
    """Return a picture as the question names it."""
    return Subject(
        name=str(output),
        kind=_("Picture that was made"),
        license=" + ".join(label("licenses", each, reading_language()) for each in output.license.split(" AND ")),
        url=output.get_absolute_url(),
        thumbnail=reverse("picture_thumbnail", args=[output.project.slug, output.id]),
        field="",
        value="",
    )
