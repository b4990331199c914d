mod dicom;
mod nifti;
mod nrrd;
mod output;
