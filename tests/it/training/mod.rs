mod convergence;
mod losses;
mod resume;
mod systems;
