"""Addresses of pictures that are learned from."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
