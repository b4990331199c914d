//! Writes a NIfTI-1 file.
