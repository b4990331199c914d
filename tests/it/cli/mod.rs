mod bad_input;
mod cuda;
mod dicom_out;
mod evaluate;
mod expected_error;
mod hostile_files;
mod resample;
