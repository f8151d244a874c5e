"""Dataset versions as zip files that other trainers read, with every picture's licence and credit. Pure."""

from .descriptions import ExportDescription, ExportError, ExportItem, KohyaOptions
from .formats import FORMATS, write_export

__all__ = ["FORMATS", "ExportDescription", "ExportError", "ExportItem", "KohyaOptions", "write_export"]
