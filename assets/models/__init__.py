"""What arrives with a licence."""

from .datasets import Caption, CaptionEdit, Dataset, DatasetItem, DatasetVersion, DatasetVersionItem
from .files import ModelFile, ModelSource
from .imports import Curation, ImportBatch, ImportJob, ImportRow, Tagging
from .intake import ModelIntake
from .licenses import OwnLicense
from .origins import MadePicture, PictureSource
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
    "MadePicture",
    "ModelFile",
    "ModelIntake",
    "ModelSource",
    "OwnLicense",
    "Picture",
    "PicturePair",
    "PictureSource",
    "PictureTag",
    "Rights",
    "RightsChange",
    "Tagging",
    "Term",
    "Waiver",
]
