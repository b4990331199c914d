//! The floating-point environment: the host's outside, the default one inside.
//!
//! libtorch divides by zero and makes NaN where that is right, which ends a host that has enabled
//! traps; another rounding mode, or denormals taken as zero, would give other voxels. So a call
//! computes in the default environment, callbacks run in the host's, and the host gets back its own
//! traps, modes and flags.

use std::cell::Cell;

pub(super) use system::Environment;

thread_local! {
    /// The environment of the host while this thread is in a call.
    static HOST: Cell<Option<Environment>> = const { Cell::new(None) };
}

/// The default environment on this thread, until it is dropped.
pub(super) struct Inside {
    host: Environment,
    /// That of an outer call, whose callback made this one.
    outer: Option<Environment>,
}

/// Sets the default environment.
pub(super) fn enter() -> Inside {
    let host = Environment::current();
    Environment::set_default();
    Inside { host, outer: HOST.replace(Some(host)) }
}

impl Drop for Inside {
    fn drop(&mut self) {
        HOST.set(self.outer);
        self.host.set();
    }
}

/// Runs a callback of the host in the host's environment.
pub(super) fn as_host<T>(callback: impl FnOnce() -> T) -> T {
    let Some(host) = HOST.get() else { return callback() };
    let inside = Environment::current();
    host.set();
    let result = callback();
    inside.set();
    result
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod system {
    use std::ffi::c_int;
    use std::mem::MaybeUninit;

    /// `fenv_t`: 32 bytes on x86_64, 8 on aarch64.
    #[derive(Clone, Copy)]
    #[repr(C, align(16))]
    pub struct Environment(MaybeUninit<[u8; 64]>);

    #[link(name = "m")]
    unsafe extern "C" {
        fn fegetenv(environment: *mut Environment) -> c_int;
        fn fesetenv(environment: *const Environment) -> c_int;
    }

    /// `FE_DFL_ENV`.
    const DEFAULT: *const Environment = std::ptr::without_provenance(usize::MAX);

    impl Environment {
        pub fn current() -> Environment {
            let mut environment = Environment(MaybeUninit::uninit());
            // SAFETY: there is room for an environment.
            unsafe { fegetenv(&raw mut environment) };
            environment
        }

        pub fn set(&self) {
            // SAFETY: it came from `fegetenv`.
            unsafe { fesetenv(self) };
        }

        pub fn set_default() {
            // SAFETY: libc takes this address for the default environment.
            unsafe { fesetenv(DEFAULT) };
        }
    }
}

/// Elsewhere the environment is left alone.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod system {
    #[derive(Clone, Copy)]
    pub struct Environment;

    impl Environment {
        pub fn current() -> Environment {
            Environment
        }

        pub fn set(&self) {}

        pub fn set_default() {}
    }
}
