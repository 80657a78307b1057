"""Mistakes that type checkers find, each in a line that says so: read by mypy and by pyright, never run."""

import dataprep as dp

ops = [dp.Resize((224, 224)), dp.Normalize.imagenet()]
manifest: dp.Manifest = dp.clean("photos", progress=3)  # wrong
dp.Pipeline(ops)  # wrong
dp.Pipeline(dp.Resize)  # wrong
dp.Resize("large")  # wrong
dp.Loader(manifest, batch_size="64")  # wrong
dp.Loader(manifest, shuffle=True)  # wrong

for batch in dp.Loader(manifest, dp.Pipeline(*ops)):
    batch.pictures.to("cuda")  # wrong
    batch.images.to_the_gpu()  # wrong
    images, labels = batch  # wrong
    batch.targets["boxes"]  # wrong
