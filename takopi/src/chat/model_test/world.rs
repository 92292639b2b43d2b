//! Plays a plan: programs that are started and die, one after the other, with one store, one chat system, one engine.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rusqlite::Connection;
use takopi_api::message::{
    Address, ChatKind, IncomingFile, IncomingMessage, MessageRef, Press, ReplyTo, Sender, Topic, TopicId,
};
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::process::{CommandSpec, Process, ProcessHost, SpawnError};
use takopi_api::runtime::Connection as ToTakopi;
use takopi_api::transport::{Access, Capabilities, Channels, People, TransportId};
use tokio::sync::Notify;

use super::chat_system::ChatSystem;
use super::engine::{self, Engine};
use super::plan::{Moment, Order, Plan, Step};
use crate::chat::embedded::{Embedded, Home};
use crate::config::{Config, Overrides, Reader, Vocabulary};
use crate::store::probe::Probe;
use crate::store::{Durability, FILE, Store};

/// Longer than anything waits for anything.
const AGES: Duration = Duration::from_secs(3600);

static ENGINE: Backend = Backend::new("scripted", Constructor::Engine(engine::backend));

/// Only its row counts: it says that there is a table of settings.
static TRANSPORT: Backend =
    Backend::new("fake", Constructor::Transport(|| unreachable!("it is not started")));

/// What is left at the end of a plan.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) system: Arc<ChatSystem>,
    pub(super) engine: Arc<Engine>,
    /// The messages that were said, by their numbers.
    pub(super) said: Vec<Said>,
    pub(super) had_accident: bool,
    /// Every button that was pressed, where, and by whom.
    pub(super) pressed: Vec<(MessageRef, String, String)>,
}

/// A message that somebody said.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) message: IncomingMessage,
    pub(super) is_stranger: bool,
    pub(super) place: u8,
    pub(super) order: Order,
    /// takopi said that it has it.
    is_acknowledged: bool,
}

/// Kills the program at a write.
#[derive(Debug)]
struct Death {
    system: Arc<ChatSystem>,
    order: Mutex<Option<(u8, Moment)>>,
    is_dead: AtomicBool,
    came: Notify,
}

/// How a program ended.
#[derive(PartialEq, Eq)]
enum Ending {
    Killed,
    Orderly,
    /// And nothing is left to happen.
    Last,
}

pub(super) fn play(plan: &Plan) -> World {
    let system = Arc::new(ChatSystem::default());
    system.state().latencies = plan.latencies.iter().copied().collect();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let world = World {
        folder,
        system: Arc::clone(&system),
        engine: Engine::new(&plan.scripts),
        said: Vec::new(),
        had_accident: false,
        pressed: Vec::new(),
    };
    let death = Arc::new(Death {
        system,
        order: Mutex::default(),
        is_dead: AtomicBool::new(false),
        came: Notify::new(),
    });
    let path = world.folder.path().join("takopi.toml");
    std::fs::write(&path, plan.chat.toml()).expect("there is room for a file");
    let reader = Reader::new(&path, Vocabulary::default(), Overrides::default());
    let config = reader.load().expect("the plan's settings are well formed");
    let mut player = Player { plan, world, death, config, next: 0 };
    let mut stage = Stage::Steps;
    while stage != Stage::Over {
        player.death.is_dead.store(false, Ordering::SeqCst);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime needs nothing");
        let ending = runtime.block_on(player.program(stage));
        drop(runtime);
        player.world.system.cut_off();
        player.orphan();
        stage = match (stage, ending) {
            (stage, Ending::Killed | Ending::Orderly) => stage,
            (Stage::Steps, Ending::Last) => Stage::After,
            (_, Ending::Last) => Stage::Over,
        };
    }
    player.world
}

/// How far a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Steps,
    /// One more start, in a world without troubles: what could not be delivered is.
    After,
    Over,
}

struct Player<'a> {
    plan: &'a Plan,
    world: World,
    death: Arc<Death>,
    config: Config,
    /// The step that comes next.
    next: usize,
}

