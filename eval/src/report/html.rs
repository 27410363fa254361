//! Small pieces of HTML, everything from outside escaped.

/// Text as it may stand in HTML.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The start of a text, escaped.
pub fn start(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => escape(text[..end].trim_end()) + "…",
        None => escape(text),
    }
}

/// A table; cells are HTML, and those that are numbers are set as numbers.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let is_number = |column: usize| {
        !rows.is_empty()
            && rows
                .iter()
                .all(|row| row.get(column).is_some_and(|cell| cell.parse::<f64>().is_ok()))
    };
    let class = |column: usize| if is_number(column) { " class=\"number\"" } else { "" };
    let cells = |tag: &str, row: &[String]| -> String {
        row.iter()
            .enumerate()
            .map(|(column, cell)| format!("<{tag}{}>{cell}</{tag}>", class(column)))
            .collect()
    };
    let header: Vec<String> = header.iter().map(|name| escape(name)).collect();
    let body: String = rows
        .iter()
        .map(|row| format!("<tr>{}</tr>\n", cells("td", row)))
        .collect();
    format!(
        "<div class=\"wide\"><table><thead><tr>{}</tr></thead><tbody>\n{body}</tbody></table></div>",
        cells("th", &header)
    )
}

/// A share as a bar. **Units:** 0 to 1.
pub fn bar(share: f64) -> String {
    format!(
        "<span class=\"bar\" style=\"width:{:.0}px\"></span>",
        90.0 * share.clamp(0.0, 1.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(escape("<script>\"&"), "&lt;script&gt;&quot;&amp;");
        assert_eq!(start("<éé>", 2), "&lt;é…");
    }

    #[test]
    fn columns_of_numbers_are_set_as_numbers() {
        let html = table(&["a", "n"], &[vec!["x".to_owned(), "1.5".to_owned()]]);
        assert!(html.contains("<td>x</td><td class=\"number\">1.5</td>"), "{html}");
    }
}
