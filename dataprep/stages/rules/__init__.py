"""Rules: the table of records to drops, each with its reason."""
