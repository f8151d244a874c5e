"""Addresses of the templates, of their import, and of the team's vocabulary."""

from django.urls import path

from .views import presets, template_editor, templates, vocabulary

TEMPLATES = "p/<slug:slug>/templates/"
TEMPLATE = "p/<slug:slug>/templates/<slug:tslug>/"
VOCABULARY = "p/<slug:slug>/vocabulary/"

urlpatterns = [
    path(TEMPLATES, templates.templates, name="templates"),
    path(f"{TEMPLATES}new/", template_editor.template_new, name="template_new"),
    path(f"{TEMPLATES}preview/", template_editor.template_preview, name="template_preview"),
    path(f"{TEMPLATES}import/", presets.template_import, name="template_import"),
    path(TEMPLATE, templates.template, name="template"),
    path(f"{TEMPLATE}edit/", template_editor.template_edit, name="template_edit"),
    path(f"{TEMPLATE}names/", templates.template_names, name="template_names"),
    path(f"{TEMPLATE}v/<int:number>/", templates.template_version, name="template_version"),
    path(f"{TEMPLATE}alias/", templates.template_alias, name="template_alias"),
    path(f"{TEMPLATE}alias/undo/", templates.template_alias_undo, name="template_alias_undo"),
    path(f"{TEMPLATE}archive/", templates.template_archive, name="template_archive"),
    path(VOCABULARY, vocabulary.vocabulary, name="vocabulary"),
    path(f"{VOCABULARY}add/", vocabulary.term_add, name="term_add"),
    path(f"{VOCABULARY}export.csv", vocabulary.vocabulary_export, name="vocabulary_export"),
    path(f"{VOCABULARY}<int:term_id>/", vocabulary.term_edit, name="term_edit"),
    path(f"{VOCABULARY}<int:term_id>/remove/", vocabulary.term_remove, name="term_remove"),
]
