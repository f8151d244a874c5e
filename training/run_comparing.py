"""What differs between runs, in words: values of the recipe, and of how the pictures became items to learn from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from . import recipes
from .field_words import GROUPS, knows, label_of, value_words
from .models import TrainingRun
from .requests import TrainingRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceWords:
    """One field that differs, with both values in words."""

    field: str
    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One field of a run as it was; `before` is what the run that it is compared with had, where that differs."""

    label: str
    value: str
    before: str = ""
    is_changed: bool = False


def names_in(*things: TrainingRun | TrainingRequest) -> dict[str, str]:
    """Return what the hashes in recipes stand for, by name."""
    names: dict[str, str] = {}
    for each in things:
        names |= {file.sha256: file.name for file in (each.base_model, each.vae) if file is not None}
        names[each.dataset_version.merkle_root] = str(each.dataset_version)
    return names


def words_of_changes(
    changes: Iterable[recipes.Difference | Mapping[str, Any]], names: Mapping[str, str]
) -> list[DifferenceWords]:
    """Return differences in words, from a plan or as a run keeps them."""
    rows = [each.as_dict() if isinstance(each, recipes.Difference) else each for each in changes]
    return [
        DifferenceWords(
            field=row["field"],
            label=label_of(row["field"]),
            before=said(row["field"], row["before"], names),
            after=said(row["field"], row["after"], names),
        )
        for row in rows
    ]


def said(field: str, value: Any, names: Mapping[str, str]) -> str:
    """Return a value in words: a hash by the name of what it stands for."""
    if field == "vae" and value is None:
        return _("The model's own")
    return names.get(value) if isinstance(value, str) and value in names else value_words(field, value)  # type: ignore


def differences_between(one: TrainingRun, other: TrainingRun) -> list[DifferenceWords]:
    """Return what differs between two runs."""
    found = recipes.differences({**one.spec, **one.material}, {**other.spec, **other.material})
    return words_of_changes(found, names_in(one, other))


def changes_of(run: TrainingRun) -> list[DifferenceWords]:
    """Return what differs from the run that this one was compared with, as it was kept."""
    things = [run, *([run.compared_with] if run.compared_with else [])]
    return words_of_changes(run.changes, names_in(*things))


def settings_of(run: TrainingRun, changes: Iterable[DifferenceWords]) -> list[tuple[Any, list[Setting]]]:
    """Return everything that decided a run's weights, in groups, with what differs marked."""
    changed, flat = {each.field: each for each in changes}, {**run.spec, **run.material}
    vae = run.vae.name if run.vae else _("The model's own")
    parts = {"dataset": str(run.dataset_version), "base_model": run.base_model.name, "vae": vae}
    first = [setting_of(field, value, changed) for field, value in parts.items()]
    groups = [
        (
            title,
            [
                setting_of(field, value_words(field, flat[field]), changed)
                for field in fields
                if field in flat and knows(run.method, field)
            ],
        )
        for title, fields in GROUPS
    ]
    return [(_("Pictures and models"), first), *((title, found) for title, found in groups if found)]


def setting_of(field: str, value: str, changed: Mapping[str, DifferenceWords]) -> Setting:
    """Return one field as it was."""
    found = changed.get(field)
    return Setting(
        label=label_of(field), value=value, before=found.before if found else "", is_changed=found is not None
    )
