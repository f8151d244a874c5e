"""What all rooms of the API share: pages, errors in one shape, and limits on what is sent."""

import json
import logging
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
    ValidationError,
)
from django.core.signals import got_request_exception
from django.core.validators import validate_slug
from django.db import DataError, models
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from .problems import Problem

logger = logging.getLogger(__name__)
MAX_JSON_DEPTH = 40
FORM_BYTES = 64 * 1024
SURROGATE = re.compile("[\ud800-\udfff]")
SENTENCES = {
    exceptions.ParseError: ("malformed", lambda: _("The request body is not well-formed JSON.")),
    exceptions.NotAuthenticated: ("not_authenticated", lambda: _("Send a token: Authorization: Bearer dai_…")),
    exceptions.PermissionDenied: ("forbidden", lambda: _("Your role or your token's scopes do not allow this.")),
    PermissionDenied: ("forbidden", lambda: _("Your role or your token's scopes do not allow this.")),
    exceptions.NotFound: ("not_found", lambda: _("There is nothing here, or it is not yours.")),
    Http404: ("not_found", lambda: _("There is nothing here, or it is not yours.")),
    exceptions.MethodNotAllowed: ("method_not_allowed", lambda: _("This address does not take this method.")),
    exceptions.UnsupportedMediaType: ("unsupported_media_type", lambda: _("Send JSON, or a form with a file.")),
    exceptions.Throttled: ("throttled", lambda: _("Too many requests. Wait as long as Retry-After says.")),
}


class CursorPage(CursorPagination):
    """Pages without counting: `next` and `previous` are whole addresses."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: tuple[str, ...] = ("-created_at", "-id")

    def get_ordering(self, request: Any, queryset: models.QuerySet, view: Any) -> tuple[str, ...]:
        """Return the order that the view names, or the newest first."""
        return tuple(getattr(view, "ordering", self.ordering))

    def paginate_queryset(self, queryset: models.QuerySet, request: Any, view: Any = None) -> list[Any] | None:
        """Return the rows of a page. Raises Problem for a cursor that no page has given out."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (exceptions.NotFound, ValidationError, DataError, ValueError, TypeError) as error:
            if self.cursor_query_param not in request.query_params:
                raise
            message = _("This cursor is not one of ours. Begin without one, then follow “next”.")
            raise Problem("cursor_invalid", message, fields={"cursor": message}) from error


class StrictSerializer(serializers.Serializer):
    """Refuse names that nobody knows, so that a misspelt or a forbidden one is not lost in silence."""

    def to_internal_value(self, data: Any) -> Any:
        """Read what was sent. Raises ValidationError naming what is not a field, or may not be written."""
        writable = {field.field_name for field in self._writable_fields}
        if isinstance(data, Mapping) and not set(data) <= writable:
            raise serializers.ValidationError(
                {str(name): [_("There is no such field, or it cannot be set here.")] for name in set(data) - writable}
            )
        return super().to_internal_value(data)


def project_asked(request: Request) -> str:
    """Return the slug in `?project=`, or "". Raises Http404 for what can be no slug."""
    slug = str(request.query_params.get("project", ""))
    try:
        if slug:
            validate_slug(slug)
    except ValidationError as error:
        raise Http404 from error
    return slug


class BoundedJSONParser(JSONParser):
    """Read JSON of a bounded size and depth; NaN and Infinity are refused."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        limit = settings.API_MAX_BYTES
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise too_large(limit)
        return read_json(raw)


class BoundedMultiPartParser(MultiPartParser):
    """Read a form with a file of a bounded size; a larger one is refused before it is read."""

    limit_setting = "UPLOAD_MAX_BYTES"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        length = str((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)
        limit = getattr(settings, self.limit_setting)
        if length.isdecimal() and int(length) > limit + FORM_BYTES:
            raise too_large(limit)
        return super().parse(stream, media_type, parser_context)


def read_json(raw: bytes) -> Any:
    """Read JSON of a bounded depth. Raises ParseError or Problem for what is none, or what nothing of ours can hold."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=refuse_constant, parse_float=read_float)
        # An escaped half character is valid JSON, but no database and no answer can hold it.
        if b"\\u" in raw and SURROGATE.search(json.dumps(value, ensure_ascii=False)):
            raise exceptions.ParseError
    except RecursionError as error:
        raise Problem("too_deep", _("The JSON is nested too deeply.")) from error
    except ValueError as error:
        raise exceptions.ParseError from error
    if depth_of(value) > MAX_JSON_DEPTH:
        raise Problem("too_deep", _("The JSON is nested too deeply."))
    return value


