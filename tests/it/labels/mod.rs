mod anatomy;
mod fill;
mod grid;
mod laws;
