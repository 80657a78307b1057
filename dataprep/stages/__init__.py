"""What users compose: measures (pixels to columns), rules (table to drops), ops (image to image) and mixes (batch to batch).

A process that measures needs few of them, so a stage is imported when it is first used; `__init__.pyi` lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
