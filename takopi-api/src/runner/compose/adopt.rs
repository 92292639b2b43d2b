//! Events of an inner run become those of the outer one.

use crate::engine::EngineId;
use crate::event::{ActionId, Event, RequestId};

/// The event as the outer engine says it. Two inner runs may use the same ids, so each has a number before its own.
pub(super) fn event(engine: &EngineId, run: u32, mut event: Event) -> Event {
    let action_id = |id: &ActionId| ActionId::new(format!("{run}.{}", id.as_str()));
    match &mut event {
        Event::Action(action) => {
            action.engine = engine.clone();
            action.action.id = action_id(&action.action.id);
            let parent = &mut action.action.detail.parent;
            *parent = parent.as_ref().map(action_id);
        }
        Event::Text(text) => text.engine = engine.clone(),
        Event::Request(request) => {
            request.engine = engine.clone();
            request.request.id = request_id(run, &request.request.id);
        }
        Event::RequestResolved(resolved) => {
            resolved.engine = engine.clone();
            resolved.request_id = request_id(run, &resolved.request_id);
        }
        // They are the outer run's own, and not made of the inner one's.
        Event::Started(_) | Event::Completed(_) => {}
    }
    event
}

fn request_id(run: u32, id: &RequestId) -> RequestId {
    RequestId::new(format!("{run}.{}", id.as_str()))
}

/// The inner run that a request of the outer one comes from, and what it is called there.
pub(super) fn origin(request: &RequestId) -> Option<(u32, RequestId)> {
    let (run, id) = request.as_str().split_once('.')?;
    Some((run.parse().ok()?, RequestId::new(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{
        Action, ActionEvent, ActionKind, Phase, Request, RequestEvent, RequestSubject, Text, TextKind,
    };

    const OUTER: EngineId = EngineId::from_static("outer");
    const INNER: EngineId = EngineId::from_static("inner");

    #[test]
    fn steps_of_two_runs_are_told_apart() {
        let mut action = Action::new("a", ActionKind::Tool, "look");
        action.detail.parent = Some("b".into());
        let step = Event::Action(ActionEvent::new(INNER, action, Phase::Started));
        let ids = [1, 2].map(|run| match event(&OUTER, run, step.clone()) {
            Event::Action(event) => {
                assert_eq!(event.engine, OUTER);
                (event.action.id.as_str().to_owned(), event.action.detail.parent)
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(ids, [("1.a".into(), Some("1.b".into())), ("2.a".into(), Some("2.b".into()))]);
        let text = event(&OUTER, 1, Event::Text(Text::new(INNER, TextKind::Answer, "hi")));
        assert_eq!(*text.engine(), OUTER);
    }

    #[test]
    fn a_request_leads_back_to_its_run() {
        for id in ["7", "a.b", ""] {
            let subject = RequestSubject::Plan { text: String::new() };
            let request = Request::new(RequestId::new(id), "ok?", subject);
            let asked = event(&OUTER, 12, Event::Request(RequestEvent::new(INNER, request)));
            let Event::Request(asked) = asked else { panic!("{asked:?}") };
            assert_eq!(origin(&asked.request.id), Some((12, RequestId::new(id))));
        }
        for id in ["", "7", "x.7", "-1.7"] {
            assert_eq!(origin(&RequestId::new(id)), None, "{id}");
        }
    }
}
