mod anatomy;
mod laws;
