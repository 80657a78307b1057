"""Pictures for people: grids of what ops and batches hold, with what was drawn under each."""

from dataprep.looking.batches import show

__all__ = ["show"]
