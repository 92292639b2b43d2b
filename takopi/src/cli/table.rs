//! How lists are laid out for people.

use std::time::Duration;

/// An age by its largest unit.
pub(super) fn ago(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes}m ago"),
        60..1440 => format!("{}h ago", minutes / 60),
        _ => format!("{}d ago", minutes / 1440),
    }
}

/// Lines of which the columns stand below each other.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| console::measure_text_width(&row[column])).max().unwrap_or(0)
    });
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| console::pad_str(cell, width, console::Alignment::Left, None));
        let cells: Vec<_> = cells.collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let check = |seconds, expected: &str| assert_eq!(ago(Duration::from_secs(seconds)), expected);
        check(0, "just now");
        check(59, "just now");
        check(60, "1m ago");
        check(3599, "59m ago");
        check(3600, "1h ago");
        check(86_399, "23h ago");
        check(86_400, "1d ago");
        check(400 * 86_400, "400d ago");
    }

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["a", "äöü", ""], ["bbb", "x", "last"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "a    äöü\nbbb  x    last\n");
        assert_eq!(table::<2>(&[]), "");
    }
}
