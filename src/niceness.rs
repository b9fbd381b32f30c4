//! How the threads of a dump and the clients that it reads from share the CPUs with the server and
//! with other programs.
//!
//! A server and its client decide how long a dump takes. Threads that compress and read back can
//! wait: they run while a CPU is free of other work. A client does not interrupt the server
//! whenever it has something to read, but runs when the server waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::thread::Pid;

/// The number that is added to the niceness of a helper that may not wait for a free CPU. It then
/// gets a third of the CPU share of another thread (`sched(7)`).
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// A thread whose work others rarely wait for. It runs while a CPU is free of other work, until
/// somebody calls [`Helper::hurry`]. Where the system does not let a thread return from that
/// (`RLIMIT_NICE`, `CAP_SYS_NICE`), the thread gets a smaller share of the CPUs instead.
#[derive(Debug, Default)]
pub(crate) struct Helper(Mutex<Pace>);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// The thread has not begun.
    #[default]
    Unknown,
    /// This thread runs while a CPU is free.
    Yields(Pid),
    /// The thread has its share of the CPUs, or has ended.
    Hurries,
}

/// Represents the time in which a thread is a [`Helper`].
#[derive(Debug)]
pub(crate) struct Helping(Arc<Helper>);

impl Helper {
    /// Makes the calling thread this helper until the result is dropped. Errors are ignored,
    /// because they cost only speed.
    pub(crate) fn begin(self: &Arc<Self>) -> Helping {
        let mut pace = self.pace();
        system::be_nicer();
        if *pace == Pace::Unknown && system::may_return_from_idle() && system::run_while_idle() {
            *pace = Pace::Yields(rustix::thread::gettid());
        }
        Helping(Arc::clone(self))
    }

    /// Gives the thread its share of the CPUs from now on, because somebody waits for it. On a
    /// machine without a free CPU, it would otherwise hardly run.
    pub(crate) fn hurry(&self) {
        let mut pace = self.pace();
        if let Pace::Yields(thread) = *pace {
            system::run_as_others(thread);
        }
        *pace = Pace::Hurries;
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Helping {
    /// Forgets the thread, whose number another one may soon have.
    fn drop(&mut self) {
        *self.0.pace() = Pace::Hurries;
    }
}

/// Lets the process `client` run only when no other thread needs its CPU at that moment: it does
/// not interrupt the server that sends it data. It keeps its share of the CPUs. An error is
/// ignored, because it costs only speed.
pub(crate) fn let_server_finish(client: Pid) {
    system::run_in_batches(client);
}

#[cfg(target_os = "linux")]
mod system {
    //! `sched_setscheduler(2)`, which no safe library has for other threads and processes.
    #![expect(unsafe_code, reason = "a system call")]

    use std::sync::OnceLock;

    use rustix::thread::Pid;

    use super::NICER;

    pub(super) fn be_nicer() {
        if let Ok(now) = rustix::process::getpriority_process(None) {
            let _ = rustix::process::setpriority_process(None, now + NICER);
        }
    }

    pub(super) fn run_while_idle() -> bool {
        set_policy(0, libc::SCHED_IDLE)
    }

    pub(super) fn run_as_others(thread: Pid) {
        set_policy(thread.as_raw_pid(), libc::SCHED_OTHER);
    }

    pub(super) fn run_in_batches(process: Pid) {
        set_policy(process.as_raw_pid(), libc::SCHED_BATCH);
    }

    /// Returns true if a thread that runs while a CPU is idle can become an ordinary one again. A
    /// thread that ends right away tries it.
    pub(super) fn may_return_from_idle() -> bool {
        static ANSWER: OnceLock<bool> = OnceLock::new();
        let try_both = || set_policy(0, libc::SCHED_IDLE) && set_policy(0, libc::SCHED_OTHER);
        *ANSWER.get_or_init(|| {
            std::thread::Builder::new()
                .spawn(try_both)
                .is_ok_and(|thread| thread.join().unwrap_or(false))
        })
    }

    /// Sets the scheduling policy of a thread, of the calling one if `thread` is 0. Returns true if
    /// the system did so.
    fn set_policy(thread: i32, policy: i32) -> bool {
        // SAFETY: all fields are integers, so zeros are valid. musl has more fields than glibc.
        let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
        // SAFETY: the call only reads `parameters`, which lives longer. (The function of musl's
        // library refuses to make this system call.)
        let set = unsafe {
            libc::syscall(
                libc::SYS_sched_setscheduler,
                thread,
                policy,
                &raw const parameters,
            )
        };
        set == 0
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! On other systems than Linux, niceness belongs to the whole process.

    use rustix::thread::Pid;

    pub(super) fn be_nicer() {}

    pub(super) fn may_return_from_idle() -> bool {
        false
    }

    pub(super) fn run_while_idle() -> bool {
        false
    }

    pub(super) fn run_as_others(_: Pid) {}

    pub(super) fn run_in_batches(_: Pid) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_helper_that_has_ended_or_hurries_is_left_alone() {
        let helper = Arc::<Helper>::default();
        let (begun, begins) = channel();
        let (end, ends) = channel::<()>();
        let thread = std::thread::spawn({
            let helper = Arc::clone(&helper);
            move || {
                let helping = helper.begin();
                begun.send(()).unwrap();
                let _ = ends.recv();
                drop(helping);
            }
        });
        begins.recv().unwrap();
        let yields = matches!(*helper.pace(), Pace::Yields(_));
        assert_eq!(yields, system::may_return_from_idle());
        helper.hurry();
        assert_eq!(*helper.pace(), Pace::Hurries);
        drop(end);
        thread.join().unwrap();
        assert_eq!(*helper.pace(), Pace::Hurries);

        let ended = Arc::<Helper>::default();
        let helping = std::thread::spawn({
            let ended = Arc::clone(&ended);
            move || drop(ended.begin())
        });
        helping.join().unwrap();
        assert_eq!(*ended.pace(), Pace::Hurries, "its thread has ended");
    }

    #[test]
    fn a_helper_that_must_hurry_before_it_begins_does_not_wait_for_a_free_cpu() {
        let helper = Arc::<Helper>::default();
        helper.hurry();
        let helping = helper.begin();
        assert_eq!(*helper.pace(), Pace::Hurries);
        drop(helping);
    }
}
