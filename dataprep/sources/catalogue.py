"""Every source that a manifest can name: importing the modules makes them known."""

from dataprep.sources import archives, files, folder, huggingface, labelled, memory, several

__all__ = ["archives", "files", "folder", "huggingface", "labelled", "memory", "several"]
