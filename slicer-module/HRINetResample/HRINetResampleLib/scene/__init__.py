"""MRML nodes in and out: volumes, segmentations, sequences, geometry, sample data."""
