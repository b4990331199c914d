"""Library of the module HRINet Resample.

- `logic`: the API for scripts; `task` and `fine_tuning_task` are the jobs that it starts.
- `binding`: ctypes over the C library, with NumPy arrays. Needs no Slicer.
- `compute`: resampling and fine-tuning, on a thread or in a subprocess. Needs no Slicer.
- `scene`: MRML nodes in and out.
- `panel`: the module's widget.
"""
