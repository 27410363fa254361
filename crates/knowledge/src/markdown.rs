//! Markdown as people read it: safe HTML, or plain words.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// What articles may use beyond plain CommonMark.
pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// The text as HTML that a browser can be given as it is: only formatting is left of it, no script, no style, no
/// handler, no address but of the web and of mail.
pub fn to_html(markdown: &str) -> String {
    let mut raw = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut raw, Parser::new_ext(markdown, options()));
    ammonia::clean(&raw)
}

/// The words of the text without any markup, one line a block.
pub fn to_plain(markdown: &str) -> String {
    let mut plain = String::with_capacity(markdown.len());
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Text(text) | Event::Code(text) => plain.push_str(&text),
            Event::SoftBreak | Event::HardBreak => plain.push(' '),
            Event::End(TagEnd::TableCell) => plain.push(' '),
            Event::End(end) if ends_line(end) => end_line(&mut plain),
            Event::Start(Tag::List(_)) => end_line(&mut plain),
            _ => {}
        }
    }
    plain.trim_end().to_owned()
}

/// Whether a reader sees any words of the text.
pub(crate) fn shows_words(markdown: &str) -> bool {
    to_plain(markdown).chars().any(char::is_alphanumeric)
}

fn ends_line(end: TagEnd) -> bool {
    matches!(
        end,
        TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::Item
            | TagEnd::CodeBlock
            | TagEnd::TableRow
            | TagEnd::TableHead
    )
}

fn end_line(plain: &mut String) {
    if !plain.is_empty() && !plain.ends_with('\n') {
        plain.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatting_stays() {
        let html = to_html("# Title\n\n1. **Bold**\n2. [link](https://example.org)\n\n| a | b |\n|---|---|\n| 1 | 2 |");
        for kept in [
            "<h1>Title</h1>",
            "<strong>Bold</strong>",
            "href=\"https://example.org\"",
            "<td>1</td>",
        ] {
            assert!(html.contains(kept), "{html}");
        }
    }

    #[test]
    fn nothing_that_runs_comes_out() {
        let nasty = [
            "<script>alert(1)</script>",
            "<ScRiPt src=//x.example></sCrIpT>",
            "<scr<script>ipt>alert(1)</scr</script>ipt>",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert(1)>",
            "<svg><script>alert&#40;1)</script></svg>",
            "<a href=\"javascript:alert(1)\">x</a>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt&colon;alert(1))",
            "[x](data:text/html;base64,PHNjcmlwdD4=)",
            "![x](vbscript:msgbox)",
            "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
            "<style>@import 'x'</style>",
            "<div style='background:url(javascript:alert(1))'>x</div>",
            "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
            "<form action=javascript:alert(1)><button>x</button></form>",
            "<object data=x></object><embed src=x><base href=//x.example>",
            "`<script>`\n\n    <script>alert(1)</script>\n",
            "<!--><script>alert(1)</script>-->",
            "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
            "\u{0}<script>alert(1)</script>",
        ];
        for input in nasty {
            let html = to_html(input).to_lowercase();
            let tags = [
                "<script", "<iframe", "<object", "<embed", "<style", "<svg", "<form", "<base", "<math",
            ];
            for tag in tags {
                assert!(!html.contains(tag), "{input:?} gave {html:?}");
            }
            // What is left of handlers and addresses is text, never part of a tag.
            for tag in html.split('<').skip(1) {
                let inside = tag.split('>').next().unwrap_or_default();
                for bad in ["onerror", "onload", "javascript", "vbscript", "data:", "style="] {
                    assert!(!inside.contains(bad), "{input:?} gave {html:?}");
                }
            }
        }
    }

    #[test]
    fn plain_is_what_a_reader_reads() {
        let plain = to_plain("## Codes\n\n- **TL-4402**: open `receipts`\n- second\n\n<b>x</b> & [a](b)");
        assert_eq!(plain, "Codes\nTL-4402: open receipts\nsecond\nx & a");
        assert_eq!(to_plain("<!-- nothing -->\n\n---\n"), "");
    }
}
