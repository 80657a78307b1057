"""What is done with a manifest outside of Python: a clean tree of images, rejects out of the way and back, lists of records."""

from dataprep.actions.export import export
from dataprep.actions.materialize import Materialized, check_target, materialize
from dataprep.actions.moved import moved_rows, note_quarantine
from dataprep.actions.places import check_apart, check_writable, overlap
from dataprep.actions.quarantine import Quarantined, check_movable, quarantine
from dataprep.actions.undo import Restored, undo

__all__ = [
    "Materialized",
    "Quarantined",
    "Restored",
    "check_apart",
    "check_movable",
    "check_target",
    "check_writable",
    "export",
    "materialize",
    "moved_rows",
    "note_quarantine",
    "overlap",
    "quarantine",
    "undo",
]
