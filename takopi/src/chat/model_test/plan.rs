//! What happens in one case.

use proptest::prelude::*;
use takopi_api::transport::SendFailure;

/// One case.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) chat: ChatStyle,
    /// What the engine does, in turn.
    pub(super) scripts: Vec<Script>,
    /// How long the chat system and the disk take, in turn, in milliseconds.
    pub(super) latencies: Vec<u16>,
    pub(super) steps: Vec<Step>,
}

/// How the chat is, and what its system can do.
#[derive(Debug, Clone)]
pub(super) struct ChatStyle {
    pub(super) is_continuous: bool,
    pub(super) final_notify: bool,
    pub(super) can_delete: bool,
    pub(super) takes_keys: bool,
    pub(super) queue: &'static str,
    pub(super) progress: &'static str,
}

/// What the engine does in one run.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) names_thread: bool,
    pub(super) acts: Vec<Act>,
    pub(super) end: End,
    /// Whether it ends when it is asked to.
    pub(super) obeys: bool,
    pub(super) steering: Steering,
}

/// What the engine says to a text that is sent into its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Steering {
    /// It takes it, after so many milliseconds.
    Takes(u16),
    /// It does not take it.
    Refuses,
    /// It never says anything.
    Silent,
}

/// What stands before the words of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    None,
    Steer,
    Plan,
}

impl Order {
    pub(super) const fn before(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Steer => "/steer ",
            Self::Plan => "/plan ",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Wait(u16),
    Step,
    Ask(Ask),
}

/// What the engine asks, and whether it waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) what: What,
    /// After so many milliseconds it asks this no more.
    pub(super) patience: Option<u16>,
    /// It takes no answer.
    pub(super) is_deaf: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Of two commands, which rules can be for.
    Command(bool),
    Plan,
    Questions,
    Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Failed,
    /// Goes on until somebody ends it, or it is tired of waiting.
    Lingers,
    /// The stream is over before the run is.
    Silent,
    Panics,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Say {
        who: u8,
        place: u8,
        /// Which of the bot's messages there it replies to, youngest first.
        reply: Option<u8>,
        /// The chat system delivers it twice.
        twice: bool,
        /// It is spoken, and not written.
        aloud: bool,
        order: Order,
    },
    /// Presses one of the buttons that are to be seen.
    Press(u8),
    /// Presses one that was to be seen once.
    PressOld(u8),
    PressUnknown(u8),
    /// Presses what one message has below another one.
    PressElsewhere(u8, u8),
    /// Presses a button of a request.
    Decide(u8),
    Wait(u16),
    /// What becomes of the next things that are sent.
    Trouble(Vec<Option<Trouble>>),
    /// The program dies at a write to come.
    Die {
        write: u8,
        moment: Moment,
    },
    Restart {
        patience: u16,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    BeforeTheWrite,
    AfterTheWrite,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    pub(super) failure: SendFailure,
    /// Whether it arrived all the same, if nobody can know.
    pub(super) arrived: bool,
}

impl ChatStyle {
    pub(super) fn toml(&self) -> String {
        let Self { is_continuous, final_notify, queue, progress, .. } = self;
        let session = if *is_continuous { "chat" } else { "stateless" };
        format!(
            "default_engine = 'scripted'\n[transports.fake]\nsession_mode = '{session}'\nqueue = '{queue}'\n\
             progress = '{progress}'\nfinal_notify = {final_notify}\nrequest_timeout_s = 30\n\
             approvers = ['p1', 'p3']\n"
        )
    }
}

fn chat() -> impl Strategy<Value = ChatStyle> {
    let queue =
        prop_oneof![4 => Just("queue"), 1 => Just("steer"), 1 => Just("interrupt"), 1 => Just("collect")];
    let progress = prop_oneof![4 => Just("full"), 1 => Just("once"), 1 => Just("none")];
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), queue, progress).prop_map(
        |(is_continuous, final_notify, can_delete, takes_keys, queue, progress)| ChatStyle {
            is_continuous,
            final_notify,
            can_delete,
            takes_keys,
            queue,
            progress,
        },
    )
}

