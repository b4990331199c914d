mod ma;
mod ma_model;
mod niqe;
mod skimage;
