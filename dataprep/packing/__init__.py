"""From a manifest to shards: plain tars that any tool reads, with a Parquet file beside each, and a manifest of places in them.

options.py   what is asked for, checked
plan.py      which image goes where: known before anything is read, from the manifest and the options alone
images.py    the bytes of one image: as they are, smaller as JPEG, or its pixels
targets.py   boxes and the like where an image becomes smaller
shard.py     one shard, which is what an engine is asked for
places.py    where shards are put
pack.py      all of them
"""
