"""The documents that a table names as evidence: found beside the pictures, judged once, and kept once."""

from typing import IO, Any

from projects.models import User
from projects.problems import Problem

from ..archive_names import fold_name
from ..archives import ArchiveError
from ..containers.parts import PictureError
from ..models import Evidence, ImportBatch
from ..tables import Row, Table
from .import_sources import Source, documents_of
from .pictures import MAX_EVIDENCE_BYTES, add_evidence, evidence_suffix


class Documents:
    """The documents of one walk through a batch; each is read once to be judged, and once to be kept."""

    def __init__(self, batch: ImportBatch, table: Table | None) -> None:
        self.batch = batch
        rows = table.rows if table else ()
        pictures = {fold_name(row.file) for row in rows}
        self.names = frozenset(fold_name(row.evidence) for row in rows if row.evidence) - pictures
        self.files = documents_of(batch, self.names) if self.names else {}
        self.faults: dict[str, str] = {}
        self.kept: dict[str, Evidence] = {}

    def find(self, row: Row | None) -> Source | None:
        """Return the file that a row names as evidence; None when there is none of that name."""
        return self.find_named(row.evidence if row else "")

    def find_named(self, name: str) -> Source | None:
        """Return the document of a name; None when there is none."""
        return self.files.get(fold_name(name)) if name else None

    def fault_of(self, file: Source, archive: IO[bytes] | None) -> dict[str, Any] | None:
        """Return why a file cannot be evidence, as the trial keeps it; None when it can."""
        if file.name not in self.faults:
            self.faults[file.name] = judge(file, archive)
        code = self.faults[file.name]
        return {"column": "evidence", "code": code, "params": {"text": file.name[:80]}} if code else None

    def keep(self, user: User, file: Source, archive: IO[bytes] | None) -> Evidence:
        """Keep a file as evidence of the project. Raises Problem, ArchiveError, PictureError."""
        if file.name not in self.kept:
            data, name = file.read(archive), file.names[-1]
            self.kept[file.name] = add_evidence(user, self.batch.project, data, name=name)
        return self.kept[file.name]


def judge(file: Source, archive: IO[bytes] | None) -> str:
    """Return the code of what is wrong with a document; nothing when it can be evidence."""
    size = file.entry.size if file.entry is not None else file.path.stat().st_size if file.path is not None else 0
    if size > MAX_EVIDENCE_BYTES:
        return "evidence_too_large"
    try:
        evidence_suffix(file.read(archive))
    except (Problem, ArchiveError, PictureError):
        return "evidence_refused"
    return ""
