"""Where images come from, and where each form of it lives."""

from .archives import Archive as Archive
from .bucket import Bucket as Bucket
from .files import Files as Files
from .folder import Folder as Folder
from .folder import endings as endings
from .labelled import Labelled as Labelled
from .labelled import Noted as Noted
from .labelled import parts_of as parts_of
from .listing import Scan as Scan
from .listing import scan_of as scan_of
from .memory import Bytes as Bytes
from .memory import Parquet as Parquet
from .nodecache import NodeCache as NodeCache
from .open import open_source as open_source
from .several import Part as Part
from .several import Several as Several
from .shards import Shards as Shards
