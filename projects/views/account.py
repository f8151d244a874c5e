"""A person's own page: name, language, theme, API tokens."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ..forms import LanguageForm, PreferencesForm, ThemeForm, TokenForm
from ..models import ApiToken, Scope
from .going import go_back, remember_language


@login_required
@require_GET
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """Show preferences and tokens."""
    return page(request, PreferencesForm(instance=request.user), TokenForm())


@login_required
@require_POST
def account_preferences(request: HttpRequest) -> HttpResponse:
    """Keep name, language and theme."""
    form = PreferencesForm(request.POST, instance=request.user)
    if not form.is_valid():
        request.user.refresh_from_db()
        return page(request, form, TokenForm(), status=422)
    form.instance.save(update_fields=form.fields)
    with override(form.instance.language or request.LANGUAGE_CODE):
        messages.success(request, _("Your preferences are saved."))
    return redirect("account")


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Change the language: for a person who is logged in, and for this browser."""
    form = LanguageForm(request.POST)
    response = go_back(request)
    if not form.is_valid():
        return response
    language = form.cleaned_data["language"]
    if request.user.is_authenticated:
        request.user.language = language
        request.user.save(update_fields=["language"])
    remember_language(response, language)
    return response


@login_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Change between light, dark and the device's theme."""
    form = ThemeForm(request.POST)
    if form.is_valid():
        request.user.theme = form.cleaned_data["theme"]
        request.user.save(update_fields=["theme"])
    return go_back(request)


@login_required
@require_POST
@never_cache
def token_create(request: HttpRequest) -> HttpResponse:
    """Issue an API token and show its secret, once."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return page(request, PreferencesForm(instance=request.user), form, status=422)
    token, secret = ApiToken.issue(request.user, **form.cleaned_data)
    return page(request, PreferencesForm(instance=request.user), TokenForm(), new_token=token, secret=secret)


@login_required
@require_POST
def token_revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """End one of the person's own tokens."""
    token = request.user.api_tokens.filter(pk=token_id).first()
    if token is None:
        raise Http404
    if token.revoke():
        messages.success(request, _("The token “%(name)s” is revoked.") % {"name": token.name})
    return redirect("account")


def page(
    request: HttpRequest, form: PreferencesForm, token_form: TokenForm, *, status: int = 200, **extra: object
) -> HttpResponse:
    """Render the account page with its two forms."""
    tokens = [line_of(each) for each in request.user.api_tokens.all()]
    context = {"form": form, "token_form": token_form, "tokens": tokens, **extra}
    return render(request, "projects/account.html", context, status=status)


def line_of(token: ApiToken) -> ApiToken:
    """Return a token with its scopes in words."""
    token.scope_labels = [str(Scope(scope).label) for scope in token.scopes if scope in Scope.values]
    return token
