"""Captions for training: what is wrong with them, what they speak of, and whether they are enough. Pure."""

from .coverage import CoverageGroup, CoverageValue, GroupCoverage, coverage, coverage_groups
from .findings import CODES, Finding, VocabularyWord
from .lint import lint
from .phrases import split_phrases
from .readiness import Readiness, ReadinessError, ReadinessReason, readiness
from .tables import Cooccurrence, cooccurrence, frequencies, rename

__all__ = [
    "CODES",
    "Cooccurrence",
    "CoverageGroup",
    "CoverageValue",
    "Finding",
    "GroupCoverage",
    "Readiness",
    "ReadinessError",
    "ReadinessReason",
    "VocabularyWord",
    "cooccurrence",
    "coverage",
    "coverage_groups",
    "frequencies",
    "lint",
    "readiness",
    "rename",
    "split_phrases",
]
