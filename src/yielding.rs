//! Threads that let others go first.

/// By how much: a third of the share of a thread that does not (`sched(7)`).
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// From here on the calling thread lets others run first where all want to: the client and its
/// server, whose speed is that of the dump, before what has a buffer to wait behind. Errors cost
/// nothing but speed.
pub(crate) fn let_others_first() {
    // Elsewhere than on Linux niceness is the whole process's.
    #[cfg(target_os = "linux")]
    if let Ok(now) = rustix::process::getpriority_process(None) {
        let _ = rustix::process::setpriority_process(None, now + NICER);
    }
}
