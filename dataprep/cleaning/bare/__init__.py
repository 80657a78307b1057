"""What bare Python does of the measuring: it imports Python's own modules, few of them, and this package; a test looks."""

NEVER = -(2**63)
"""Stands for the time of a picture that does not say when it was captured, which otherwise is ms since 1970."""
