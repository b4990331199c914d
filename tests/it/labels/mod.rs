mod anatomy;
mod grid;
mod laws;
