//! The buttons below a message.

use serde_json::Value;

use crate::bot_api::message::Button;
use crate::bot_api::params::Params;
use crate::bot_api::refusal::Refusal;

/// How many bytes of data a button may carry.
const DATA: usize = 64;

/// How many buttons a message may have.
const BUTTONS: usize = 100;

/// What a button can do beside giving data back.
const OTHERS: [&str; 8] = [
    "url",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
];

/// What a call says of the place below a message.
#[derive(Debug, PartialEq)]
pub(super) enum Markup {
    Nothing,
    Buttons(Vec<Vec<Button>>),
    /// A keyboard in place of the person's own, and the like.
    Other,
}

impl Markup {
    pub(super) fn read(params: &Params) -> Result<Self, Refusal> {
        let Some(markup) = params.structure("reply_markup", "reply keyboard markup")? else {
            return Ok(Self::Nothing);
        };
        let Value::Object(markup) = markup else {
            return Err(Refusal::bad("object expected as reply markup"));
        };
        let rows = match markup.get("inline_keyboard") {
            None => return Ok(Self::Other),
            Some(Value::Array(rows)) => rows,
            Some(_) => {
                return Err(Refusal::bad("field \"inline_keyboard\" must be of type Array"));
            }
        };
        let rows = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        if rows.iter().map(Vec::len).sum::<usize>() > BUTTONS {
            return Err(Refusal::bad("REPLY_MARKUP_TOO_LONG"));
        }
        Ok(Self::Buttons(rows.into_iter().filter(|row| !row.is_empty()).collect()))
    }

    /// The buttons of a new message.
    pub(super) fn of_new(self) -> Vec<Vec<Button>> {
        match self {
            Self::Buttons(rows) => rows,
            Self::Nothing | Self::Other => Vec::new(),
        }
    }

    /// The buttons of a message that is changed. Saying nothing takes them away.
    pub(super) fn of_changed(self) -> Result<Vec<Vec<Button>>, Refusal> {
        match self {
            Self::Buttons(rows) => Ok(rows),
            Self::Nothing => Ok(Vec::new()),
            Self::Other => Err(Refusal::bad("inline keyboard expected")),
        }
    }
}

fn row(row: &Value) -> Result<Vec<Button>, Refusal> {
    let Value::Array(row) = row else {
        return Err(Refusal::bad("field \"inline_keyboard\" must be an Array of Arrays"));
    };
    row.iter().map(button).collect()
}

fn button(json: &Value) -> Result<Button, Refusal> {
    let cannot = |why: &str| Refusal::bad(format!("can't parse inline keyboard button: {why}"));
    let Value::Object(fields) = json else { return Err(cannot("InlineKeyboardButton must be an Object")) };
    let label = match fields.get("text") {
        Some(Value::String(label)) if label.trim().is_empty() => return Err(Refusal::bad("BUTTON_INVALID")),
        Some(Value::String(label)) => label.clone(),
        Some(_) => return Err(cannot("Field \"text\" must be of type String")),
        None => return Err(cannot("Can't find field \"text\"")),
    };
    let data = match fields.get("callback_data") {
        None => None,
        Some(Value::String(data)) if data.is_empty() || data.len() > DATA => {
            return Err(Refusal::bad("BUTTON_DATA_INVALID"));
        }
        Some(Value::String(data)) => Some(data.clone()),
        Some(_) => return Err(cannot("Field \"callback_data\" must be of type String")),
    };
    if data.is_none() && !OTHERS.iter().any(|other| fields.contains_key(*other)) {
        return Err(cannot("Text buttons are unallowed in the inline keyboard"));
    }
    if let Some(url) = fields.get("url").and_then(Value::as_str) {
        let is_link = ["http://", "https://", "tg://"].iter().any(|scheme| url.starts_with(scheme));
        if !is_link || url.contains(char::is_whitespace) {
            return Err(Refusal::bad(format!(
                "inline keyboard button URL '{url}' is invalid: Wrong HTTP URL"
            )));
        }
    }
    Ok(Button { label, data, json: json.clone() })
}
