"""Addresses of the rooms where pictures are made and looked at."""

from django.urls import path

from .views import campaigns, gallery, jobs, picture, reader, replays, studio, suggestions

CAMPAIGNS = "p/<slug:slug>/campaigns/"
STUDIO = "p/<slug:slug>/studio/"
JOB = "p/<slug:slug>/jobs/<uuid:generation_id>/"
PICTURES = "p/<slug:slug>/pictures/"
PICTURE = "p/<slug:slug>/pictures/<uuid:output_id>/"
REPLAY = "p/<slug:slug>/replays/<uuid:replay_id>/"

urlpatterns = [
    path(STUDIO, studio.studio, name="studio"),
    path(f"{STUDIO}compose/", studio.studio_compose, name="studio_compose"),
    path(f"{STUDIO}generate/", studio.studio_generate, name="studio_generate"),
    path(f"{STUDIO}recent/", studio.studio_recent, name="studio_recent"),
    path(f"{STUDIO}words/", studio.studio_words, name="studio_words"),
    path(f"{STUDIO}read/", reader.studio_read, name="studio_read"),
    path(JOB, jobs.generation, name="generation"),
    path(f"{JOB}preview.webp", jobs.generation_preview, name="generation_preview"),
    path(f"{JOB}cancel/", jobs.generation_cancel, name="generation_cancel"),
    path(f"{JOB}retry/", jobs.generation_retry, name="generation_retry"),
    path(PICTURES, gallery.gallery, name="gallery"),
    path(f"{PICTURES}compare/", gallery.compare, name="compare"),
    path(PICTURE, picture.picture, name="picture"),
    path(f"{PICTURE}picture.png", picture.picture_file, name="picture_file"),
    path(f"{PICTURE}thumb.webp", picture.picture_thumbnail, name="picture_thumbnail"),
    path(f"{PICTURE}download/", picture.picture_download, name="picture_download"),
    path(f"{PICTURE}credits.txt", picture.picture_credits, name="picture_credits"),
    path(f"{PICTURE}rate/", picture.picture_rate, name="picture_rate"),
    path(f"{PICTURE}reject/", picture.picture_reject, name="picture_reject"),
    path(f"{PICTURE}replay/", picture.picture_replay, name="picture_replay"),
    path(CAMPAIGNS, campaigns.campaigns, name="campaigns"),
    path(f"{CAMPAIGNS}add/", campaigns.campaign_add, name="campaign_add"),
    path(f"{CAMPAIGNS}<uuid:campaign_id>/rename/", campaigns.campaign_rename, name="campaign_rename"),
    path("p/<slug:slug>/suggestions/", suggestions.suggest, name="suggest"),
    path("p/<slug:slug>/suggestions/<uuid:suggestion_id>/", suggestions.suggestion, name="suggestion"),
    path(REPLAY, picture.replay, name="replay"),
    path(f"{REPLAY}cancel/", replays.replay_cancel, name="replay_cancel"),
]
