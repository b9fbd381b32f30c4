//! The niceness of threads.

/// The number that is added to the niceness of the thread. The thread then gets a third of the CPU
/// share of another thread (`sched(7)`).
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// Makes the calling thread yield the CPU to others that are ready to run. The client and its
/// server decide how long a dump takes; threads that read from a buffer can wait. An error is
/// ignored, because it costs only speed.
pub(crate) fn let_others_first() {
    // On other systems than Linux, niceness belongs to the whole process.
    #[cfg(target_os = "linux")]
    if let Ok(now) = rustix::process::getpriority_process(None) {
        let _ = rustix::process::setpriority_process(None, now + NICER);
    }
}
