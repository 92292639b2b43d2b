//! The program's own keys, each once: what it holds and what it is for.
//!
//! Unknown keys are found with this table, the schema for editors is made of it, and `config set` knows from it what a
//! word stands for.

use takopi_api::plugin::BackendKind;

use super::key_path::KeyPath;

/// A key of the file.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) holds: Holds,
    pub(super) about: &'static str,
}

/// What stands under a key.
#[derive(Debug)]
pub(super) enum Holds {
    /// A text that is not blank.
    Text,
    /// True or false.
    Flag,
    /// A whole number, this one or more.
    Number(u32),
    /// A list of texts.
    Texts,
    /// A text, or a list of them.
    TextOrTexts,
    /// A list of ids of people: numbers or texts.
    Ids,
    /// A chat's id: a number or a text.
    ChatId,
    Table(&'static Shape),
}

/// The keys of a table.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) keys: &'static [Key],
    pub(super) others: Others,
}

/// What the keys of a table may be besides those with a name.
#[derive(Debug)]
pub(super) enum Others {
    /// Nobody knows them.
    Unknown,
    /// Names that a person chose, each of a table.
    Chosen(&'static Shape),
    /// Ids of plugins, each of the plugin's own table. Under every id these keys are takopi's.
    Plugins(BackendKind, &'static [Key]),
}

/// The whole file.
pub(super) const ROOT: &Shape = &Shape {
    keys: &[
        key("default_engine", Holds::Text, "The engine for runs that name none."),
        key("default_project", Holds::Text, "The project for messages that name none."),
        key("transport", Holds::TextOrTexts, "The transport that takopi starts, or several of them."),
        key(
            "watch_config",
            Holds::Flag,
            "Whether changes of this file apply while takopi runs; true if absent.",
        ),
        key("transports", Holds::Table(TRANSPORTS), "A table for each transport."),
        key("projects", Holds::Table(PROJECTS), "The repositories that runs happen in, by their aliases."),
        key(
            "plugins",
            Holds::Table(PLUGINS),
            "Which plugins are visible, and a table for each chat command.",
        ),
        key("hooks", Holds::Table(HOOKS), "In which order hooks look at runs, and a table for each hook."),
        key("limits", Holds::Table(LIMITS), "What runs may take of the machine."),
    ],
    others: Others::Plugins(BackendKind::Engine, &[PASS_ENV]),
};

pub(super) const LIMITS: &Shape = &Shape {
    keys: &[
        key("engines", Holds::Number(1), "How many engines run at a time."),
        key("free_memory_mb", Holds::Number(0), "A run waits while less memory than this is free, in MiB."),
    ],
    others: Others::Unknown,
};

pub(super) const PROJECT: &Shape = &Shape {
    keys: &[
        key("path", Holds::Text, "The folder of the project; `~` is the home folder."),
        key(
            "worktrees_dir",
            Holds::Text,
            "The folder of its worktrees; `.worktrees` in the project if absent.",
        ),
        key("worktree_base", Holds::Text, "The base of new branches."),
        key("default_engine", Holds::Text, "The engine for its runs that name none."),
        key("chat_id", Holds::ChatId, "The chat that is its own."),
        key("setup", Holds::Texts, "A program and its arguments, run once in each new worktree."),
    ],
    others: Others::Unknown,
};

const TRANSPORTS: &Shape = &Shape { keys: &[], others: Others::Plugins(BackendKind::Transport, CHAT) };

/// What every transport's chats can be told; `chat/settings.rs` reads them.
const CHAT: &[Key] = &[
    key("session_mode", Holds::Text, "What a message without a thread continues: `stateless` or `chat`."),
    key(
        "show_resume_line",
        Holds::Flag,
        "Whether answers show how to resume them where chats do so by themselves.",
    ),
    key("message_overflow", Holds::Text, "What happens to long answers: `trim` or `split`."),
    key("final_notify", Holds::Flag, "Whether an answer is a message of its own, which makes itself heard."),
    key("progress", Holds::Text, "How much is shown while an engine works: `full`, `once` or `none`."),
    key(
        "acknowledge",
        Holds::Text,
        "What shows at once that a message arrived: `none`, `typing` or `reaction`; `typing` without progress.",
    ),
    key(
        "live_text",
        Holds::Flag,
        "Whether an answer is shown as it is written: as a draft, or, if this says `true`, also in progress messages.",
    ),
    key(
        "queue",
        Holds::Text,
        "What a message does while its thread is at work: `queue`, `steer`, `interrupt` or `collect`.",
    ),
    key("trigger", Holds::Text, "Which messages are for takopi: `all` or `mentions`."),
    key("request_timeout_s", Holds::Number(1), "How long a request waits for a person, in seconds."),
    key("approvers", Holds::Ids, "Who may answer requests of other people's runs."),
    key("files", Holds::Table(FILES), "What becomes of files in chats."),
    key("topics", Holds::Table(TOPICS), "What topics of chats are for."),
];

/// The names of [`CHAT`], for whoever has to know a transport's other keys.
pub(super) const CHAT_NAMES: &[&str] = &names_of::<{ CHAT.len() }>(CHAT);

/// The tables among the keys of chats.
pub(super) fn tables_of_chats() -> impl Iterator<Item = (&'static str, &'static Shape)> {
    CHAT.iter().filter_map(|key| match key.holds {
        Holds::Table(shape) => Some((key.name, shape)),
        _ => None,
    })
}

const fn names_of<const N: usize>(keys: &[Key]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = keys[at].name;
        at += 1;
    }
    names
}

const FILES: &Shape = &Shape {
    keys: &[
        key(
            "enabled",
            Holds::Flag,
            "Whether files can be put into projects and got from them; true if absent. A file with a prompt is always part of that.",
        ),
        key(
            "auto_put",
            Holds::Flag,
            "Whether a file without a caption is put into the project; true if absent.",
        ),
        key(
            "auto_put_mode",
            Holds::Text,
            "Where files with a prompt are: kept for the run (`upload`) or put into the project (`prompt`).",
        ),
        key(
            "uploads_dir",
            Holds::Text,
            "The folder of the project for files that are given no path; `incoming` if absent.",
        ),
        key(
            "allowed_user_ids",
            Holds::Ids,
            "Who may put and get files; if empty, in a group its administrators.",
        ),
        key(
            "deny_globs",
            Holds::Texts,
            "The paths that are neither put nor sent; a list takes the place of the usual one.",
        ),
    ],
    others: Others::Unknown,
};

const TOPICS: &Shape = &Shape {
    keys: &[
        key("enabled", Holds::Flag, "Whether a topic has to belong to a project; if absent, it may."),
        key("scope", Holds::Text, "The chats that this is said of: `auto`, `main`, `projects` or `all`."),
    ],
    others: Others::Unknown,
};

/// Whether takopi itself reads a key of a transport's table.
pub(super) fn is_of_chats(name: &str) -> bool {
    CHAT.iter().any(|key| key.name == name)
}

const PROJECTS: &Shape = &Shape { keys: &[], others: Others::Chosen(PROJECT) };

const PLUGINS: &Shape = &Shape {
    keys: &[
        key(
            "enabled",
            Holds::Texts,
            "The packages whose plugins are visible; all of them if empty or absent.",
        ),
        key("auto_install", Holds::Flag, "Reserved: plugins are compiled in."),
    ],
    others: Others::Plugins(BackendKind::Command, &[]),
};

const HOOKS: &Shape = &Shape {
    keys: &[key(
        ORDER_OF_HOOKS,
        Holds::Texts,
        "The hooks that come first, and without which no run begins; the others follow in the order of their ids.",
    )],
    others: Others::Plugins(BackendKind::Hook, OF_HOOK),
};

/// In the table of hooks: their order, so no hook can have this id.
pub(super) const ORDER_OF_HOOKS: &str = "order";

/// What takopi reads in the table of a hook; `hooks.rs` does.
const OF_HOOK: &[Key] = &[ON_FAILURE_OF_HOOK, TIMEOUT_OF_HOOK];

/// The names of [`OF_HOOK`].
pub(super) const OF_HOOK_NAMES: &[&str] = &names_of::<{ OF_HOOK.len() }>(OF_HOOK);

pub(super) const ON_FAILURE_OF_HOOK: Key = key(
    "on_failure",
    Holds::Text,
    "What becomes of a run if the hook fails before it: `deny` or `allow`; `deny` if absent.",
);

pub(super) const TIMEOUT_OF_HOOK: Key =
    key("timeout_s", Holds::Number(1), "How long a call of the hook may take, in seconds; 10 if absent.");

/// In the table of a command: tables of single projects, with the same keys.
pub(super) const PROJECTS_OF_COMMAND: &str = "projects";

pub(super) const PASS_ENV: Key = key(
    "pass_env",
    Holds::Texts,
    "Variables that the engine's programs see besides those that it names itself.",
);

/// The name of every key that holds a chat's id, a plugin's keys included.
pub(super) const CHAT_ID: &str = "chat_id";

/// What a key is called that holds a secret, alone or after a `_`.
const SECRET_NAMES: &[&str] = &["token", "secret", "password", "api_key"];

const fn key(name: &'static str, holds: Holds, about: &'static str) -> Key {
    Key { name, holds, about }
}

/// The keys that stand where the tables of a kind of plugins do: no plugin of the kind can have one as its id.
pub fn own_keys(kind: BackendKind) -> impl Iterator<Item = &'static str> {
    let shapes = [ROOT, TRANSPORTS, PLUGINS, HOOKS].into_iter().filter(move |shape| shape.is_of(kind));
    shapes.flat_map(|shape| shape.keys).map(|key| key.name)
}

