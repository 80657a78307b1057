"""From a manifest to batches: which rows come when, what is drawn for them, and what the loop is told."""
