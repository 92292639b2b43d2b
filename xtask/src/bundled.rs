//! The table in the program that names the plugins: `bundled! { "engine-codex" => takopi_engine_codex, }`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::plugin::PluginName;

/// Where the table is.
pub(crate) const FILE: &str = "takopi/src/bundled.rs";

/// The table as it stands in the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// The line of its closing brace, from 1.
    end: usize,
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) feature: String,
    pub(crate) krate: String,
    /// The line on which it stands, from 1.
    line: usize,
}

/// Reads the table; the error is a sentence without the file.
pub(crate) fn parse(source: &str) -> Result<Table, String> {
    let tokens: TokenStream = source.parse().map_err(|error| format!("is no Rust: {error}"))?;
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let table = tokens.windows(3).find_map(|window| match window {
        [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(group)]
            if name == "bundled" && bang.as_char() == '!' && group.delimiter() == Delimiter::Brace =>
        {
            Some(group)
        }
        _ => None,
    });
    let table = table.ok_or("has no table `bundled! { … }`")?;
    Ok(Table { rows: rows(table.stream())?, end: table.span_close().start().line })
}

fn rows(table: TokenStream) -> Result<Vec<Row>, String> {
    let tokens: Vec<TokenTree> = table.into_iter().collect();
    let rows = tokens.split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','));
    rows.filter(|row| !row.is_empty())
        .map(|row| match row {
            [
                TokenTree::Literal(feature),
                TokenTree::Punct(_),
                TokenTree::Punct(_),
                TokenTree::Ident(krate),
            ] => Ok(Row {
                feature: feature.to_string().trim_matches('"').to_owned(),
                krate: krate.to_string(),
                line: feature.span().start().line,
            }),
            _ => Err(format!(
                "has a row in `bundled!` that is not `\"<feature>\" => <crate>`, on line {}",
                row[0].span().start().line
            )),
        })
        .collect()
}

/// The file with a row more, before the first one that sorts after it.
pub(crate) fn with_row(source: &str, plugin: &PluginName) -> Result<String, String> {
    let table = parse(source)?;
    let feature = plugin.feature();
    let before = table.rows.iter().find(|row| row.feature > feature).map_or(table.end, |row| row.line);
    let mut lines: Vec<&str> = source.split_inclusive('\n').collect();
    let row = format!("    \"{feature}\" => {},\n", plugin.krate());
    lines.insert(before - 1, &row);
    Ok(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::Kind;

    const SOURCE: &str = "//! bundled! { \"engine-no\" => no }\n\
        macro_rules! bundled { ($($f:literal => $k:ident),+) => {}; }\n\
        \n\
        bundled! {\n    // why\n    \"engine-b\" => takopi_engine_b,\n    \"engine-d\" => takopi_engine_d,\n}\n";

    #[test]
    fn the_table_is_read_and_its_definition_is_not() {
        let table = parse(SOURCE).unwrap();
        let rows: Vec<_> = table.rows.iter().map(|row| (&*row.feature, &*row.krate, row.line)).collect();
        assert_eq!(rows, [("engine-b", "takopi_engine_b", 6), ("engine-d", "takopi_engine_d", 7)]);
    }

    #[test]
    fn a_new_row_is_sorted_in() {
        let check = |kind, id, expected: &[&str]| {
            let source = with_row(SOURCE, &PluginName::new(kind, id).unwrap()).unwrap();
            let features: Vec<_> = parse(&source).unwrap().rows.into_iter().map(|row| row.feature).collect();
            assert_eq!(features, expected);
        };
        check(Kind::Command, "x", &["command-x", "engine-b", "engine-d"]);
        check(Kind::Engine, "c", &["engine-b", "engine-c", "engine-d"]);
        check(Kind::Transport, "a", &["engine-b", "engine-d", "transport-a"]);
    }

    #[test]
    fn what_is_no_table_is_told() {
        assert_eq!(parse("fn a() {}").unwrap_err(), "has no table `bundled! { … }`");
        let error = parse("bundled! {\n  engine_a => b,\n}").unwrap_err();
        assert!(error.ends_with("`\"<feature>\" => <crate>`, on line 2"), "{error}");
    }
}
