"""What is done with a manifest outside of Python: a clean tree of images, rejects out of the way and back, lists of records."""

from dataprep.apply.export import export
from dataprep.apply.materialize import Materialized, materialize
from dataprep.apply.places import check_apart, overlap
from dataprep.apply.quarantine import Quarantined, quarantine
from dataprep.apply.undo import Restored, undo

__all__ = ["Materialized", "Quarantined", "Restored", "check_apart", "export", "materialize", "overlap", "quarantine", "undo"]
