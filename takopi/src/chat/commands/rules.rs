//! `/rules`: what is allowed without asking, and how to take it back.

use std::sync::Arc;

use takopi_api::message::{
    Button, ButtonData, ChatKind, OutgoingMessage, PersonId, Press, SendOptions, Sender,
};
use takopi_api::transport::People;

use super::super::conversation::{Inner, Link};
use super::super::requests::rules::line;
use super::super::view;
use super::{Answer, Use, say, usage};
use crate::age::ago;
use crate::store::{Place, Revoked, Rule, RuleId};

/// What a button that takes a rule back begins with. It carries the rule's number: who presses is looked at, and a number
/// is given once.
const PREFIX: &str = "takopi:rule:";

/// How many rules a message shows: the youngest.
const SHOWN: usize = 20;

/// How many buttons stand in a row.
const IN_A_ROW: usize = 4;

const NO_SUCH_RULE: &str = "there is no such rule here";

/// The rule that a button takes back; none if it is another button.
pub(in crate::chat) fn of_button(data: &str) -> Option<RuleId> {
    RuleId::parse(data.strip_prefix(PREFIX)?)
}

pub(super) async fn handle(used: Use) -> Answer {
    let viewer =
        Viewer::new(&used.inner, &used.link, &used.place, used.message.chat, used.message.sender.as_ref());
    match used.words().as_slice() {
        [] | ["show"] => Ok(Some(viewer.list().await?)),
        ["revoke", number] => match RuleId::parse(number) {
            Some(rule) => say(viewer.revoke(rule).await?),
            None => say(NO_SUCH_RULE),
        },
        _ => usage("rules"),
    }
}

impl Inner {
    /// A press of a button that takes a rule back.
    pub(in crate::chat) async fn press_rule(
        self: &Arc<Self>,
        link: &Link,
        press: &Press,
        rule: RuleId,
    ) -> String {
        let place = Place::new(link.id.clone(), press.message.address.clone());
        let viewer = Viewer::new(self, link, &place, press.chat, press.sender.as_ref());
        let said = match viewer.revoke(rule).await {
            Ok(said) => said,
            Err(error) => return error.to_string(),
        };
        let (inner, link, press) = (Arc::clone(self), link.clone(), press.clone());
        // The press is answered first.
        self.spawn(async move {
            let viewer = Viewer::new(&inner, &link, &place, press.chat, press.sender.as_ref());
            let Ok(list) = viewer.list().await else { return };
            if let Err(error) =
                link.amend(Some(&press.message), &place.address, list, SendOptions::default()).await
            {
                tracing::warn!(transport = %link.id, %error, "the rules could not be shown again");
            }
        });
        said
    }
}

/// Somebody who looks at rules.
struct Viewer<'a> {
    inner: &'a Inner,
    place: &'a Place,
    sender: Option<&'a Sender>,
    rights: Rights,
}

/// What somebody may see and do, where they look from.
#[derive(Debug, Clone)]
struct Rights {
    chat: Place,
    /// Whether nobody else reads what is said here.
    is_private: bool,
    person: Option<PersonId>,
    /// Whether they may decide what others are asked.
    is_approver: bool,
}

impl Rights {
    /// In a group, only what was allowed there: commands and folders of elsewhere are nobody's business.
    fn sees(&self, rule: &Rule) -> bool {
        rule.place.transport == self.chat.transport
            && (rule.place.chat() == self.chat || self.is_private && self.may_revoke(rule))
    }

    fn may_revoke(&self, rule: &Rule) -> bool {
        let is_own = || match (&rule.made_by, &self.person) {
            (Some(maker), Some(person)) => maker.id == *person,
            _ => false,
        };
        rule.place.transport == self.chat.transport && (self.is_approver || is_own())
    }
}

impl<'a> Viewer<'a> {
    fn new(
        inner: &'a Inner,
        link: &Link,
        place: &'a Place,
        chat: ChatKind,
        sender: Option<&'a Sender>,
    ) -> Self {
        // Whoever is there is the same person.
        let is_local = link.access.people == People::Local;
        let is_named = inner.is_approver(link, sender.map(|sender| &sender.id));
        let rights = Rights {
            chat: place.chat(),
            is_private: is_local || chat == ChatKind::Private,
            person: sender.map(|sender| sender.id.clone()),
            is_approver: is_local || is_named,
        };
        Self { inner, place, sender, rights }
    }

    /// The rules, with a button for each that may be taken back.
    async fn list(&self) -> Result<OutgoingMessage, takopi_api::error::Error> {
        let all = self.inner.store().rules().await?;
        let seen: Vec<&Rule> = all.iter().filter(|rule| self.rights.sees(rule)).collect();
        Ok(listed(&seen, &self.rights))
    }

    async fn revoke(&self, id: RuleId) -> Result<String, takopi_api::error::Error> {
        let rules = self.inner.store().rules().await?;
        let Some(rule) = rules.iter().find(|rule| rule.id == id) else { return Ok(NO_SUCH_RULE.to_owned()) };
        if !self.rights.may_revoke(rule) {
            let is_seen = self.rights.sees(rule);
            let refusal =
                if is_seen { "only who made it, or an approver, may take it back" } else { NO_SUCH_RULE };
            return Ok(refusal.to_owned());
        }
        tracing::info!(rule = %id, place = %self.place, "a rule is revoked");
        Ok(match self.inner.store().revoke_rule(id, self.sender).await? {
            Revoked::Now(_) => format!("rule {id} is revoked: its like is asked again"),
            Revoked::NoSuchRule => NO_SUCH_RULE.to_owned(),
        })
    }
}

