"""Who runs the measures over many images: processes of this machine (`Local`); others speak the same protocol."""

from dataprep.engines.local import Local

__all__ = ["Local"]
