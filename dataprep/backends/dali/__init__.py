"""Batches by NVIDIA DALI, on a GPU or the CPU; importing this package does not import DALI."""