/// A list of rules, the youngest last.
fn listed(rules: &[&Rule], rights: &Rights) -> OutgoingMessage {
    if rules.is_empty() {
        return view::notice("nothing is allowed here without asking");
    }
    let shown = &rules[rules.len().saturating_sub(SHOWN)..];
    let mut lines = vec!["allowed here without asking:".to_owned()];
    if let left_out @ 1.. = rules.len() - shown.len() {
        lines.push(format!("({left_out} older ones are not shown)"));
    }
    lines.extend(shown.iter().map(|rule| {
        let maker = rule.made_by.as_ref().map(|maker| format!("{maker}, ")).unwrap_or_default();
        let maker = takopi_api::markdown::escape(&maker);
        format!("{} · {} · {maker}{}", rule.id, line(rule), ago(rule.made_at))
    }));
    let own: Vec<RuleId> = shown.iter().filter(|rule| rights.may_revoke(rule)).map(|rule| rule.id).collect();
    if let Some(id) = own.last() {
        lines.push(format!("take one back: `/rules revoke {id}`"));
    }
    let rows = own.chunks(IN_A_ROW).map(|ids| ids.iter().filter_map(|id| button(*id)));
    rows.fold(view::notice(lines.join("\n")), OutgoingMessage::buttons)
}

fn button(id: RuleId) -> Option<Button> {
    let data = ButtonData::new(format!("{PREFIX}{id}")).ok()?;
    Some(Button::new(format!("revoke {id}"), data))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use takopi_api::engine::EngineId;
    use takopi_api::message::Address;
    use takopi_api::transport::TransportId;

    use super::*;
    use crate::store::{Covers, RuleScope};

    fn place(transport: &str, channel: &str) -> Place {
        Place::new(TransportId::parse(transport).unwrap(), Address::general(channel))
    }

    fn rule(number: &str, place: Place, maker: Option<&str>) -> Rule {
        Rule {
            id: RuleId::parse(number).unwrap(),
            engine: EngineId::from_static("acme"),
            scope: RuleScope::Always,
            project: Some("web".into()),
            folder: "/web".into(),
            covers: Covers::Files { tool: "edit".into() },
            place,
            made_by: maker.map(Sender::new),
            made_at: SystemTime::now(),
        }
    }

    fn rights(person: &str) -> Rights {
        Rights {
            chat: place("chat", "group"),
            is_private: false,
            person: Some(PersonId::new(person)),
            is_approver: false,
        }
    }

    #[test]
    fn who_made_a_rule_takes_it_back_and_so_do_approvers() {
        let made = rule("1", place("chat", "group"), Some("ann"));
        assert!(rights("ann").may_revoke(&made));
        assert!(!rights("bob").may_revoke(&made));
        assert!(Rights { is_approver: true, ..rights("bob") }.may_revoke(&made));
        assert!(!Rights { person: None, ..rights("bob") }.may_revoke(&made));
        // Another chat system may have somebody else of this id.
        let elsewhere = rule("1", place("other", "group"), Some("ann"));
        assert!(!Rights { is_approver: true, ..rights("ann") }.may_revoke(&elsewhere));
        let nobody = rule("1", place("chat", "group"), None);
        assert!(!Rights { person: None, ..rights("bob") }.may_revoke(&nobody));
    }

    #[test]
    fn a_group_sees_what_was_allowed_in_it() {
        let here = rule("1", place("chat", "group"), Some("ann"));
        let elsewhere = rule("2", place("chat", "private"), Some("ann"));
        let other = rule("3", place("other", "group"), Some("ann"));
        let sees = |rights: &Rights| [&here, &elsewhere, &other].map(|rule| rights.sees(rule));
        assert_eq!(sees(&rights("bob")), [true, false, false]);
        assert_eq!(sees(&rights("ann")), [true, false, false]);
        assert_eq!(sees(&Rights { is_private: true, ..rights("ann") }), [true, true, false]);
        assert_eq!(sees(&Rights { is_private: true, ..rights("bob") }), [true, false, false]);
        let approver = Rights { is_private: true, is_approver: true, ..rights("bob") };
        assert_eq!(sees(&approver), [true, true, false]);
    }

    #[test]
    fn a_list_has_buttons_for_what_may_be_taken_back() {
        let rules: Vec<Rule> = (1..=30)
            .map(|n: u8| {
                rule(
                    &n.to_string(),
                    place("chat", "group"),
                    Some(if n.is_multiple_of(2) { "ann" } else { "bob" }),
                )
            })
            .collect();
        let list = listed(&rules.iter().collect::<Vec<_>>(), &rights("ann"));
        let labels: Vec<_> = list.buttons.iter().flatten().map(|button| button.label.as_str()).collect();
        assert_eq!(labels.len(), 10);
        assert_eq!((labels[0], labels[9]), ("revoke 12", "revoke 30"));
        let text = list.body.joined();
        assert!(text.contains("(10 older ones are not shown)"), "{text}");
        assert!(text.contains("30 · `edit` of files in project web · acme · ann, just now"), "{text}");
        let of_bob = listed(&[&rules[0]], &rights("ann"));
        assert!(of_bob.buttons.is_empty() && !of_bob.body.joined().contains("take one back"));
    }

    #[test]
    fn a_button_names_a_rule_or_nothing() {
        let rule = RuleId::parse("7").unwrap();
        assert_eq!(of_button("takopi:rule:7"), Some(rule));
        for data in ["takopi:rule:", "takopi:rule:0", "takopi:rule:-1", "takopi:rule:x", "takopi:r:7", "7"] {
            assert_eq!(of_button(data), None, "{data}");
        }
    }
}
