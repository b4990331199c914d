mod expected_error;
mod hounsfield;
mod interpolate;
mod job;
mod phantom_structures;
mod plan_laws;
mod side_by_side;
mod straighten;
