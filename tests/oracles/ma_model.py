"""Small models of Ma et al., and their scores by NumPy, for tests/it/metrics/ma_model.rs.

make SEED FILE.mat [plain|compressed|tiny]   writes a model of random trees as MATLAB stores it
score FILE.mat FEATURES.json            {"scores": [...]} of a list of three groups of features each
save FILE.mat EXPRESSION                writes variables, a dictionary
"""

import json
import sys

import numpy as np
from scipy.io import loadmat, savemat


def tree(random, rows, features):
    """Columns of one tree: every split adds two nodes, as randomForest does."""
    columns = {name: np.zeros(rows) for name in ("lDau", "rDau", "mbest", "upper", "avnode")}
    used, at = 1, 0
    while at < used:
        columns["avnode"][at] = random.uniform(0, 10)
        if used + 2 <= rows and random.uniform() < 0.8:
            columns["lDau"][at], columns["rDau"][at] = used + 1, used + 2
            columns["mbest"][at] = random.integers(1, features + 1)
            columns["upper"][at] = random.uniform(0, 2)
            used += 2
        at += 1
    return columns, used


def forest(random, features, trees, rows, coefficients):
    grown = [tree(random, rows, features) for _ in range(trees)]
    join = lambda name: np.stack([columns[name] for columns, _ in grown], axis=1)
    fields = {name: join(name).astype(np.int32) for name in ("lDau", "rDau", "mbest")}
    fields |= {name: join(name) for name in ("upper", "avnode")}
    sizes = np.array([[used] for _, used in grown], np.int32)
    # Fields that a prediction does not need, one of them text.
    fields |= {"nodestatus": "x" * 7, "inbag": random.uniform(size=(9, trees)), "Y_hat": []}
    fields |= {"ndtree": sizes, "nrnodes": rows, "ntree": float(trees)}
    return fields | {"coef": np.array(coefficients, float).reshape(2, 1)}


def make(seed, file, how):
    random = np.random.default_rng(seed)
    cells = np.empty((3, 1), object)
    shapes = ((18, 5, 21, (0, 0)), (45, 7, 33, (0, 0)), (75, 1, 1, (0.25, 1.5)))
    if how == "tiny":
        shapes = [(features, 1, 3, correction) for features, _, _, correction in shapes]
    for group, shape in enumerate(shapes):
        cells[group, 0] = forest(random, *shape)
    linear = random.uniform(-1, 1, (4, 1))
    model = {"note": "text", "linear": linear, "rf": cells}
    savemat(file, {"other": np.eye(3), "model": model}, do_compression=how == "compressed")


def predict(forest, features):
    values = []
    for tree in range(int(forest["ntree"][0, 0])):
        node = 0
        while forest["lDau"][node, tree]:
            feature = forest["mbest"][node, tree] - 1
            side = "lDau" if features[feature] <= forest["upper"][node, tree] else "rDau"
            node = forest[side][node, tree] - 1
        values.append(forest["avnode"][node, tree])
    offset, factor = forest["coef"].ravel()
    return np.mean(values) if offset == factor == 0 else offset + factor * np.mean(values)


def score(file, features):
    model = loadmat(file)["model"][0, 0]
    linear = model["linear"].ravel()
    scores = []
    for groups in json.load(open(features)):
        predicted = [predict(model["rf"][k, 0][0, 0], groups[k]) for k in range(3)]
        scores.append(float(linear[0] + linear[1:] @ predicted))
    print(json.dumps({"scores": scores}))


if sys.argv[1] == "make":
    make(int(sys.argv[2]), sys.argv[3], sys.argv[4])
elif sys.argv[1] == "save":
    savemat(sys.argv[2], eval(sys.argv[3]))
else:
    score(sys.argv[2], sys.argv[3])
