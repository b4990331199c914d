mod ma;
mod skimage;
