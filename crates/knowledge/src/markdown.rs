//! Markdown as people read it: safe HTML, or plain words.

use std::sync::LazyLock;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};
use regex::{Captures, Regex};

/// How deep lists, quotes and emphasis are shown in each other; what lies deeper is shown as if it lay here.
const DEEPEST: usize = 64;

/// A tag, or a comment, script or style with all it holds. One that is never closed goes to the end, so that none is
/// looked at twice. A tag that may stand within a word is `within`.
static MARKUP: LazyLock<Regex> = LazyLock::new(|| {
    let whole = r"<!--.*?(?:-->|\z)|<script\b.*?(?:</script\s*>|\z)|<style\b.*?(?:</style\s*>|\z)";
    let within = r"</?(?:a|abbr|b|code|em|font|i|kbd|mark|s|small|span|strong|sub|sup|u)\b[^>]*>?";
    let pattern = format!(r"(?is){whole}|(?<within>{within})|<[a-z/!?][^>]*>?");
    Regex::new(&pattern).expect("a pattern of this file")
});

/// What articles may use beyond plain CommonMark.
pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// The text as HTML that a browser can be given as it is: only formatting is left of it, no script, no style, no
/// handler, no address but of the web and of mail. Long texts take their time.
pub fn to_html(markdown: &str) -> String {
    let mut raw = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut raw, shown(markdown));
    ammonia::clean(&raw)
}

/// The words of the text without any markup, one line a block.
pub fn to_plain(markdown: &str) -> String {
    let mut plain = String::with_capacity(markdown.len());
    for event in shown(markdown) {
        match event {
            Event::Text(text) | Event::Code(text) => plain.push_str(&text),
            Event::Html(words) => {
                end_line(&mut plain);
                plain.push_str(words.trim_start());
            }
            Event::SoftBreak | Event::HardBreak => plain.push(' '),
            Event::End(TagEnd::TableCell) => plain.push(' '),
            Event::End(end) if ends_line(end) => end_line(&mut plain),
            Event::Start(Tag::List(_)) => end_line(&mut plain),
            _ => {}
        }
    }
    plain.trim_end().to_owned()
}

/// What a reader is shown of the text. Of raw HTML that is its words alone: from a few kilobytes of tags an HTML parser
/// may make millions of elements, and it takes longer the deeper elements lie in each other.
fn shown(markdown: &str) -> impl Iterator<Item = Event<'_>> {
    let mut depth = 0_usize;
    let mut raw = String::new();
    Parser::new_ext(markdown, options()).filter_map(move |event| match event {
        Event::InlineHtml(tag) => is_break(&tag).then_some(Event::HardBreak),
        Event::Start(Tag::HtmlBlock) => None,
        // A tag may go over several lines of a block, each of which comes by itself.
        Event::Html(line) => {
            raw.push_str(&line);
            None
        }
        Event::End(TagEnd::HtmlBlock) => Some(Event::Html(words_of(&std::mem::take(&mut raw)).into())),
        Event::Start(_) => {
            depth += 1;
            (depth <= DEEPEST).then_some(event)
        }
        Event::End(_) => {
            depth = depth.saturating_sub(1);
            (depth < DEEPEST).then_some(event)
        }
        _ => Some(event),
    })
}

/// Whether an inline tag begins a new line.
fn is_break(tag: &str) -> bool {
    let name = tag
        .trim_start_matches('<')
        .split(|c: char| !c.is_ascii_alphanumeric())
        .next();
    name.is_some_and(|name| name.eq_ignore_ascii_case("br"))
}

/// The words of a block of HTML on a line of their own, without a tag. They are HTML still: entities stay as they are.
fn words_of(raw: &str) -> String {
    let apart = |found: &Captures<'_>| if found.name("within").is_some() { "" } else { " " };
    let bare = MARKUP.replace_all(raw, apart).replace('<', "&lt;");
    let words: Vec<&str> = bare.split_whitespace().collect();
    format!("\n{}\n", words.join(" "))
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
    fn of_raw_html_the_words_are_left() {
        let html = to_html(
            "Press <kbd>F5</kbd>,<br>wait\n\n<details>\n<summary>Code <b>E1</b>, at\nnight</summary>\n</details>\n\n\
             <!-- not yet\n\nsure -->\n\n<style>\n\np {}\n</style>\n<p title=\"a\nb\">5 < 6 &amp; more</p>\n",
        );
        assert_eq!(
            html.split_whitespace().collect::<Vec<_>>().join(" "),
            "<p>Press F5,<br> wait</p> Code E1, at night 5 &lt; 6 &amp; more"
        );
    }

    #[test]
    fn what_an_html_parser_would_make_much_of_stays_small() {
        let bold: String = (0..500).map(|at| format!("<b a={at}>")).collect();
        let reopened = format!("<p>{bold}\n{}", "<p>x".repeat(500));
        let nested = ["> ".repeat(5_000), "* + ".repeat(2_500), "*a ".repeat(3_000)];
        let inputs = nested.map(|nested| format!("{nested}x{}", nested.chars().rev().collect::<String>()));
        for input in inputs.into_iter().chain([reopened]) {
            let html = to_html(&input);
            assert!(html.contains('x') && html.len() < 5 * input.len(), "{}", html.len());
            for tag in ["<blockquote>", "<ul>", "<em>"] {
                assert!(html.matches(tag).count() <= DEEPEST, "{tag}");
            }
        }
    }

    #[test]
    fn plain_is_what_a_reader_reads() {
        let plain = to_plain("## Codes\n\n- **TL-4402**: open `receipts`\n- second\n\n<b>x</b> & [a](b)");
        assert_eq!(plain, "Codes\nTL-4402: open receipts\nsecond\nx & a");
        assert_eq!(
            to_plain("- one\n  <div>two</div>\n\n<p>three</p>\n\nfour"),
            "one\ntwo\nthree\nfour"
        );
        assert_eq!(to_plain("<!-- nothing -->\n\n---\n"), "");
    }
}