/// The table in which those of a kind of plugins stand; `None` if they stand at the top of the file.
pub fn tables_of(kind: BackendKind) -> Option<&'static str> {
    let holds_them = |key: &&Key| matches!(&key.holds, Holds::Table(shape) if shape.is_of(kind));
    ROOT.keys.iter().find(holds_them).map(|key| key.name)
}

impl Shape {
    /// Whether the tables of a kind of plugins stand in it.
    fn is_of(&self, kind: BackendKind) -> bool {
        matches!(&self.others, Others::Plugins(of, _) if *of == kind)
    }

    /// The names of the keys that have one.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }

    /// What stands under a key below this table, if takopi knows it itself.
    pub(super) fn find(&self, key: &KeyPath) -> Option<&'static Holds> {
        self.find_parts(&key.parts().collect::<Vec<_>>())
    }

    fn find_parts(&self, parts: &[&str]) -> Option<&'static Holds> {
        let (name, rest) = parts.split_first()?;
        let named = self.keys.iter().find(|key| key.name == *name);
        match (named.map(|key| &key.holds), &self.others) {
            (Some(Holds::Table(shape)), _) if !rest.is_empty() => shape.find_parts(rest),
            (None, Others::Chosen(shape)) => shape.find_parts(rest),
            (None, Others::Plugins(_, keys)) => {
                let (name, rest) = rest.split_first()?;
                match keys.iter().find(|key| key.name == *name).map(|key| &key.holds) {
                    Some(Holds::Table(shape)) if !rest.is_empty() => shape.find_parts(rest),
                    holds => holds.filter(|_| rest.is_empty()),
                }
            }
            (holds, _) => holds.filter(|_| rest.is_empty()),
        }
    }
}

