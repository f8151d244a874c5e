"""What every page of the portal shows around its content."""

from typing import Any

from django.http import HttpRequest

from .models import Project


def portal(request: HttpRequest) -> dict[str, Any]:
    """Offer the reader's theme, and their projects for the switch (lazily)."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"theme": "auto", "my_projects": ()}
    return {"theme": user.theme, "my_projects": Project.objects.of(user).order_by("name")}
