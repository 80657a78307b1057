"""Where images come from. A source lists records and reads bytes; only it understands its uris.

A run reads one form or two, so a source is imported when it is first used; `__init__.pyi` lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
