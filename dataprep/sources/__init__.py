"""Where images come from. A source lists records and reads bytes; only it understands its uris."""

from dataprep.sources.folder import Folder
from dataprep.sources.several import Part, Several

__all__ = ["Folder", "Part", "Several"]
