"""Parameters of NIQE that iqa-torch brings, fitted on photographs, as JSON.

Usage: niqe_parameters.py
"""

import importlib.util
import json
import pathlib

import numpy as np

# The package itself needs PyTorch.
place = pathlib.Path(importlib.util.find_spec("iqa").submodule_search_locations[0])
file = np.load(place / "niqe" / "niqe_pris_params.npz")
mean, covariance = file["mu_pris_param"], file["cov_pris_param"]
print(json.dumps({"mean": mean.ravel().tolist(), "covariance": covariance.tolist()}))
