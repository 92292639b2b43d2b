//! Every process of a program: itself, its descendants, and those that left it (`setsid`, double fork) but still carry its
//! mark in their environment. takopi is a child subreaper, so that none of them can leave takopi itself: one that
//! lost its parent and wiped its environment is still takopi's child, in a session that is not takopi's. Whose it was can
//! not be told any more, so it is ended with the last of the programs that run side by side.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

/// The variable by which a process is known as one of a program's: which takopi started it, see [`owner`], and a number
/// that is the program's own. The run's id would not do: a run may have several programs, which end at different times.
pub(super) const OWNER_VARIABLE: &str = "TAKOPI_OWNER";

/// This process: its id, when it began, and the namespace in which the id means something. The machine may show us
/// processes out of containers, whose takopi has an id that means another process here.
fn owner() -> String {
    let own = rustix::process::getpid().as_raw_pid();
    owner_of(Member { pid: own, began: read_row(own).map_or(0, |row| row.member.began) }, &namespace())
}

fn owner_of(member: Member, namespace: &str) -> String {
    format!("{namespace}:{}:{}", member.pid, member.began)
}

fn namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
}

/// The value of [`OWNER_VARIABLE`] for the next program.
pub(super) fn next_mark() -> String {
    static PROGRAMS: AtomicUsize = AtomicUsize::new(0);
    format!("{}#{}", owner(), PROGRAMS.fetch_add(1, Ordering::Relaxed))
}

/// Ends what a takopi left that was killed itself and could end nothing any more.
pub(super) fn end_abandoned() {
    let table = process_table();
    let namespace = namespace();
    let living: HashSet<String> = table.iter().map(|row| owner_of(row.member, &namespace)).collect();
    let ours = format!("{namespace}:");
    let prefix = format!("{OWNER_VARIABLE}=");
    let abandoned: HashSet<Member> = table
        .iter()
        .filter(|row| {
            let mark = variable(row.member.pid, prefix.as_bytes());
            let owner = mark.as_deref().and_then(|mark| mark.rsplit_once('#'));
            owner.is_some_and(|(owner, _)| owner.starts_with(&ours) && !living.contains(owner))
        })
        .map(|row| row.member)
        .collect();
    if !abandoned.is_empty() {
        tracing::warn!(count = abandoned.len(), "ending processes of a takopi that was killed");
        // Without a root nothing is adopted: only these processes and what descends from them.
        Tree { root: None, mark: None, running: Running::new(&Arc::default()), seen: abandoned }.kill();
    }
}

/// How long a round of killing waits for the killed to be gone.
const ROUND: Duration = Duration::from_millis(10);

/// Rounds after which what is left can not be killed (a process in an uninterruptible wait of the kernel).
const ROUNDS: usize = 500;

/// A process and when it began: the two together are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Member {
    pid: i32,
    began: u64,
}

/// One line of the system's process table.
struct Row {
    member: Member,
    parent: i32,
    session: i32,
    is_zombie: bool,
}

/// What the programs of one takopi share.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// How many programs run, or have left something that may still run.
    programs: AtomicUsize,
    /// Children that takopi had before it started any: a shell that became takopi may leave some.
    strangers: HashSet<Member>,
}

impl Family {
    /// The one of this process: orphans are the process's, whichever host started their program.
    pub(super) fn of_this_process() -> Arc<Self> {
        static FAMILY: OnceLock<Arc<Family>> = OnceLock::new();
        Arc::clone(FAMILY.get_or_init(|| {
            let own = rustix::process::getpid().as_raw_pid();
            let children = process_table().into_iter().filter(|row| row.parent == own);
            let strangers = children.map(|row| row.member).collect();
            Arc::new(Self { programs: AtomicUsize::new(0), strangers })
        }))
    }
}

/// Counts a program for as long as it, or anything that it left, may be alive.
#[derive(Debug)]
pub(super) struct Running(Arc<Family>);

impl Running {
    /// To be made before the program starts: from its first moment on it must not be taken for another one's orphan.
    pub(super) fn new(family: &Arc<Family>) -> Self {
        family.programs.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(family))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.programs.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The processes of one program.
#[derive(Debug)]
pub(super) struct Tree {
    root: Option<Member>,
    mark: Option<Vec<u8>>,
    /// Here and not beside the tree: a look that goes on after its watcher was given up counts too, or it would take the
    /// only program that is counted for an orphan of its own.
    running: Running,
    /// Members seen in earlier looks: a parent's death hides its children from a walk along parents.
    seen: HashSet<Member>,
}

impl Tree {
    /// The program must not have been waited for yet: until then its id is its own.
    pub(super) fn new(root: i32, mark: &str, running: Running) -> Self {
        let mark = Some(format!("{OWNER_VARIABLE}={mark}").into_bytes());
        let root = read_row(root).map(|row| row.member);
        Self { root, mark, running, seen: root.into_iter().collect() }
    }

