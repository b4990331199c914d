//! Random forests for regression, as randomforest-matlab stores them.

use super::matlab::{Numbers, Struct, Value};
use crate::error::{Error, Result};

/// Fields of a forest that a prediction needs.
pub(super) const FIELDS: [&str; 9] =
    ["lDau", "rDau", "mbest", "upper", "avnode", "ndtree", "nrnodes", "ntree", "coef"];

/// Trees whose predictions are averaged.
#[derive(Debug)]
pub(super) struct Forest {
    nodes: Vec<Node>,
    /// Index of the first node of each tree.
    roots: Vec<u32>,
    /// Linear function of the average.
    offset: f64,
    factor: f64,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Leaf(f64),
    /// Continues at `left` where the feature is at most `limit`, else at `right`.
    Split {
        feature: u32,
        limit: f64,
        left: u32,
        right: u32,
    },
}

/// Arrays of all trees, one a column of `rows` nodes. Nodes and features count from 1.
struct Columns<'a> {
    rows: usize,
    features: usize,
    left: &'a Numbers,
    right: &'a Numbers,
    feature: &'a Numbers,
    limit: &'a Numbers,
    average: &'a Numbers,
}

impl Forest {
    /// Builds a forest of images with this number of features.
    pub(super) fn of_fields(fields: &Struct, features: usize) -> Result<Forest> {
        let rows = count(fields, "nrnodes")?;
        let trees = count(fields, "ntree")?;
        let sizes = numbers(fields, "ndtree", trees)?;
        let cells = rows.checked_mul(trees).ok_or_else(|| {
            Error::Argument(format!("{trees} trees of {rows} nodes are too many"))
        })?;
        let columns = Columns {
            rows,
            features,
            left: numbers(fields, "lDau", cells)?,
            right: numbers(fields, "rDau", cells)?,
            feature: numbers(fields, "mbest", cells)?,
            limit: numbers(fields, "upper", cells)?,
            average: numbers(fields, "avnode", cells)?,
        };
        let mut forest = Forest { nodes: Vec::new(), roots: Vec::new(), offset: 0.0, factor: 1.0 };
        for tree in 0..trees {
            let size = whole(sizes.at(tree), 1, rows).ok_or_else(|| {
                Error::Argument(format!("tree {} has {} nodes of {rows}", tree + 1, sizes.at(tree)))
            })?;
            forest.add_tree(&columns, tree, size)?;
        }
        if let Some(Value::Numbers(coefficients)) = fields.get("coef") {
            let [offset, factor] = match coefficients.to_vec()[..] {
                [offset, factor] if offset.is_finite() && factor.is_finite() => [offset, factor],
                ref other => return Err(Error::Argument(format!("coef is {other:?}"))),
            };
            // Zeros: the forest was trained without a correction.
            if (offset, factor) != (0.0, 0.0) {
                (forest.offset, forest.factor) = (offset, factor);
            }
        }
        Ok(forest)
    }

    fn add_tree(&mut self, columns: &Columns, tree: usize, size: usize) -> Result<()> {
        let root = self.nodes.len();
        let index = |node: usize| {
            u32::try_from(root + node).map_err(|_| Error::Argument("too many nodes".into()))
        };
        self.roots.push(index(0)?);
        for node in 0..size {
            let at = tree * columns.rows + node;
            let wrong = |what: &str, value: f64| {
                Error::Argument(format!("{what} of node {}, tree {}: {value}", node + 1, tree + 1))
            };
            let (left, right) = (columns.left.at(at), columns.right.at(at));
            if (left, right) == (0.0, 0.0) {
                let average = columns.average.at(at);
                if !average.is_finite() {
                    return Err(wrong("avnode", average));
                }
                self.nodes.push(Node::Leaf(average));
                continue;
            }
            // Daughters come after their parent, so that every path ends.
            let daughter = |what: &str, value: f64| {
                whole(value, node + 2, size).ok_or_else(|| wrong(what, value))
            };
            let feature = columns.feature.at(at);
            let limit = columns.limit.at(at);
            if limit.is_nan() {
                return Err(wrong("upper", limit));
            }
            self.nodes.push(Node::Split {
                feature: whole(feature, 1, columns.features)
                    .ok_or_else(|| wrong("mbest", feature))? as u32
                    - 1,
                limit,
                left: index(daughter("lDau", left)? - 1)?,
                right: index(daughter("rDau", right)? - 1)?,
            });
        }
        Ok(())
    }

    /// Mean of the trees' predictions for these features.
    pub(super) fn predict(&self, features: &[f64]) -> f64 {
        let sum: f64 = self.roots.iter().map(|&root| self.leaf(root, features)).sum();
        self.offset + self.factor * (sum / self.roots.len() as f64)
    }

    fn leaf(&self, root: u32, features: &[f64]) -> f64 {
        let mut at = root;
        loop {
            match self.nodes[at as usize] {
                Node::Leaf(value) => return value,
                Node::Split { feature, limit, left, right } => {
                    at = if features[feature as usize] <= limit { left } else { right };
                }
            }
        }
    }
}

/// A whole number within limits.
fn whole(value: f64, least: usize, most: usize) -> Option<usize> {
    let is_within = value >= least as f64 && value <= most as f64 && value.fract() == 0.0;
    is_within.then_some(value as usize)
}

/// A single number of 1 or more.
fn count(fields: &Struct, name: &str) -> Result<usize> {
    let value = numbers(fields, name, 1)?.at(0);
    whole(value, 1, u32::MAX as usize).ok_or_else(|| {
        Error::Argument(format!("{name} is {value}, not a number of trees or nodes"))
    })
}

fn numbers<'a>(fields: &'a Struct, name: &str, count: usize) -> Result<&'a Numbers> {
    match fields.get(name) {
        Some(Value::Numbers(numbers)) if numbers.len() == count => Ok(numbers),
        Some(Value::Numbers(numbers)) => {
            Err(Error::Argument(format!("{name} has {} values, not {count}", numbers.len())))
        }
        _ => Err(Error::Argument(format!("no field {name} of numbers"))),
    }
}
