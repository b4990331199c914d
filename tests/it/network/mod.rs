mod models;
mod motion_numpy;
mod motion_pytorch;
mod shipped_model;
