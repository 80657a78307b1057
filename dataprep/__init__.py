"""dataprep: from a pile of images to batches that a model can trust.

    import dataprep as dp

    pipeline = dp.Pipeline(*dp.standard_rules(), dp.RandomResizedCrop(224), dp.HorizontalFlip(), dp.Normalize())
    manifest = dp.clean("photos", pipeline)
    loader = dp.Loader(manifest, batch_size=64, sampler=dp.Sampler(seed=0), backend=dp.Torch(workers=2))

Importing it loads nothing else: a name is imported when it is first used, and with it what it needs. `__init__.pyi` lists them.
"""

from typing import Any, Final

import lazy_loader

from dataprep.machine import warn_of_namesake

__version__ = "0.1.0"

_public, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_EXTRAS: Final = {"torch": "torch", "nvidia": "dali", "nvidia.dali": "dali"}
"""What the frameworks are imported as, and the extra that installs each."""


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first asked for."""
    try:
        return _public(name)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(str(error.name))
        if extra is None:
            raise
        raise ImportError(f"dataprep.{name} needs {extra}: pip install 'dataprep-images[{extra}]'") from error


warn_of_namesake()
