"""What is learned: runs that train, the curves they leave, and adapters with their numbered versions."""

from .adapters import Adapter, AdapterAlias, AdapterParent, AdapterVersion, Method, Promotion
from .exports import AdapterExport
from .jobs import AdapterJob, AdapterJobInput
from .runs import TrainingPoint, TrainingRun, TrainingSample

__all__ = [
    "Adapter",
    "AdapterAlias",
    "AdapterExport",
    "AdapterJob",
    "AdapterJobInput",
    "AdapterParent",
    "AdapterVersion",
    "Method",
    "Promotion",
    "TrainingPoint",
    "TrainingRun",
    "TrainingSample",
]
