"""Targets that follow the image: where each op moves places, and what becomes of boxes, points, outlines and masks."""
