"""The manifest: the table of records with its verdicts, splits, and what a person decided by hand."""

from dataprep.manifest.given import check_manifest
from dataprep.manifest.manifest import Manifest
from dataprep.manifest.overrides import NO_OVERRIDES, Decision, Overrides, check_overrides
from dataprep.manifest.parts import FOLD
from dataprep.manifest.run import Run
from dataprep.manifest.saved import NAME, file_of

__all__ = [
    "FOLD",
    "NAME",
    "NO_OVERRIDES",
    "Decision",
    "Manifest",
    "Overrides",
    "Run",
    "check_manifest",
    "check_overrides",
    "file_of",
]
