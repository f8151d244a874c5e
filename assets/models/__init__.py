"""What arrives with a licence."""

from .datasets import Caption, CaptionEdit, Dataset, DatasetItem, DatasetVersion, DatasetVersionItem
from .files import ModelFile, ModelSource
from .imports import Curation, ImportBatch, ImportJob, ImportRow, Tagging
from .intake import ModelIntake
from .licenses import OwnLicense
from .pictures import Picture, PicturePair, PictureTag
from .rights import Evidence, Rights, RightsChange, Waiver
from .terms import Term

__all__ = [
    "Caption",
    "CaptionEdit",
    "Curation",
    "Dataset",
    "DatasetItem",
    "DatasetVersion",
    "DatasetVersionItem",
    "Evidence",
    "ImportBatch",
    "ImportJob",
    "ImportRow",
    "ModelFile",
    "ModelIntake",
    "ModelSource",
    "OwnLicense",
    "Picture",
    "PicturePair",
    "PictureTag",
    "Rights",
    "RightsChange",
    "Tagging",
    "Term",
    "Waiver",
]
