//! How much memory is free, and how much this process took.

use sysinfo::{MemoryRefreshKind, System};

use crate::error::{Error, Result};

/// Bytes that this process can still take: what the system has free, or less where a container
/// limits it.
pub fn available() -> u64 {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let free = system.available_memory();
    match system.cgroup_limits() {
        Some(limits) if limits.total_memory > 0 => free.min(limits.free_memory),
        _ => free,
    }
}

/// Refuses work that would not fit.
///
/// # Errors
/// [`Error::Memory`] with what it needs, what is there, and the advice.
pub fn check(needed: u64, advice: &str) -> Result<()> {
    let available = available();
    if needed <= available {
        return Ok(());
    }
    Err(Error::Memory { needed, available, advice: advice.to_string() })
}

/// The most bytes of memory that this process held at once so far, where the system tells.
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_both_numbers() {
        let error = check(u64::MAX, "choose a larger spacing").unwrap_err().to_string();
        assert!(error.contains("TB of memory") && error.contains("larger spacing"), "{error}");
        assert!(check(1, "").is_ok());
    }

    #[test]
    fn the_peak_grows_with_what_is_held() {
        let before = peak().expect("Linux tells");
        let held = std::hint::black_box(vec![1u8; 200_000_000]);
        assert!(peak().expect("Linux tells") >= before.max(200_000_000));
        drop(std::hint::black_box(held));
    }
}
