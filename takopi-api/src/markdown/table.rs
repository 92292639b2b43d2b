//! Tables as text, in columns.

/// Cells that are longer than this do not widen their column, in characters.
const WIDEST: usize = 40;

/// Rows of cells below each other, the first one apart from the others as their header.
pub(super) fn lay_out(rows: &[Vec<String>]) -> String {
    let mut widths = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            if widths.len() == column {
                widths.push(0);
            }
            let width = cell.chars().take(WIDEST + 1).count();
            if width <= WIDEST {
                widths[column] = width.max(widths[column]);
            }
        }
    }
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
        if index == 0 {
            let rule: Vec<_> = widths.iter().map(|&width| "─".repeat(width)).collect();
            text.push_str(rule.join("  ").trim_end());
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let rows = [["file", "ü"], ["a.rs", "1"], ["b", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(lay_out(&rows), "file  ü\n────  ─\na.rs  1\nb");
        assert_eq!(lay_out(&[]), "");
    }

    #[test]
    fn a_long_cell_does_not_widen_the_others() {
        let long = "x".repeat(1000);
        let text = lay_out(&[vec!["a".into(), "b".into()], vec![long.clone(), "c".into()]]);
        assert_eq!(text, format!("a  b\n─  ─\n{long}  c"));
    }
}
