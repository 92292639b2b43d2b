//! A value of the file on its own: as it is typed, and as it is shown and written.

use std::fmt;

use serde_json::Value as Json;
use takopi_api::config::Flag;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Value};

/// A value of the file. It is shown as one line of TOML, whatever the file has; it may be a secret.
#[derive(Clone)]
pub struct Setting(Value);

impl Setting {
    /// A plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self(Value::from(text.into()))
    }

    /// What a person typed: a value of TOML, or else the text itself. Blanks around it do not count.
    #[must_use]
    pub fn typed(typed: &str) -> Self {
        let typed = typed.trim();
        if typed.is_empty() {
            return Self::text("");
        }
        // As a line of a file, so that a comment after the value is none of it; a second line would be another key.
        let parsed = format!("value = {typed}").parse::<DocumentMut>();
        let value = parsed.ok().and_then(|mut document| {
            let is_alone = document.len() == 1;
            document.remove("value").filter(|_| is_alone)?.into_value().ok()
        });
        value.map_or_else(|| Self::text(typed), Self)
    }

    /// What a variable holds: as [`Self::typed`], but a list or an object may also be JSON.
    #[must_use]
    pub fn of_variable(held: &str) -> Self {
        let setting = Self::typed(held);
        let is_json = setting.0.is_str() && held.trim_start().starts_with(['[', '{']);
        let json = is_json.then(|| serde_json::from_str(held).ok().and_then(of_json)).flatten();
        json.map_or(setting, Self)
    }

    /// A value of JSON; `None` if it holds a null, which TOML has not.
    #[must_use]
    pub fn of_json(json: Json) -> Option<Self> {
        of_json(json).map(Self)
    }

    /// The value of a key as it stands in a file.
    pub(super) fn of_item(item: &Item) -> Option<Self> {
        item.clone().into_value().ok().map(Self)
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_str()
    }

    /// Whether it means true or false where one of them is expected.
    pub(super) fn as_flag(&self) -> Option<bool> {
        match &self.0 {
            Value::Boolean(value) => Some(*value.value()),
            Value::Integer(value) => Flag::of_number(*value.value()).map(|Flag(flag)| flag),
            Value::String(value) => Flag::of_word(value.value()).map(|Flag(flag)| flag),
            _ => None,
        }
    }

    /// The value as the file gets it.
    pub(super) fn to_value(&self) -> Value {
        // What was just written as TOML is TOML; and if not, it is still what was meant.
        self.to_string().parse().unwrap_or_else(|_| self.0.clone())
    }
}

impl From<bool> for Setting {
    fn from(flag: bool) -> Self {
        Self(Value::from(flag))
    }
}

impl From<i64> for Setting {
    fn from(number: i64) -> Self {
        Self(Value::from(number))
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(&self.0, f)
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting({})", self.0.type_name())
    }
}

/// A text as TOML's basic string: that of JSON, but for one character that TOML wants escaped.
pub(super) fn quoted(text: &str) -> String {
    Json::from(text).to_string().replace('\u{7f}', "\\u007F")
}

fn write_value(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        Value::String(text) => f.write_str(&quoted(text.value())),
        Value::Integer(number) => write!(f, "{}", number.value()),
        Value::Float(number) => f.write_str(&toml_edit::Formatted::new(*number.value()).display_repr()),
        Value::Boolean(flag) => write!(f, "{}", flag.value()),
        Value::Datetime(time) => write!(f, "{}", time.value()),
        Value::Array(values) => {
            f.write_str("[")?;
            for (n, value) in values.iter().enumerate() {
                if n > 0 {
                    f.write_str(", ")?;
                }
                write_value(value, f)?;
            }
            f.write_str("]")
        }
        Value::InlineTable(table) if table.is_empty() => f.write_str("{}"),
        Value::InlineTable(table) => {
            f.write_str("{ ")?;
            for (n, (key, value)) in table.iter().enumerate() {
                if n > 0 {
                    f.write_str(", ")?;
                }
                write!(f, "{} = ", toml_edit::Key::new(key).display_repr())?;
                write_value(value, f)?;
            }
            f.write_str(" }")
        }
    }
}

