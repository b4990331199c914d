"""Writes segmentations as 3D Slicer does, with pynrrd: two layers that overlap, with label values
for each layer. Or prints a segmentation as JSON: metadata, sizes, kinds, and the voxels of each
layer.

Usage: io_segmentation.py write FILE
       io_segmentation.py read FILE
"""

import json
import sys

import nrrd
import numpy as np

COMMAND, PATH = sys.argv[1:]
k, j, i = np.indices((4, 5, 6))
LAYERS = np.stack([(i + j + k) % 4, (i < 3) * (j + 2)], axis=0).astype(np.uint8)  # [layer, k, j, i]

if COMMAND == "write":
    header = {
        "space": "left-posterior-superior",
        "kinds": ["list", "domain", "domain", "domain"],
        "space directions": np.array([[np.nan] * 3, [0.7, 0, 0], [0, 0.8, 0], [0, 0, 3.0]]),
        "space origin": np.array([1.0, 2.0, 3.0]),
        "encoding": "gzip",
        "Segment0_ID": "Segment_1",
        "Segment0_Name": "liver: left",
        "Segment0_Color": "0.5 0.2 0.1",
        "Segment0_LabelValue": "3",
        "Segment0_Layer": "0",
        "Segment0_Extent": "0 5 0 4 0 3",
        "Segment0_Tags": "Segmentation.Status:inprogress|TerminologyEntry:a~b^c~|",
        "Segment1_ID": "Segment_2",
        "Segment1_Name": "vessel",
        "Segment1_LabelValue": "4",
        "Segment1_Layer": "1",
        "Segment1_Extent": "0 5 0 4 0 3",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "3 2 1",
    }
    nrrd.write(PATH, LAYERS.transpose(0, 3, 2, 1), header)
else:
    voxels, header = nrrd.read(PATH)
    fields = {key: value for key, value in header.items() if isinstance(value, str)}
    layers = voxels if voxels.ndim == 4 else voxels[None]
    layers = [layer.transpose(2, 1, 0).ravel().tolist() for layer in layers]
    sizes = [int(n) for n in header["sizes"]]
    found = {"fields": fields, "sizes": sizes, "kinds": header["kinds"], "layers": layers}
    print(json.dumps(found))
