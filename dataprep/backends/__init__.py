"""Who turns recipes into batches: `Torch` by DataLoader workers. Importing this package loads no framework."""
