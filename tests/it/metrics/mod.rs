mod ma;
mod ma_model;
mod skimage;
