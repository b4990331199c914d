mod bad_input;
mod cuda;
mod evaluate;
mod expected_error;
mod hostile_files;
mod resample;
