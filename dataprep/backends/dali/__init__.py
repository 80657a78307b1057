"""Batches by NVIDIA DALI, on a GPU or the CPU; importing this package does not import DALI."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