fn script() -> impl Strategy<Value = Script> {
    let act = prop_oneof![
        3 => (0..3000_u16).prop_map(Act::Wait),
        2 => Just(Act::Step),
        2 => ask().prop_map(Act::Ask),
    ];
    let end = prop_oneof![
        5 => Just(End::Done),
        1 => Just(End::Failed),
        2 => Just(End::Lingers),
        1 => Just(End::Silent),
        1 => Just(End::Panics),
    ];
    let acts = proptest::collection::vec(act, 0..4);
    let steering = prop_oneof![
        2 => Just(Steering::Takes(0)),
        2 => (0..3000_u16).prop_map(Steering::Takes),
        2 => Just(Steering::Refuses),
        1 => Just(Steering::Silent),
    ];
    (proptest::bool::weighted(0.9), acts, end, any::<bool>(), steering).prop_map(
        |(names_thread, acts, end, obeys, steering)| Script { names_thread, acts, end, obeys, steering },
    )
}

fn ask() -> impl Strategy<Value = Ask> {
    let what = prop_oneof![
        3 => any::<bool>().prop_map(What::Command),
        1 => Just(What::Plan),
        1 => Just(What::Questions),
        1 => Just(What::Secret),
    ];
    (what, proptest::option::weighted(0.2, 0..3000_u16), proptest::bool::weighted(0.1))
        .prop_map(|(what, patience, is_deaf)| Ask { what, patience, is_deaf })
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let failure = prop_oneof![
        Just(SendFailure::Unsupported),
        Just(SendFailure::TooLong),
        Just(SendFailure::Refused),
        Just(SendFailure::Gone),
        Just(SendFailure::Forbidden),
        Just(SendFailure::Busy { retry_after: std::time::Duration::from_secs(3) }),
        Just(SendFailure::Unreachable),
        Just(SendFailure::Unknown),
    ];
    (failure, any::<bool>()).prop_map(|(failure, arrived)| Trouble { failure, arrived })
}

fn step() -> impl Strategy<Value = Step> {
    let reply = proptest::option::of(0..4_u8);
    let order = prop_oneof![8 => Just(Order::None), 1 => Just(Order::Steer), 1 => Just(Order::Plan)];
    let moment = prop_oneof![Just(Moment::BeforeTheWrite), Just(Moment::AfterTheWrite)];
    prop_oneof![
        10 => (0..4_u8, 0..3_u8, reply, proptest::bool::weighted(0.1), proptest::bool::weighted(0.2), order)
            .prop_map(|(who, place, reply, twice, aloud, order)| {
                Step::Say { who, place, reply, twice, aloud, order }
            }),
        5 => any::<u8>().prop_map(Step::Press),
        1 => any::<u8>().prop_map(Step::PressOld),
        1 => any::<u8>().prop_map(Step::PressUnknown),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(pick, at)| Step::PressElsewhere(pick, at)),
        5 => any::<u8>().prop_map(Step::Decide),
        6 => (0..4000_u16).prop_map(Step::Wait),
        1 => proptest::collection::vec(proptest::option::weighted(0.7, trouble()), 1..5).prop_map(Step::Trouble),
        2 => (0..12_u8, moment).prop_map(|(write, moment)| Step::Die { write, moment }),
        1 => (0..5000_u16).prop_map(|patience| Step::Restart { patience }),
    ]
}

pub(super) fn plans() -> impl Strategy<Value = Plan> {
    // Half of the cases are of a good world, where more can be asked for.
    let steps = prop_oneof![
        proptest::collection::vec(step(), 1..30),
        proptest::collection::vec(step(), 1..30).prop_map(without_accidents),
    ];
    let latencies = proptest::collection::vec(prop_oneof![2 => Just(0_u16), 1 => 0..400_u16], 1..8);
    (chat(), proptest::collection::vec(script(), 1..6), latencies, steps)
        .prop_map(|(chat, scripts, latencies, steps)| Plan { chat, scripts, latencies, steps })
}

fn without_accidents(steps: Vec<Step>) -> Vec<Step> {
    let is_accident =
        |step: &Step| matches!(step, Step::Die { .. } | Step::Trouble(_) | Step::Restart { .. });
    steps.into_iter().filter(|step| !is_accident(step)).collect()
}
