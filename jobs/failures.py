"""What a failed job says: a code and its parameters, a sentence for people, a trace for operators."""

import errno
import json
import traceback
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

TRACE_CHARACTERS = 8000
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SENTENCES: Mapping[str, Any] = {
    "worker_died": _("The worker stopped {attempts} times while it worked on this. It was given up."),
    "timed_out": _("This took longer than is allowed, and was stopped."),
    "disk_full": _("The disk is full. Make room, then ask again."),
    "out_of_memory": _("There was not enough memory. Ask for a smaller size or fewer at once."),
    "unexpected": _("Something unexpected went wrong. The operator finds the details with the job."),
}


def failure_of(error: Exception) -> tuple[str, dict[str, Any]]:
    """Return the code and the JSON-ready parameters of an error; `unexpected` when it has none."""
    code, params = getattr(error, "code", None), getattr(error, "params", None)
    if isinstance(code, str) and isinstance(params, Mapping):
        return code, json.loads(json.dumps(dict(params), default=str))
    if isinstance(error, MemoryError):
        return "out_of_memory", {}
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return "disk_full", {}
    return "unexpected", {}


def trace_of(error: Exception) -> str:
    """Return the end of the trace, without the NUL that PostgreSQL refuses."""
    return "".join(traceback.format_exception(error))[-TRACE_CHARACTERS:].replace("\x00", "�")


def describe(sentences: Mapping[str, Any], code: str, params: Mapping[str, Any]) -> str:
    """Return the sentence for a code, the code itself when there is none that fits, nothing for no code."""
    try:
        return str(sentences[code]).format_map(params)
    except KeyError:
        return code