impl Player<'_> {
    /// One program, from its start to its end.
    async fn program(&mut self, stage: Stage) -> Ending {
        let death = Arc::clone(&self.death);
        if stage == Stage::After {
            self.world.system.heal();
            *death.order.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        tokio::select! {
            biased;
            () = death.came.notified() => {
                self.world.had_accident = true;
                Ending::Killed
            }
            ending = self.live() => ending,
        }
    }

    async fn live(&mut self) -> Ending {
        let (store, _) = Store::open_with(self.world.folder.path(), Durability::Normal).expect("it opens");
        store.set_probe(Arc::new(AtWrites(Arc::clone(&self.death))));
        let home = Home {
            store,
            processes: Arc::new(NoProcesses),
            start_folder: self.world.folder.path().to_owned(),
        };
        let chat = Embedded::new(self.config.clone(), [&ENGINE, &TRANSPORT], home).await.expect("it begins");
        let id = TransportId::parse("fake").expect("it is an id");
        let outgoing = self.world.system.connect(self.capabilities());
        let access = Access::nobody().people(People::listed(["p0", "p1", "p2"])).channels(Channels::All);
        let takopi = chat.runtime(id).connect(outgoing, access);
        self.deliver(&takopi).await;
        while let Some(step) = self.plan.steps.get(self.next) {
            self.next += 1;
            if let Step::Restart { patience } = step {
                self.world.had_accident = true;
                chat.drain(Duration::from_millis((*patience).into())).await;
                return Ending::Orderly;
            }
            self.step(&takopi, step).await;
        }
        tokio::time::sleep(AGES).await;
        chat.drain(Duration::from_secs(1)).await;
        Ending::Last
    }

    fn capabilities(&self) -> Capabilities {
        let can = Capabilities::none().edit(Duration::from_millis(500)).buttons().replies().voice();
        let can = if self.plan.chat.can_delete { can.delete() } else { can };
        if self.plan.chat.takes_keys { can.keys() } else { can }
    }

    async fn step(&mut self, takopi: &ToTakopi, step: &Step) {
        match step {
            Step::Say { who, place, reply, twice, aloud, order } => {
                self.say(*who, *place, *reply, *aloud, *order);
                if *twice {
                    let message = self.world.said[self.world.said.len() - 1].message.clone();
                    let again = takopi.handle_message(message).await;
                    assert!(again.is_ok(), "it is stored");
                }
                self.deliver(takopi).await;
            }
            Step::Press(pick) => {
                let buttons: Vec<_> = self
                    .world
                    .system
                    .state()
                    .shown
                    .values()
                    .filter(|shown| shown.gone.is_none())
                    .flat_map(buttons)
                    .collect();
                self.press(takopi, &buttons, *pick);
            }
            Step::PressOld(pick) => {
                let buttons = self.world.system.state().buttons.clone();
                self.press(takopi, &buttons, *pick);
            }
            Step::PressElsewhere(pick, other) => {
                let buttons = self.world.system.state().buttons.clone();
                if !buttons.is_empty() {
                    let (at, _) = buttons[usize::from(*other) % buttons.len()].clone();
                    let data = buttons[usize::from(*pick) % buttons.len()].1.clone();
                    self.press(takopi, &[(at, data)], *pick);
                }
            }
            Step::Decide(pick) => {
                let open: Vec<_> = {
                    let state = self.world.system.state();
                    let asking = state.shown.values().filter(|shown| shown.gone.is_none() && shown.asks());
                    asking.flat_map(buttons).collect()
                };
                self.press(takopi, &open, *pick);
            }
            Step::PressUnknown(pick) => {
                let buttons: Vec<_> = self
                    .world
                    .system
                    .state()
                    .buttons
                    .iter()
                    .map(|(at, _)| (at.clone(), "takopi:what".to_owned()))
                    .collect();
                self.press(takopi, &buttons, *pick);
            }
            Step::Wait(milliseconds) => {
                tokio::time::sleep(Duration::from_millis((*milliseconds).into())).await;
            }
            Step::Trouble(trouble) => self.world.system.add_trouble(trouble),
            Step::Die { write, moment } => {
                *self.death.order.lock().unwrap_or_else(PoisonError::into_inner) = Some((*write, *moment));
            }
            // The end of a program is its caller's business.
            Step::Restart { .. } => {}
        }
    }

    fn press(&mut self, takopi: &ToTakopi, buttons: &[(MessageRef, String)], pick: u8) {
        if buttons.is_empty() {
            return;
        }
        let (at, data) = buttons[usize::from(pick) % buttons.len()].clone();
        let who = format!("p{}", pick / 7 % 4);
        self.world.pressed.push((at.clone(), data.clone(), who.clone()));
        let press = Press::new(format!("press{pick}"), at, data);
        takopi.handle_press(press.sender(Sender::new(who)));
    }

    fn say(&mut self, who: u8, place: u8, reply: Option<u8>, aloud: bool, order: Order) {
        let (address, kind) = match place {
            0 => (Address::general("mine"), ChatKind::Private),
            1 => (Address::general("ours"), ChatKind::Group),
            _ => {
                let topic = Topic::Named(TopicId::new("7"));
                (Address { topic, ..Address::general("ours") }, ChatKind::Group)
            }
        };
        let number = self.world.said.len();
        let words = format!("m{number}");
        let (text, files) = if aloud {
            (order.before().to_owned(), vec![IncomingFile::new(words).spoken()])
        } else {
            (format!("{}{words}", order.before()), Vec::new())
        };
        let mut message = IncomingMessage::new(address.clone(), format!("u{number}"), text)
            .files(files)
            .update(format!("d{number}"))
            .sender(Sender::new(format!("p{who}")))
            .chat(kind);
        if let Some(reply) = reply {
            let state = self.world.system.state();
            let here = state.shown.values().rev().filter(|shown| shown.at.address == address);
            if let Some(shown) = here.skip(reply.into()).find(|shown| shown.gone.is_none()) {
                let text = shown.message.body.joined();
                message = message.reply_to(ReplyTo::own(shown.at.id.as_str(), text));
            }
        }
        let is_stranger = who > 2;
        self.world.said.push(Said { message, is_stranger, place, order, is_acknowledged: false });
    }

    /// The chat system delivers what takopi has not acknowledged.
    async fn deliver(&mut self, takopi: &ToTakopi) {
        for said in &mut self.world.said {
            if !said.is_acknowledged {
                takopi.handle_message(said.message.clone()).await.expect("it is stored");
                said.is_acknowledged = true;
            }
        }
    }

    /// What looks at work, and the store knows nothing of: the program ended between sending and remembering.
    fn orphan(&self) {
        let known = remembered(self.world.folder.path());
        self.world.system.state().orphan(|at| known.contains(at));
    }
}