/// Whether a key is called like one that holds a secret.
pub(super) fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    SECRET_NAMES.iter().any(|secret| {
        name.strip_suffix(secret).is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_their_path() {
        let find = |key: &str| ROOT.find(&key.parse().unwrap());
        assert!(matches!(find("watch_config"), Some(Holds::Flag)));
        assert!(matches!(find("plugins.auto_install"), Some(Holds::Flag)));
        assert!(matches!(find("projects.Z80.chat_id"), Some(Holds::ChatId)));
        assert!(matches!(find("projects"), Some(Holds::Table(_))));
        assert!(matches!(find("acme.pass_env"), Some(Holds::Texts)));
        assert!(matches!(find("transports.x.files.enabled"), Some(Holds::Flag)));
        assert!(matches!(find("transports.x.files"), Some(Holds::Table(_))));
        assert!(matches!(find("hooks.order"), Some(Holds::Texts)));
        assert!(matches!(find("hooks.x.timeout_s"), Some(Holds::Number(1))));
        for unknown in [
            "acme",
            "acme.mode",
            "projects.z80",
            "plugins.ping.x",
            "watch_config.x",
            "limits.x",
            "hooks.x.order",
            "transports.x.files.x",
        ] {
            assert!(find(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn secrets_are_known_by_the_ends_of_their_names() {
        for name in
            ["token", "bot_token", "API-KEY", "voice_transcription_api_key", "client_secret", "password"]
        {
            assert!(names_secret(name), "{name}");
        }
        for name in ["tokens", "token_file", "key", "mytoken", "secretary"] {
            assert!(!names_secret(name), "{name}");
        }
    }
}
