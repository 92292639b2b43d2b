//! What a session lets a client choose: modes and models, in the ways in which agents offer them.

use agent_client_protocol::v1::schema::{
    LoadSessionResponse, SessionConfigKind, SessionConfigOption, SessionConfigOptionCategory,
    SessionConfigSelectOptions, SessionId, SetSessionConfigOptionRequest, SetSessionModeRequest,
};
use agent_client_protocol::{Error, RawJsonRpcMessage};
use serde_json::{Value, json};

use crate::rpc;

/// How many names a message lists. Some agents have hundreds of models.
const LISTED: usize = 24;

/// What of a session can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The mode in which the agent works.
    Mode,
    /// Its model.
    Model,
}

impl Sort {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Model => "model",
        }
    }
}

/// How a choice is told to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// By the method for it.
    Method,
    /// As an option of the session.
    Option(String),
}

/// What there is to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choices {
    way: Way,
    current: Option<String>,
    ids: Vec<String>,
}

/// What an agent offers for a session.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    modes: Option<Choices>,
    models: Option<Choices>,
}

/// What is to be done so that a session works as it is wanted.
#[derive(Debug)]
pub(crate) enum Choice {
    /// Nothing: it does so already, or nothing is wanted.
    AsItIs,
    /// The agent is told.
    Tell(RawJsonRpcMessage),
}

impl Offer {
    /// Reads what the agent answered when it opened a session.
    pub(crate) fn read(opened: &Value) -> Self {
        let response: LoadSessionResponse = serde_json::from_value(opened.clone()).unwrap_or_default();
        let options = response.config_options.unwrap_or_default();
        let modes = response.modes.map(|modes| Choices {
            way: Way::Method,
            current: Some(modes.current_mode_id.to_string()),
            ids: modes.available_modes.iter().map(|mode| mode.id.to_string()).collect(),
        });
        Self {
            modes: modes.or_else(|| option(&options, &SessionConfigOptionCategory::Mode)),
            models: option(&options, &SessionConfigOptionCategory::Model).or_else(|| models(opened)),
        }
    }

    /// What is to be done so that this is chosen in the session.
    ///
    /// # Errors
    /// If there is no such thing to choose: what there is.
    pub(crate) fn choose(
        &self,
        sort: Sort,
        wanted: Option<&str>,
        session: &SessionId,
        call: i64,
    ) -> Result<Choice, String> {
        let Some(wanted) = wanted else { return Ok(Choice::AsItIs) };
        let choices = match sort {
            Sort::Mode => self.modes.as_ref(),
            Sort::Model => self.models.as_ref(),
        };
        let Some(choices) = choices else {
            return match sort {
                // An agent may keep its modes to itself. It says by an error that there is none of this name.
                Sort::Mode => tell(sort, &Way::Method, wanted, session, call),
                Sort::Model => Err("it has no models to choose from".to_owned()),
            };
        };
        if choices.current.as_deref() == Some(wanted) {
            return Ok(Choice::AsItIs);
        }
        if !choices.ids.iter().any(|id| id == wanted) {
            return Err(choices.without(sort, wanted));
        }
        tell(sort, &choices.way, wanted, session, call)
    }

    /// Tells the agent the mode that it is in, if it said which that is.
    pub(crate) fn again(&self, session: &SessionId, call: i64) -> Option<RawJsonRpcMessage> {
        let modes = self.modes.as_ref()?;
        match tell(Sort::Mode, &modes.way, modes.current.as_deref()?, session, call) {
            Ok(Choice::Tell(message)) => Some(message),
            Ok(Choice::AsItIs) | Err(_) => None,
        }
    }
}

impl Choices {
    fn without(&self, sort: Sort, wanted: &str) -> String {
        let what = sort.as_str();
        let mut ids: Vec<&str> = self.ids.iter().take(LISTED).map(String::as_str).collect();
        if self.ids.len() > LISTED {
            ids.push("…");
        }
        match &ids[..] {
            [] => format!("it has no {what} `{wanted}`"),
            ids => format!("it has no {what} `{wanted}`\n{what}s: {}", ids.join(", ")),
        }
    }
}

fn tell(sort: Sort, way: &Way, wanted: &str, session: &SessionId, call: i64) -> Result<Choice, String> {
    let told = match (way, sort) {
        (Way::Option(option), _) => {
            rpc::call(call, &SetSessionConfigOptionRequest::new(session.clone(), option.clone(), wanted))
        }
        (Way::Method, Sort::Mode) => {
            rpc::call(call, &SetSessionModeRequest::new(session.clone(), wanted.to_owned()))
        }
        // The protocol took this method back; agents that have no options for their models still know it.
        (Way::Method, Sort::Model) => {
            rpc::call_of(call, "session/set_model", json!({ "sessionId": session, "modelId": wanted }))
        }
    };
    told.map(Choice::Tell).map_err(|error: Error| error.to_string())
}