/// TOML has no null, so nothing that holds one.
fn of_json(json: Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(flag) => flag.into(),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64()?.into(),
        },
        Json::String(text) => text.into(),
        Json::Array(values) => values.into_iter().map(of_json).collect::<Option<Array>>()?.into(),
        Json::Object(members) => {
            let members = members.into_iter().map(|(key, value)| Some((key, of_json(value)?)));
            members.collect::<Option<InlineTable>>()?.into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, shown: &str) {
        let setting = Setting::typed(typed);
        assert_eq!(setting.to_string(), shown);
        assert_eq!(setting.to_value().to_string().trim(), shown, "as it is written");
    }

    #[test]
    fn what_is_typed_is_toml_or_a_text() {
        check("work", r#""work""#);
        check("True", r#""True""#);
        check("true", "true");
        check(" 5 # a comment", "5");
        check("0x10", "16");
        check("1_000", "1000");
        check("1.0", "1.0");
        check("1e3", "1000.0");
        check("-100123", "-100123");
        check("inf", "inf");
        check("'quoted'", r#""quoted""#);
        check(r#""a\tb""#, r#""a\tb""#);
        check("", r#""""#);
        check("  ", r#""""#);
        check("2024-05-01", "2024-05-01");
        check("[ 1,\n 2, # two\n ]", "[1, 2]");
        check("[{ b = 1 }, []]", "[{ b = 1 }, []]");
        check("{ a = 1, 'b c' = [true], d.e = 2 }", "{ a = 1, \"b c\" = [true], d = { e = 2 } }");
        check("{}", "{}");
        check("~/src", r#""~/src""#);
        check("say \"hi\" \\ now", r#""say \"hi\" \\ now""#);
        check("\u{7f}\u{1}", r#""\u007F\u0001""#);
        check("'''two\nlines'''", r#""two\nlines""#);
    }

    #[test]
    fn no_second_key_is_smuggled_in() {
        check("1\nother = 2", r#""1\nother = 2""#);
        check("1\n[other]", r#""1\n[other]""#);
        check("1\nvalue.x = 2", r#""1\nvalue.x = 2""#);
    }

    #[test]
    fn variables_may_hold_json() {
        let check = |held: &str, shown: &str| assert_eq!(Setting::of_variable(held).to_string(), shown);
        check(r#"["a","b"]"#, r#"["a", "b"]"#);
        check(r#"{"profile":"x","n":[1,2.5,true]}"#, r#"{ profile = "x", n = [1, 2.5, true] }"#);
        check(r#"["\ud83d\ude00","a\/b"]"#, r#"["😀", "a/b"]"#);
        check("[null]", r#""[null]""#);
        check("[broken", r#""[broken""#);
        check("-100", "-100");
    }

    #[test]
    fn words_for_true_and_false() {
        let flag = |typed: &str| Setting::typed(typed).as_flag();
        assert!(["true", "YES", "'on'", "1", "y", "T"].into_iter().all(|word| flag(word) == Some(true)));
        assert!(["false", "No", "'off'", "0"].into_iter().all(|word| flag(word) == Some(false)));
        assert!(["2", "maybe", "", "1.0", "[]"].into_iter().all(|word| flag(word).is_none()));
    }

    #[test]
    fn the_debug_form_holds_no_value() {
        assert_eq!(format!("{:?}", Setting::text("hunter2")), "Setting(string)");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_again(typed in "[\\[\\]{}a-c=.,'\"\\\\\n0-9#é -]{0,40}") {
            let setting = Setting::typed(&typed);
            let again = Setting::typed(&setting.to_string());
            assert_eq!(again.to_string(), setting.to_string());
        }
    }
}
