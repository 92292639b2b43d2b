use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const PERSON: ChatId = ChatId(7);
const GROUP: ChatId = ChatId(-100);

fn at(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

/// A machine whose clock is a number.
struct Bench {
    machine: Machine<u64>,
    now: Moment,
    tickets: u64,
}

impl Bench {
    fn new() -> Self {
        Self { machine: Machine::new(Paces::TELEGRAM), now: at(0), tickets: 0 }
    }

    fn submit(&mut self, chat: ChatId, rank: Rank, deed: Deed) -> (Ticket, Vec<Ticket>) {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        (ticket, self.machine.submit(self.now, ticket, Order { chat, rank, deed }, ticket.0))
    }

    fn send(&mut self, chat: ChatId) -> Ticket {
        self.submit(chat, Rank::Final, Deed::Send).0
    }

    fn edit(&mut self, chat: ChatId, message: i64) -> Ticket {
        self.submit(chat, Rank::Edit, Deed::Edit(message)).0
    }

    /// All that starts now.
    fn started(&mut self) -> Vec<Ticket> {
        let mut started = Vec::new();
        while let Next::Start(ticket, payload) = self.machine.next(self.now) {
            assert_eq!(ticket.0, payload);
            started.push(ticket);
        }
        started
    }

    fn wait(&mut self) -> Option<Moment> {
        match self.machine.next(self.now) {
            Next::Wait(until) => until,
            Next::Start(ticket, _) => panic!("{ticket:?} starts"),
        }
    }

    fn finish(&mut self, ticket: Ticket, verdict: Verdict) -> Option<(Ticket, End)> {
        self.machine.finish(self.now, ticket, verdict)
    }

    fn settle(&mut self, tickets: &[Ticket]) {
        for ticket in tickets {
            assert_eq!(self.finish(*ticket, Verdict::Settled), None);
        }
    }
}

#[test]
fn what_is_more_urgent_goes_first() {
    let mut bench = Bench::new();
    let edit = bench.edit(PERSON, 1);
    let delete = bench.submit(PERSON, Rank::Delete, Deed::Delete(2)).0;
    let card = bench.submit(PERSON, Rank::Card, Deed::Send).0;
    let (first, second) = (bench.send(PERSON), bench.send(PERSON));
    // The burst of five leaves no room for the edit, which keeps two free.
    assert_eq!(bench.started(), [first, second, card, delete]);
    bench.settle(&[first, second, card, delete]);
    bench.now = bench.wait().unwrap();
    assert_eq!(bench.started(), [edit]);
}

#[test]
fn an_answer_goes_out_at_once_after_an_edit() {
    for chat in [PERSON, GROUP] {
        let mut bench = Bench::new();
        let mut made = 0;
        while bench.now < at(300_000) {
            let edit = bench.edit(chat, 1);
            let started = bench.started();
            if started == [edit] {
                made += 1;
                bench.settle(&started);
                let answer = bench.send(chat);
                let mut other = Bench { machine: bench.machine.clone(), now: bench.now, tickets: 0 };
                assert_eq!(other.started(), [answer]);
                bench.machine.withdraw(answer);
            }
            bench.now += at(250);
        }
        assert!(made > 60, "an idle chat is edited often: {made}");
    }
}

#[test]
fn only_the_youngest_edit_is_made() {
    let mut bench = Bench::new();
    let first = bench.edit(PERSON, 1);
    assert_eq!(bench.started(), [first]);
    let (second, superseded) = bench.submit(PERSON, Rank::Edit, Deed::Edit(1));
    assert_eq!((superseded, bench.started()), (vec![], vec![]));
    let (third, superseded) = bench.submit(PERSON, Rank::Edit, Deed::Edit(1));
    assert_eq!(superseded, [second]);
    // The one that is under way comes back, and is old by now.
    assert_eq!(bench.finish(first, Verdict::PauseChat(at(5000))), Some((first, End::Superseded)));
    assert_eq!(bench.wait(), Some(at(5000)));
    bench.now = at(5000);
    assert_eq!(bench.started(), [third]);
}

#[test]
fn an_answer_in_place_is_no_mere_edit() {
    let mut bench = Bench::new();
    let edit = bench.edit(GROUP, 1);
    assert_eq!(bench.started(), [edit]);
    bench.settle(&[edit]);
    bench.edit(GROUP, 1);
    let (answer, superseded) = bench.submit(GROUP, Rank::Final, Deed::Edit(1));
    assert_eq!(superseded.len(), 1);
    assert_eq!(bench.started(), [answer]);
}

#[test]
fn a_deletion_supersedes_edits() {
    let mut bench = Bench::new();
    let edit = bench.edit(PERSON, 1);
    let (delete, superseded) = bench.submit(PERSON, Rank::Delete, Deed::Delete(1));
    assert_eq!(superseded, [edit]);
    let (late, superseded) = bench.submit(PERSON, Rank::Edit, Deed::Edit(1));
    assert_eq!(superseded, [late]);
    assert_eq!(bench.started(), [delete]);
}

#[test]
fn a_pause_of_a_chat_holds_up_no_other() {
    let mut bench = Bench::new();
    let sent = bench.send(GROUP);
    assert_eq!(bench.started(), [sent]);
    assert_eq!(bench.finish(sent, Verdict::PauseChat(at(9000))), None);
    let other = bench.send(PERSON);
    assert_eq!(bench.started(), [other]);
    assert_eq!(bench.wait(), Some(at(9000)));
    bench.now = at(9000);
    assert_eq!(bench.started(), [sent]);
    assert_eq!(bench.finish(sent, Verdict::PauseBot(at(2000))), None);
    bench.send(PERSON);
    assert_eq!(bench.wait(), Some(at(11_000)));
}

#[test]
fn nothing_is_lost_while_the_server_is_away_and_all_goes_on_soon_after() {
    let mut bench = Bench::new();
    let mut waiting = vec![bench.send(PERSON), bench.send(PERSON), bench.send(GROUP)];
    let started = bench.started();
    assert_eq!(started, waiting);
    for ticket in started {
        assert_eq!(bench.finish(ticket, Verdict::Offline), None);
    }
    let mut probes = 0;
    while bench.now < at(3_600_000) {
        let next = bench.wait().unwrap();
        assert!(next - bench.now <= LONGEST_PAUSE);
        bench.now = next;
        // One tries, the others wait for it.
        let probe = bench.started();
        assert_eq!(probe.len(), 1);
        assert_eq!(bench.finish(probe[0], Verdict::Offline), None);
        probes += 1;
    }
    assert!(probes > 300);
    bench.now = bench.wait().unwrap();
    let probe = bench.started();
    bench.settle(&probe);
    let rest = bench.started();
    let mut sent: Vec<_> = probe.into_iter().chain(rest).collect();
    sent.sort_unstable();
    waiting.sort_unstable();
    assert_eq!(sent, waiting);
}

#[test]
fn what_the_server_can_not_digest_is_given_up() {
    let mut bench = Bench::new();
    let sent = bench.send(PERSON);
    let mut tries = 0;
    let given_up = loop {
        assert_eq!(bench.started(), [sent]);
        tries += 1;
        if let Some(end) = bench.finish(sent, Verdict::Trouble) {
            break end;
        }
        bench.now = bench.wait().unwrap();
    };
    assert_eq!((tries, given_up), (TRIES, (sent, End::GivenUp)));
}

#[test]
fn trouble_with_one_chat_holds_up_no_other() {
    let mut bench = Bench::new();
    let (sent, other) = (bench.send(PERSON), bench.send(GROUP));
    assert_eq!(bench.started(), [sent, other]);
    assert_eq!(bench.finish(sent, Verdict::Trouble), None);
    bench.settle(&[other]);
    let next = bench.send(GROUP);
    assert_eq!(bench.started(), [next]);
    bench.settle(&[next]);
    bench.now = bench.wait().unwrap();
    assert_eq!((bench.now, bench.started()), (at(500), vec![sent]));
}

#[test]
fn what_nobody_wants_is_not_sent() {
    let mut bench = Bench::new();
    let sent = bench.send(PERSON);
    bench.machine.withdraw(sent);
    assert_eq!(bench.wait(), None);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Send(bool, u8),
    Edit(bool, i64),
    Delete(bool, i64),
    /// Ends the oldest thing under way.
    Finish(u8),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<bool>(), 0_u8..2).prop_map(|(group, rank)| Step::Send(group, rank)),
        5 => (any::<bool>(), 0_i64..3).prop_map(|(group, message)| Step::Edit(group, message)),
        1 => (any::<bool>(), 0_i64..3).prop_map(|(group, message)| Step::Delete(group, message)),
        8 => (0_u8..12).prop_map(Step::Finish),
        6 => (0_u64..2500).prop_map(Step::Pass),
    ]
}