def too_large(limit: int) -> Problem:
    """Return the problem that a body over the limit is."""
    return Problem("too_large", _("The request is larger than %(limit)d bytes.") % {"limit": limit}, status=413)


def refuse_constant(text: str) -> None:
    """Refuse NaN and infinities, which JSON does not have."""
    raise ValueError(text)


def read_float(text: str) -> float:
    """Return a number. Raises ValueError for one that is too large to be one, such as 1e400."""
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def depth_of(value: Any) -> int:
    """Return how deeply lists and objects are nested, without recursion."""
    deepest, layer = 0, [value]
    while layer:
        inner = [each for each in layer if isinstance(each, dict | list)]
        layer = [leaf for each in inner for leaf in (each.values() if isinstance(each, dict) else each)]
        deepest += bool(inner)
    return deepest


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer every mistake in one shape: {"error": {"code", "message", "fields", "details"}}."""
    if isinstance(error, Problem):
        fields = {name: [str(message)] for name, message in error.fields.items()}
        return answer(error.code, str(error), error.status, fields=fields, details=error.details)
    if isinstance(error, exceptions.ValidationError):
        fields = messages_by_field(error.detail)
        first = next(iter(fields.values()), [""])[0]
        return answer("invalid", _("Some values cannot be used: %(first)s") % {"first": first}, 400, fields=fields)
    if isinstance(error, SuspiciousOperation):
        return answer_suspicious(error)
    if isinstance(error, exceptions.PermissionDenied) and str(error.detail).startswith("CSRF"):
        return answer("csrf", _("Send the CSRF token of your session as X-CSRFToken, or a token instead."), 403)
    return answer_known(error) or answer_defect(error, context)


def answer_suspicious(error: SuspiciousOperation) -> Response:
    """Answer a form that Django stopped reading."""
    if isinstance(error, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return answer("too_large", _("The form has too many fields, or too much in them."), 413)
    return answer("bad_request", _("The request could not be read."), 400)


def answer_defect(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Log what nobody expected and answer 500 in the one shape; while debugging, leave it to Django's page."""
    if settings.DEBUG:
        return None
    request = context["request"]
    logger.error("%s %s", request.method, request.path, exc_info=error)
    got_request_exception.send(sender=None, request=request)
    return answer("defect", _("Something went wrong here, and nothing was changed. It was written to the log."), 500)


def answer_known(error: Exception) -> Response | None:
    """Answer Django's and DRF's own errors, or return None for anything else."""
    for kind, (code, sentence) in SENTENCES.items():
        if isinstance(error, kind):
            number = getattr(error, "status_code", None) or (403 if kind is PermissionDenied else 404)
            return answer(code, sentence(), number, headers=headers_of(error))
    if isinstance(error, exceptions.AuthenticationFailed):
        return answer("token_invalid", str(error.detail), 401, headers=headers_of(error))
    if isinstance(error, exceptions.APIException):
        return answer(str(error.default_code), str(error.detail), error.status_code)
    return None


def answer(
    code: str,
    message: str,
    number: int,
    *,
    fields: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the one shape."""
    body = {"code": code, "message": message, "fields": dict(fields or {}), "details": dict(details or {})}
    return Response({"error": body}, status=number, headers=dict(headers or {}))


def headers_of(error: Exception) -> dict[str, str]:
    """Return the headers that an error asks for."""
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait) + 1)
    return headers


def messages_by_field(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """Flatten DRF's nested messages to dotted field names; what belongs to no field is under ""."""
    if isinstance(detail, dict):
        flat: dict[str, list[str]] = {}
        for name, inner in detail.items():
            own = "" if name == "non_field_errors" else str(name)
            flat |= messages_by_field(inner, f"{prefix}.{own}".strip("."))
        return flat
    if isinstance(detail, list) and any(isinstance(each, dict) for each in detail):
        return {
            name: found
            for index, each in enumerate(detail)
            for name, found in messages_by_field(each, f"{prefix}.{index}".strip(".")).items()
        }
    return {prefix: [str(each) for each in (detail if isinstance(detail, list) else [detail])]}
