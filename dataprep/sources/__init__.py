"""Where images come from. A source lists records and reads bytes; only it understands its uris."""

from dataprep.sources.archives import Archive
from dataprep.sources.files import Files
from dataprep.sources.folder import Folder, endings
from dataprep.sources.labelled import Labelled, Noted, parts_of
from dataprep.sources.listing import Scan, scan_of
from dataprep.sources.memory import Bytes, Parquet
from dataprep.sources.open import open_source
from dataprep.sources.several import Part, Several

__all__ = [
    "Archive",
    "Bytes",
    "Files",
    "Folder",
    "Labelled",
    "Noted",
    "Parquet",
    "Part",
    "Scan",
    "Several",
    "endings",
    "open_source",
    "parts_of",
    "scan_of",
]
