//! Lists that get longer: what stands in them stays as it is written, comments included.

use toml_edit::{Array, Item, Value};

use crate::config::setting::Setting;

/// Adds to a list what another one has besides it, at its end. Says no, and changes nothing, if they differ elsewhere.
pub(super) fn grow(old: &mut Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_array_mut(), new.as_array()) else { return false };
    let begins_alike =
        old.len() <= new.len() && old.iter().zip(new.iter()).all(|(one, other)| is_same(one, other));
    if begins_alike {
        new.iter().skip(old.len()).for_each(|value| push(old, value.clone()));
    }
    begins_alike
}

fn is_same(one: &Value, other: &Value) -> bool {
    let shown =
        |value: &Value| Setting::of_item(&Item::Value(value.clone())).map(|setting| setting.to_string());
    shown(one) == shown(other)
}

fn push(list: &mut Array, mut value: Value) {
    let has_comma = list.trailing_comma();
    let is_first = list.is_empty();
    let last = list.len().checked_sub(1).and_then(|last| list.get_mut(last));
    let (indent, suffix) = last.map_or_else(Default::default, |last| {
        let raw = |raw: Option<&toml_edit::RawString>| {
            raw.and_then(|raw| raw.as_str()).unwrap_or_default().to_owned()
        };
        let (prefix, suffix) = (raw(last.decor().prefix()), raw(last.decor().suffix()));
        if !has_comma {
            last.decor_mut().set_suffix("");
        }
        (prefix.rsplit_once('\n').map(|(_, indent)| indent.to_owned()), suffix)
    });
    // What stands between the last value and the bracket, which is behind the comma from now on.
    let tail =
        if has_comma || is_first { list.trailing().as_str().unwrap_or_default().to_owned() } else { suffix };
    let (before, after) = match tail.rsplit_once('\n') {
        Some((line, closing)) => {
            (format!("{line}\n{}", indent.unwrap_or_else(|| closing.to_owned())), format!("\n{closing}"))
        }
        None if is_first => (String::new(), String::new()),
        None => (" ".to_owned(), tail),
    };
    value.decor_mut().set_prefix(before);
    value.decor_mut().set_suffix(if has_comma { "" } else { &after });
    list.push_formatted(value);
    list.set_trailing_comma(has_comma);
    list.set_trailing(if has_comma { after } else { String::new() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_list_stays_as_it_is() {
        let check = |old: &str, new: &str, expected: Option<&str>| {
            let mut value: Value = old.parse().unwrap();
            let grew = grow(&mut value, &new.parse().unwrap());
            assert_eq!(grew, expected.is_some(), "{old:?}");
            assert_eq!(value.to_string(), expected.unwrap_or(old), "{old:?}");
            assert!(format!("a = {value}\n").parse::<toml_edit::DocumentMut>().is_ok(), "{value}");
        };
        check("[7]", "[7, 8]", Some("[7, 8]"));
        check("[ 7 ]", "[7, 8, 9]", Some("[ 7, 8, 9 ]"));
        check("[7,]", "[7, 8]", Some("[7, 8,]"));
        check("[]", "[7, 8]", Some("[7, 8]"));
        check("[7, 8]", "[7, 8]", Some("[7, 8]"));
        check("[\n  7, # Mia\n]", "[7, 8]", Some("[\n  7, # Mia\n  8,\n]"));
        check("[\n  7, # Mia\n]", "[7, 8, 9]", Some("[\n  7, # Mia\n  8,\n  9,\n]"));
        check("[\n  7 # Mia\n  ]", "[7, 8]", Some("[\n  7, # Mia\n  8\n  ]"));
        check("[ # nobody\n]", "[7]", Some("[ # nobody\n7\n]"));
        check("[7]", "[8]", None);
        check("[7, 8]", "[7]", None);
        check("7", "[7]", None);
    }
}
