//! The state files of the Python program, in our words.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use takopi_api::engine::EngineId;
use takopi_api::message::{Address, PersonId};
use takopi_api::resume::ResumeToken;
use takopi_api::runtime::RunContext;
use takopi_api::transport::TransportId;

use crate::store::bindings::Binding;
use crate::store::place::Place;
use crate::store::preferences::{Change, TriggerMode};
use crate::store::sessions::SessionKey;

/// The files, by the ends of their names, and what is in them.
pub(super) const FILES: &[(&str, Section)] = &[
    ("chat_prefs_state.json", Section::Preferences),
    ("chat_sessions_state.json", Section::Sessions),
    ("topics_state.json", Section::Topics),
];

/// What a file is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Section {
    Preferences,
    Sessions,
    Topics,
}

/// The version of the files that is known; there was no other.
const VERSION: u64 = 1;

/// How many entries that can not be taken over are named.
const NAMED: usize = 5;

/// What a file says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) sessions: Vec<(SessionKey, ResumeToken)>,
    pub(super) choices: Vec<(Place, Change)>,
    pub(super) bindings: Vec<Binding>,
    /// Entries that can not be taken over, with the reason.
    left_out: Vec<String>,
}

type FolderOf<'a> = &'a (dyn Fn(&Place, &RunContext) -> Option<PathBuf> + Sync);

impl State {
    /// Reads a file. An entry that makes no sense is left out, and nothing else with it.
    pub(super) fn read(
        text: &[u8],
        section: Section,
        transport: &TransportId,
        folder_of: FolderOf<'_>,
    ) -> Result<Self, String> {
        let file: Value = serde_json::from_slice(text).map_err(|error| format!("it is no JSON: {error}"))?;
        if file["version"].as_u64() != Some(VERSION) {
            return Err(format!("it has version {}, and version {VERSION} is known", file["version"]));
        }
        let place = |address| Place::new(transport.clone(), address);
        let mut state = Self::default();
        match section {
            Section::Preferences => {
                for (chat, entry) in entries(&file, "chats") {
                    state.chat(&format!("chats.{chat}"), &place(Address::general(chat.as_str())), entry);
                }
            }
            Section::Sessions => {
                let cwd = text_of(&file, "cwd").map(PathBuf::from).filter(|cwd| cwd.is_absolute());
                for (key, entry) in entries(&file, "chats") {
                    let at = format!("chats.{key}");
                    let Some((chat, owner)) = key.rsplit_once(':') else {
                        state.leave_out(&at, "it is not of the form <chat>:<owner>");
                        continue;
                    };
                    let person = (owner != "chat").then(|| PersonId::new(owner));
                    state.threads(
                        &at,
                        &place(Address::general(chat)),
                        person.as_ref(),
                        cwd.as_deref(),
                        entry,
                    );
                }
            }
            Section::Topics => {
                for (key, entry) in entries(&file, "threads") {
                    let at = format!("threads.{key}");
                    let Some((chat, topic)) = key.rsplit_once(':') else {
                        state.leave_out(&at, "it is not of the form <chat>:<topic>");
                        continue;
                    };
                    state.topic(&at, &place(Address::topic(chat, topic)), entry, folder_of);
                }
            }
        }
        Ok(state)
    }

    /// What a person should know of it.
    pub(super) fn told(&self, path: &Path) -> Vec<String> {
        let named = self.left_out.iter().take(NAMED);
        let mut notices: Vec<_> = named.map(|entry| format!("{}: {entry}", path.display())).collect();
        if let Some(more @ 1..) = self.left_out.len().checked_sub(NAMED) {
            notices.push(format!("{}: {more} more entries were not taken over", path.display()));
        }
        notices
    }

    fn chat(&mut self, at: &str, place: &Place, entry: &Value) {
        self.preferences(at, place, entry);
        let context = RunContext {
            project: text_of(entry, "context_project"),
            branch: text_of(entry, "context_branch"),
        };
        // A chat is bound to a project; a branch alone means nothing there.
        if context.project.is_some() {
            self.bindings.push(Binding { place: place.clone(), context, title: None });
        }
    }

    fn topic(&mut self, at: &str, place: &Place, entry: &Value, folder_of: FolderOf<'_>) {
        self.preferences(at, place, entry);
        let context = RunContext {
            project: text_of(&entry["context"], "project"),
            branch: text_of(&entry["context"], "branch"),
        };
        self.threads(at, place, None, folder_of(place, &context).as_deref(), entry);
        if context != RunContext::default() {
            let title = text_of(entry, "topic_title");
            self.bindings.push(Binding { place: place.clone(), context, title });
        }
    }

    fn preferences(&mut self, at: &str, place: &Place, entry: &Value) {
        if let Some(id) = text_of(entry, "default_engine")
            && let Some(engine) = self.engine(&format!("{at}.default_engine"), &id)
        {
            self.choices.push((place.clone(), Change::DefaultEngine(Some(engine))));
        }
        // The only other value was none at all.
        if text_of(entry, "trigger_mode").as_deref() == Some("mentions") {
            self.choices.push((place.clone(), Change::Trigger(Some(TriggerMode::Mentions))));
        }
        for (id, overrides) in entries(entry, "engine_overrides") {
            let Some(engine) = self.engine(&format!("{at}.engine_overrides.{id}"), id) else { continue };
            if let Some(model) = text_of(overrides, "model") {
                self.choices.push((place.clone(), Change::Model(engine.clone(), Some(model))));
            }
            if let Some(level) = text_of(overrides, "reasoning") {
                self.choices.push((place.clone(), Change::Reasoning(engine, Some(level))));
            }
        }
    }

    fn threads(
        &mut self,
        at: &str,
        place: &Place,
        person: Option<&PersonId>,
        cwd: Option<&Path>,
        entry: &Value,
    ) {
        for (id, session) in entries(entry, "sessions") {
            let at = format!("{at}.sessions.{id}");
            let Some(value) = text_of(session, "resume") else { continue };
            let Some(engine) = self.engine(&at, id) else { continue };
            let Some(cwd) = cwd else {
                self.leave_out(&at, "the folder that it belongs to is not known");
                continue;
            };
            match ResumeToken::new(engine, value) {
                Ok(token) => {
                    let key =
                        SessionKey { place: place.clone(), person: person.cloned(), cwd: cwd.to_owned() };
                    self.sessions.push((key, token));
                }
                Err(error) => self.leave_out(&at, &error.to_string()),
            }
        }
    }

    fn engine(&mut self, at: &str, id: &str) -> Option<EngineId> {
        EngineId::parse(&id.trim().to_lowercase())
            .map_err(|error| self.leave_out(at, &error.to_string()))
            .ok()
    }

    fn leave_out(&mut self, at: &str, why: &str) {
        self.left_out.push(format!("`{at}` was not taken over: {why}"));
    }
}

/// The entries of an object; none if there is something else.
fn entries<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value[key].as_object().into_iter().flat_map(Map::iter)
}

/// A text that says something.
fn text_of(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}
