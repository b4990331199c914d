mod dicom;
mod metaimage;
mod nifti;
mod nrrd;
mod output;
mod stack;
