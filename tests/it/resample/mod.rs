mod expected_error;
mod interpolate;
mod phantom_structures;
mod plan_laws;
