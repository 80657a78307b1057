"""The manifest: the table of records with its verdicts, splits, and what a person decided by hand."""

from dataprep.manifest.manifest import FOLD, Manifest, Run, check_manifest
from dataprep.manifest.overrides import NO_OVERRIDES, Decision, Overrides, check_overrides
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
