"""Batches as NumPy arrays: what the backends of the CPU share, and the DALI backend for what DALI cannot do."""
