"""Every source that a manifest can name: importing the modules makes them known."""

from dataprep.sources import archives, bucket, files, folder, huggingface, labelled, memory, several, shards

__all__ = ["archives", "bucket", "files", "folder", "huggingface", "labelled", "memory", "several", "shards"]
