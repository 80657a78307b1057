"""The manifest: the table of records with its verdicts, splits, and what a person decided by hand."""

from dataprep.manifest.manifest import FOLD, NAME, Manifest, Run, file_of
from dataprep.manifest.overrides import NO_OVERRIDES, Decision, Overrides

__all__ = ["FOLD", "NAME", "NO_OVERRIDES", "Decision", "Manifest", "Overrides", "Run", "file_of"]
