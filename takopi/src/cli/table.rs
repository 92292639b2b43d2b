//! How lists are laid out for people.

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
    fn columns_stand_below_each_other() {
        let rows = [["a", "äöü", ""], ["bbb", "x", "last"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "a    äöü\nbbb  x    last\n");
        assert_eq!(table::<2>(&[]), "");
    }
}
