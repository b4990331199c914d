mod skimage;
