//! What was found out as people read it.

use super::{
    About, CommandAbout, Configuration, EngineAbout, HookAbout, Info, ModesAbout, Needs, TransportAbout,
};
use crate::cli::{output, table};
use crate::paths;

impl Info {
    /// A paragraph, and a table of the keys.
    pub(in crate::cli::plugins::info) fn text(&self) -> String {
        let mut facts = Facts::default();
        facts.add("summary", self.summary);
        match &self.distribution {
            Some(from) => {
                facts.add("from", &format!("{} {}", from.name, from.version));
                facts.add("repository", from.repository);
                facts.add("license", from.license);
            }
            None if self.configuration.is_some() => facts.add("from", "no distribution"),
            None => {}
        }
        facts.add("state", &self.state.detail);
        match &self.about {
            Some(About::Engine(engine)) => facts.engine(engine),
            Some(About::Transport(transport)) => facts.transport(transport),
            Some(About::Command(command)) => facts.command(command, self.id),
            Some(About::Hook(hook)) => facts.hook(hook),
            None => {}
        }
        let mut text = format!("{} {}\n", self.kind, self.id.escape_debug());
        if let Some(configuration) = &self.configuration {
            facts.configuration(configuration);
            text.push_str(&facts.text());
            text.push_str(&keys(configuration));
        } else {
            text.push_str(&facts.text());
        }
        text
    }
}

/// What there is to say, a line each.
#[derive(Default)]
struct Facts(Vec<[String; 2]>);

impl Facts {
    fn add(&mut self, what: &str, said: &str) {
        if !said.is_empty() {
            let said = paths::with_short_home(&output::harmless(said)).replace('\n', " ");
            self.0.push([format!("  {what}"), said]);
        }
    }

    fn engine(&mut self, engine: &EngineAbout) {
        let needs = match &engine.needs {
            Needs::Program { path: Some(path), .. } => path.clone(),
            Needs::Program { commands, path: None, install } => {
                format!("{} is not on PATH; install it with `{install}`", commands.join(" or "))
            }
            Needs::Nothing => "none: the engine lies in takopi".to_owned(),
            Needs::OnRequest => "none; the engine runs only where it is named".to_owned(),
        };
        self.add("program", &needs);
        if let Some([oldest, newest]) = engine.tested {
            self.add("tested with", &format!("{oldest} to {newest}"));
        }
        let takes = list(&[("steering", engine.steer), ("a model", engine.model)]);
        self.add("takes", takes.as_deref().unwrap_or("a prompt and no more"));
        let asks = [
            ("for permission", engine.permissions),
            ("questions", engine.questions),
            ("about plans", engine.plans),
        ];
        self.add("asks people", list(&asks).as_deref().unwrap_or("nothing"));
        self.add("answers", if engine.live_text { "as they are written" } else { "when they are complete" });
        self.add("reasoning", &engine.reasoning_levels.join(", "));
        match engine.modes {
            ModesAbout::Named(modes) => self.add("modes", &modes.join(", ")),
            ModesAbout::Said(said) => self.add("modes", said),
        }
    }

    fn transport(&mut self, transport: &TransportAbout) {
        let applies =
            if transport.can_start_again { "while takopi runs" } else { "from the next start of takopi on" };
        self.add("changes of it", &format!("apply {applies}"));
        for to_do in &transport.to_do {
            self.add("to do", to_do);
        }
    }

    fn command(&mut self, command: &CommandAbout, id: &str) {
        self.add("usage", format!("/{id} {}", command.arguments).trim_end());
        self.add("description", &command.description);
        if command.starts {
            self.add("starts", "with takopi, and goes on until takopi ends");
        }
    }

    fn hook(&mut self, hook: &HookAbout) {
        self.add("is called", &hook.moments.join(", "));
        self.add("description", &hook.description);
    }

    fn configuration(&mut self, configuration: &Configuration) {
        let Configuration { table, file, set, unknown, error, .. } = configuration;
        let set = if set.is_empty() { "sets nothing".to_owned() } else { format!("sets {}", set.join(", ")) };
        self.add("table", &format!("[{table}] in {file} {set}"));
        match error {
            Some(error) => self.add("error", error),
            None => unknown.iter().for_each(|key| self.add("warning", key)),
        }
    }

    fn text(&self) -> String {
        table::table(&self.0)
    }
}

/// What of these is so.
/// What is so, if anything is.
fn list(all: &[(&str, bool)]) -> Option<String> {
    let so: Vec<&str> = all.iter().filter(|(_, is_so)| *is_so).map(|(what, _)| *what).collect();
    (!so.is_empty()).then(|| so.join(", "))
}

fn keys(configuration: &Configuration) -> String {
    if configuration.keys.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 4]> = configuration
        .keys
        .iter()
        .map(|key| {
            let default =
                key.default.as_ref().map(|default| format!("default {default}")).unwrap_or_default();
            [format!("  {}", key.key), key.holds.clone(), default, key.about.clone()]
        })
        .collect();
    format!("keys of [{}]:\n{}", configuration.table, table::table(&rows))
}
