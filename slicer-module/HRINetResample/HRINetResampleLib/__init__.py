"""Library of the module HRINet Resample.

- `logic`: the API for scripts; `task`, `fine_tuning_task` and `program_tasks` are the jobs that it
  starts.
- `binding`: ctypes over the C library, with NumPy arrays. Needs no Slicer.
- `compute`: resampling, preview and fine-tuning, on a thread or in a subprocess; what the program
  does. Needs no Slicer.
- `scene`: MRML nodes in and out.
- `panel`: the module's widget.
"""