fn option(options: &[SessionConfigOption], category: &SessionConfigOptionCategory) -> Option<Choices> {
    let option = options.iter().find(|option| option.category.as_ref() == Some(category))?;
    let SessionConfigKind::Select(select) = &option.kind else { return None };
    let ids = match &select.options {
        SessionConfigSelectOptions::Ungrouped(options) => {
            options.iter().map(|option| option.value.to_string()).collect()
        }
        SessionConfigSelectOptions::Grouped(groups) => {
            groups.iter().flat_map(|group| &group.options).map(|option| option.value.to_string()).collect()
        }
        _ => Vec::new(),
    };
    Some(Choices {
        way: Way::Option(option.id.to_string()),
        current: Some(select.current_value.to_string()),
        ids,
    })
}

fn models(opened: &Value) -> Option<Choices> {
    let models = opened.get("models")?;
    let id = |model: &Value| Some(model.get("modelId")?.as_str()?.to_owned());
    Some(Choices {
        way: Way::Method,
        current: models.get("currentModelId").and_then(Value::as_str).map(str::to_owned),
        ids: models.get("availableModels")?.as_array()?.iter().filter_map(id).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(opened: &Value, sort: Sort, wanted: &str) -> Result<Option<Value>, String> {
        let choice = Offer::read(opened).choose(sort, Some(wanted), &SessionId::new("s"), 7)?;
        Ok(match choice {
            Choice::AsItIs => None,
            Choice::Tell(message) => Some(serde_json::to_value(message).unwrap()),
        })
    }

    fn told(method: &str, params: &Value) -> Value {
        json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
    }

    #[test]
    fn a_mode_is_set_if_it_is_there_and_another_one_holds() {
        let mode = |id: &str| json!({ "id": id, "name": id });
        let opened =
            json!({ "modes": { "currentModeId": "auto", "availableModes": [mode("auto"), mode("plan")] } });
        assert_eq!(choose(&opened, Sort::Mode, "auto"), Ok(None));
        let plan = told("session/set_mode", &json!({ "sessionId": "s", "modeId": "plan" }));
        assert_eq!(choose(&opened, Sort::Mode, "plan"), Ok(Some(plan)));
        let refused = "it has no mode `yolo`\nmodes: auto, plan".to_owned();
        assert_eq!(choose(&opened, Sort::Mode, "yolo"), Err(refused));
    }

    #[test]
    fn an_agent_that_names_no_modes_is_told_all_the_same() {
        let plan = told("session/set_mode", &json!({ "sessionId": "s", "modeId": "plan" }));
        assert_eq!(choose(&json!(null), Sort::Mode, "plan"), Ok(Some(plan)));
        assert!(choose(&json!({}), Sort::Model, "large").is_err());
    }

    #[test]
    fn options_of_a_session_are_another_way_to_the_same() {
        let select = |id: &str, category: &str, options: Value| {
            let mut option = json!({ "id": id, "name": id, "category": category, "type": "select" });
            option["currentValue"] = json!("a");
            option["options"] = options;
            option
        };
        let option = |value: &str| json!({ "value": value, "name": value });
        let opened = json!({ "configOptions": [
            { "id": "odd", "type": "slider" },
            select("m", "mode", json!([option("a"), option("b")])),
            select("x", "model", json!([{ "group": "g", "name": "g", "options": [option("c")] }])),
        ] });
        let set = |id: &str, value: &str| {
            told("session/set_config_option", &json!({ "sessionId": "s", "configId": id, "value": value }))
        };
        assert_eq!(choose(&opened, Sort::Mode, "b"), Ok(Some(set("m", "b"))));
        assert_eq!(choose(&opened, Sort::Model, "c"), Ok(Some(set("x", "c"))));
    }

    #[test]
    fn models_of_the_older_form_are_set_by_their_method() {
        let opened =
            json!({ "models": { "availableModels": [{ "modelId": "auto" }, { "modelId": "pro" }, {}] } });
        let pro = told("session/set_model", &json!({ "sessionId": "s", "modelId": "pro" }));
        assert_eq!(choose(&opened, Sort::Model, "pro"), Ok(Some(pro)));
    }
}
