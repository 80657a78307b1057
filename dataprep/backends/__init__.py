"""Who turns recipes into batches: `Threads`, `Torch` and `Dali`. Importing this package loads no framework."""