#[test]
fn an_album_counts_as_its_messages_and_one_that_never_fits_goes_alone() {
    let mut bench = Bench::new();
    let small = bench.submit(PERSON, Rank::Final, Deed::Album(4)).0;
    assert_eq!(bench.started(), [small]);
    let large = bench.submit(PERSON, Rank::Final, Deed::Album(10)).0;
    assert!(bench.started().is_empty());
    bench.finish(small, Verdict::Settled);
    bench.now = at(5_250);
    assert_eq!(bench.started(), [large]);
    let after = bench.send(PERSON);
    assert!(bench.started().is_empty());
    bench.now = at(10_500);
    assert_eq!(bench.started(), [after]);
}

/// More within such a time than there may be.
fn is_over(log: &[Moment], count: usize, per: Duration) -> bool {
    log.windows(count + 1).any(|window| window[count] - window[0] < per)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_lost_no_pace_is_broken_and_no_answer_waits_for_an_edit(steps in prop::collection::vec(step(), 1..250)) {
        let mut bench = Bench::new();
        let mut open: BTreeSet<Ticket> = BTreeSet::new();
        let mut flying: Vec<Ticket> = Vec::new();
        let mut orders: HashMap<Ticket, Order> = HashMap::new();
        let mut log: BTreeMap<ChatId, Vec<Moment>> = BTreeMap::new();
        let mut youngest: HashMap<(ChatId, i64), Ticket> = HashMap::new();
        let passes = std::iter::repeat_n(Step::Pass(400), 1200)
            .zip(std::iter::repeat_n(Step::Finish(0), 1200))
            .flat_map(|(pass, finish)| [finish, finish, finish, pass]);
        for step in steps.into_iter().chain(passes) {
            let chat = |group| if group { GROUP } else { PERSON };
            let order = match step {
                Step::Send(group, rank) => {
                    let rank = if rank == 0 { Rank::Final } else { Rank::Card };
                    Some(Order { chat: chat(group), rank, deed: Deed::Send })
                }
                Step::Edit(group, message) => {
                    Some(Order { chat: chat(group), rank: Rank::Edit, deed: Deed::Edit(message) })
                }
                Step::Delete(group, message) => {
                    Some(Order { chat: chat(group), rank: Rank::Delete, deed: Deed::Delete(message) })
                }
                Step::Pass(millis) => {
                    bench.now += at(millis);
                    None
                }
                Step::Finish(_) if flying.is_empty() => None,
                Step::Finish(how) => {
                    let ticket = flying.remove(0);
                    let verdict = match how {
                        9 => Verdict::PauseChat(at(2000)),
                        10 => Verdict::Offline,
                        11 => Verdict::PauseBot(at(1000)),
                        _ => Verdict::Settled,
                    };
                    match bench.finish(ticket, verdict) {
                        Some((ended, End::Superseded)) => prop_assert!(open.remove(&ended)),
                        Some((_, End::GivenUp)) => prop_assert!(false, "nothing was in trouble"),
                        None if verdict == Verdict::Settled => prop_assert!(open.remove(&ticket)),
                        None => {}
                    }
                    None
                }
            };
            if let Some(order) = order {
                let (ticket, superseded) = bench.submit(order.chat, order.rank, order.deed);
                open.insert(ticket);
                orders.insert(ticket, order);
                if let Deed::Edit(message) = order.deed && superseded != [ticket] {
                    youngest.insert((order.chat, message), ticket);
                }
                for ticket in superseded {
                    prop_assert!(open.remove(&ticket));
                }
            }
            while let Next::Start(ticket, _) = bench.machine.next(bench.now) {
                flying.push(ticket);
                let order = orders[&ticket];
                log.entry(order.chat).or_default().push(bench.now);
                if let Deed::Edit(message) = order.deed {
                    prop_assert_eq!(youngest[&(order.chat, message)], ticket, "an edit that is not the youngest");
                }
                if order.rank == Rank::Edit {
                    let mut other = bench.machine.clone();
                    other.offline = None;
                    let answer = Ticket(u64::MAX);
                    other.submit(bench.now, answer, Order { chat: order.chat, rank: Rank::Final, deed: Deed::Send }, 0);
                    prop_assert_eq!(other.next(bench.now), Next::Start(answer, 0), "an answer waits for an edit");
                }
            }
        }
        prop_assert!(open.is_empty(), "nothing became of {:?}", open);
        for (chat, log) in &log {
            let quota = Paces::TELEGRAM.of(*chat).quota;
            prop_assert!(!is_over(log, quota.count, quota.per), "the pace of {chat} is broken");
        }
        let mut all: Vec<_> = log.into_values().flatten().collect();
        all.sort_unstable();
        prop_assert!(!is_over(&all, Paces::TELEGRAM.overall.count, Paces::TELEGRAM.overall.per), "the pace of all is broken");
    }
}
