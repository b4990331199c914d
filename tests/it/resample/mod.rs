mod expected_error;
mod interpolate;
mod job;
mod phantom_structures;
mod plan_laws;
