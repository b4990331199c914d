"""Resampling and fine-tuning on arrays, on a thread or in a subprocess. Needs no Slicer."""