    /// Remembers who belongs to the program now.
    pub(super) fn look(&mut self) {
        self.living();
    }

    /// Asks every process of it to end.
    pub(super) fn terminate(&mut self) -> usize {
        let living = self.living();
        living.iter().for_each(|member| signal(*member, Signal::TERM));
        living.len()
    }

    /// Kills every process of it, until a look finds none.
    pub(super) fn kill(&mut self) {
        for _ in 0..ROUNDS {
            let living = self.living();
            if living.is_empty() {
                return;
            }
            living.iter().for_each(|member| signal(*member, Signal::KILL));
            std::thread::sleep(ROUND);
        }
        let left = self.living();
        tracing::error!(root = ?self.root, ?left, "processes that can not be killed");
    }

    pub(super) fn is_empty(&mut self) -> bool {
        self.living().is_empty()
    }

    fn living(&mut self) -> Vec<Member> {
        let table = process_table();
        let own = rustix::process::getpid().as_raw_pid();
        // From the table, and not from getsid(2): where the leader of the session is outside of this namespace it is 0.
        let own_session = table.iter().find(|row| row.member.pid == own).map_or(0, |row| row.session);
        // Asked after the table was read: a program that stands in it was counted before it started.
        let is_last = self.running.0.programs.load(Ordering::Acquire) <= 1;
        // What is older than the program can not be its own, whoever's child it is by now.
        let adopted = |row: &Row| {
            is_last
                && row.parent == own
                && row.session != own_session
                && self.root.is_some_and(|root| row.member.began >= root.began)
                && !self.running.0.strangers.contains(&row.member)
        };
        let mut children: HashMap<i32, Vec<&Row>> = HashMap::new();
        for row in &table {
            children.entry(row.parent).or_default().push(row);
        }
        let marked = |row: &Row| self.mark.as_ref().is_some_and(|mark| carries(row.member.pid, mark));
        let mut queue: Vec<&Row> = table
            .iter()
            .filter(|row| self.seen.contains(&row.member) || marked(row) || adopted(row))
            .filter(|row| row.member.pid != own)
            .collect();
        let mut found = HashSet::new();
        let mut living = Vec::new();
        while let Some(row) = queue.pop() {
            if !found.insert(row.member) {
                continue;
            }
            queue.extend(children.get(&row.member.pid).into_iter().flatten());
            if !row.is_zombie {
                living.push(row.member);
            } else if row.parent == own && Some(row.member) != self.root {
                reap(row.member.pid);
            }
        }
        self.seen.extend(&living);
        living
    }
}

/// An orphan of the program that ended: takopi is its parent now. The program itself is waited for elsewhere.
fn reap(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        // Already gone is as good as reaped.
        let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// Through a file descriptor, so that the signal can not reach another process that got the same id meanwhile.
fn signal(member: Member, signal: Signal) {
    let Some(pid) = Pid::from_raw(member.pid) else { return };
    let descriptor = rustix::process::pidfd_open(pid, PidfdFlags::empty());
    if read_row(member.pid).is_none_or(|row| row.member != member) {
        return;
    }
    let sent = match descriptor {
        Ok(descriptor) => rustix::process::pidfd_send_signal(&descriptor, signal),
        // Old kernels and strict containers have no such descriptors; then this is as close as one gets.
        Err(_) => rustix::process::kill_process(pid, signal),
    };
    if let Err(error) = sent {
        tracing::debug!(pid = member.pid, %error, "signal not delivered");
    }
}

fn process_table() -> Vec<Row> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter_map(read_row).collect()
}

fn read_row(pid: i32) -> Option<Row> {
    // A program may give itself a name that is no text.
    parse_stat(pid, &String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?))
}

/// The fields of `/proc/<pid>/stat`, see proc(5). The second one is the program's name, which may hold anything.
fn parse_stat(pid: i32, stat: &str) -> Option<Row> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Row {
        member: Member { pid, began: fields.get(19)?.parse().ok()? },
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        is_zombie: matches!(*fields.first()?, "Z" | "X"),
    })
}

/// What follows `prefix` in the environment with which a process was started.
fn variable(pid: i32, prefix: &[u8]) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = environment.split(|&byte| byte == 0).find_map(|variable| variable.strip_prefix(prefix))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn carries(pid: i32, mark: &[u8]) -> bool {
    fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| environment.split(|&byte| byte == 0).any(|variable| variable == mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let stat = "42 (a) Z (b)) S 7 42 41 0 -1 4194304 90 0 0 0 0 0 0 0 20 0 1 0 123456 2748416 192";
        let row = parse_stat(42, stat).unwrap();
        assert_eq!((row.parent, row.session, row.member.began, row.is_zombie), (7, 41, 123_456, false));
        assert!(parse_stat(1, "").is_none());
        assert!(parse_stat(1, "1 (x) S").is_none());
    }
}
