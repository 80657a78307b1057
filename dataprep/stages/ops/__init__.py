"""Ops: image to image at load time, as descriptions; a backend holds the kernel of each."""
