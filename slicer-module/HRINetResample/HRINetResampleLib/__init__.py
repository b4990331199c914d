"""What the module HRINet Resample is made of.

`logic` is what scripts use; below it stand `jobs` (what is computed), `worker` (where it runs) and
`hrinet` (the C library with NumPy arrays); `volumes`, `segments` and `sequences` are the scene's side.
Only `widget` needs the application's windows; `hrinet` and `jobs` do not even need Slicer.
"""
