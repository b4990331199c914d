//! Memory that is available, and that this process has used.

use sysinfo::{MemoryRefreshKind, System};

use crate::error::{Error, Result};

/// Bytes that this process can still allocate: the system's available memory, or less where a
/// container limits it.
pub fn available() -> u64 {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let free = system.available_memory();
    match system.cgroup_limits() {
        Some(limits) if limits.total_memory > 0 => free.min(limits.free_memory),
        _ => free,
    }
}

/// Checks that `needed` bytes are available.
///
/// # Errors
/// [`Error::Memory`] with both figures and `advice`.
pub fn check(needed: u64, advice: &str) -> Result<()> {
    let available = available();
    if needed <= available {
        return Ok(());
    }
    Err(Error::Memory { needed, available, advice: advice.to_string() })
}

/// Peak resident memory of this process in bytes; `None` where the system does not report it.
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
    fn work_beyond_available_memory_is_rejected() {
        let error = check(u64::MAX, "choose a larger spacing").unwrap_err().to_string();
        assert!(error.contains("TB of memory") && error.contains("larger spacing"), "{error}");
        assert!(check(1, "").is_ok());
    }

    #[test]
    fn peak_grows_with_allocated_memory() {
        let before = peak().expect("Linux reports it");
        let block = std::hint::black_box(vec![1u8; 200_000_000]);
        assert!(peak().expect("Linux reports it") >= before.max(200_000_000));
        drop(std::hint::black_box(block));
    }
}
