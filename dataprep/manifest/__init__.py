"""The manifest: the table of records with its verdicts, splits, and what a person decided by hand."""

from dataprep.manifest.manifest import FOLD, NAME, Manifest, Run, check_manifest, file_of
from dataprep.manifest.overrides import NO_OVERRIDES, Decision, Overrides, check_overrides

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
