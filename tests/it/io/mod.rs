mod detached;
mod dicom;
mod less_usual;
mod metaimage;
mod nifti;
mod nrrd;
mod output;
mod stack;
