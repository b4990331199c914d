"""What the module HRINet Resample is made of.

`logic` is what scripts use; below it stand `jobs` (what is computed), `worker` (where it runs) and
`hrinet` (the C library with NumPy arrays); `volumes`, `segments` and `sequences` are the scene's side.
A model that is adapted to one volume is computed by `adapting` and kept by `adaptation`. Only `widget`
and `adaptpanel` need the application's windows; `hrinet`, `jobs` and `adapting` do not even need Slicer.
"""
