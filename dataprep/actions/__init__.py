"""What is done with a manifest outside of Python: a clean tree of images, rejects out of the way and back, lists of records."""

from dataprep.actions.export import export
from dataprep.actions.materialize import Materialized, materialize
from dataprep.actions.places import check_apart, overlap
from dataprep.actions.quarantine import Quarantined, quarantine
from dataprep.actions.undo import Restored, undo

__all__ = ["Materialized", "Quarantined", "Restored", "check_apart", "export", "materialize", "overlap", "quarantine", "undo"]
