//! An admin gate: some engines are for administrators only. Who is one is said by the chat, where chats have administrators, and
//! by the table besides. Others are told whom to ask, whether they write a prompt or use a command that runs something.

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::error::Error;
use takopi_api::hook::{HookBackend, HookContext, Moment, PlannedRun, Verdict};
use takopi_api::message::PersonId;
use takopi_api::schemars::{self, JsonSchema};
use takopi_api::transport::{Role, SendFailure};

/// The table `[hooks.gate]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The engines that are for administrators only.
    guarded: Vec<String>,
    /// Ids of people who are administrators whatever the chat says.
    admins: Vec<String>,
    /// Whom the others can ask.
    ask: Option<String>,
}

pub(crate) const fn new() -> Gate {
    Gate
}

#[derive(Debug)]
pub(crate) struct Gate;

#[async_trait]
impl HookBackend for Gate {
    fn id(&self) -> &'static str {
        "gate"
    }

    fn wants(&self) -> &[Moment] {
        &[Moment::PreRun]
    }

    async fn pre_run(&self, context: &HookContext, run: &PlannedRun) -> Result<Verdict, Error> {
        // Who is at this machine needs no permission of a chat.
        let Some(origin) = run.source.origin() else { return Ok(Verdict::Allow) };
        let settings: Settings = context.config.parse()?;
        if !settings.guarded.iter().any(|guarded| guarded == run.engine.as_str()) {
            return Ok(Verdict::Allow);
        }
        let is_admin = match &origin.sender {
            Some(sender) => is_admin(context, &settings, &sender.id).await?,
            None => false,
        };
        if is_admin {
            return Ok(Verdict::Allow);
        }
        let whom = settings.ask.map(|ask| format!("; ask {ask}")).unwrap_or_default();
        Ok(Verdict::deny(format!("only administrators run {}{whom}", run.engine)))
    }
}

/// # Errors
/// If the chat can not say it now: then nobody is let in.
async fn is_admin(context: &HookContext, settings: &Settings, person: &PersonId) -> Result<bool, Error> {
    if settings.admins.iter().any(|admin| admin == person.as_str()) {
        return Ok(true);
    }
    let Some(chat) = &context.chat else { return Ok(false) };
    match chat.role(person).await {
        Ok(role) => Ok(role == Role::Admin),
        // Chats of this kind have none.
        Err(error) if error.failure == SendFailure::Unsupported => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use takopi_api::engine::EngineId;
    use takopi_api::hook::Source;
    use takopi_api::message::{Address, Sender};
    use takopi_api::runner::RunId;
    use takopi_api::runtime::Origin;
    use takopi_api::testing::{FakeHookChat, Script, ScriptedProcesses, hook_context};
    use takopi_api::transport::TransportId;

    use super::*;

    async fn verdict(source: Source, role: Role) -> Verdict {
        let table = "guarded = [\"codex\"]\nadmins = [\"boss\"]\nask = \"Mia\"\n";
        let context = hook_context(table, ScriptedProcesses::new(Script::new("")));
        let context = context.chat(Some(FakeHookChat::new(role).chat()));
        let run = PlannedRun::new(RunId::unique(), source, EngineId::from_static("codex"), "hi");
        Gate.pre_run(&context, &run).await.unwrap()
    }

    #[tokio::test]
    async fn administrators_are_let_in_and_others_told_whom_to_ask() {
        let origin = || Origin::new(TransportId::parse("spool").unwrap(), Address::general("c"));
        let by = |who: &str| Source::Message(origin().sender(Some(Sender::new(who))));
        let denied = Verdict::deny("only administrators run codex; ask Mia");
        assert_eq!(verdict(by("boss"), Role::Member).await, Verdict::Allow);
        assert_eq!(verdict(by("me"), Role::Admin).await, Verdict::Allow);
        assert_eq!(verdict(by("me"), Role::Member).await, denied);
        assert_eq!(verdict(Source::Message(origin()), Role::Admin).await, denied);
        assert_eq!(verdict(Source::Terminal, Role::Member).await, Verdict::Allow);
    }
}