/// The messages that the next program finds in the store.
fn remembered(folder: &Path) -> Vec<MessageRef> {
    let connection = Connection::open(folder.join(FILE)).expect("it opens");
    let mut statement = connection
        .prepare(
            "SELECT progress FROM runs WHERE state IN ('running', 'answered', 'delivered', 'cut_off')
             AND progress IS NOT NULL
             UNION ALL SELECT shown FROM inbox WHERE state = 'accepted' AND shown IS NOT NULL
             UNION ALL SELECT message FROM requests WHERE message IS NOT NULL",
        )
        .expect("the tables are there");
    let rows = statement.query_map((), |row| row.get::<_, String>(0)).expect("it can be read");
    rows.map(|row| serde_json::from_str(&row.expect("it is a text")).expect("it is a message")).collect()
}

fn buttons(shown: &super::chat_system::Shown) -> Vec<(MessageRef, String)> {
    let all = shown.message.buttons.iter().flatten();
    all.map(|button| (shown.at.clone(), button.data.to_string())).collect()
}

impl Death {
    /// Counts a write, and says whether it is the last one.
    fn is_due(&self, moment: Moment) -> bool {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *order {
            Some((left, at)) if *at == moment => {
                if *left > 0 {
                    *left -= 1;
                    return false;
                }
                *order = None;
                true
            }
            _ => false,
        }
    }

    async fn pass(self: Arc<Self>, moment: Moment) {
        if !self.is_dead.load(Ordering::SeqCst) && self.is_due(moment) {
            self.is_dead.store(true, Ordering::SeqCst);
            self.system.cut_off();
            self.came.notify_one();
        }
        if self.is_dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

/// The death of a program, which its store knows first.
struct AtWrites(Arc<Death>);

impl Probe for AtWrites {
    fn before(&self) -> BoxFuture<'static, ()> {
        let death = Arc::clone(&self.0);
        async move {
            let latency = death.system.latency();
            if latency > Duration::ZERO {
                tokio::time::sleep(latency).await;
            }
            death.pass(Moment::BeforeTheWrite).await;
        }
        .boxed()
    }

    fn after(&self) -> BoxFuture<'static, ()> {
        Arc::clone(&self.0).pass(Moment::AfterTheWrite).boxed()
    }
}

/// The engine is in this program.
struct NoProcesses;

#[async_trait]
impl ProcessHost for NoProcesses {
    async fn spawn(&self, command: CommandSpec) -> Result<Process, SpawnError> {
        drop(command);
        Err(SpawnError::RunOver)
    }
}
