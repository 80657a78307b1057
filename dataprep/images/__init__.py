"""Bytes to pixels, and pixels to another size: what cleaning, loading and the report share."""
