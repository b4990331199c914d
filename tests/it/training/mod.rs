mod losses;
mod resume;
mod systems;
