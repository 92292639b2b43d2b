//! What rendering costs, against parsing the same markdown without keeping anything. Run with
//! `cargo bench -p takopi-transport-telegram`; the ratio is printed first.
#![expect(clippy::print_stdout, reason = "printing figures is what a benchmark is for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::BytesCount;
use pulldown_cmark::{Options, Parser};
use takopi_transport_telegram::render::{MAX_TEXT, render, render_parts};

/// How often each text is measured. Its quickest time counts: whatever else the machine does only adds to a time.
const REPEATS: usize = 500;

/// Texts as agents write them, and one of each kind that is hard.
const TEXTS: [(&str, &str); 5] = [
    ("answer", include_str!("../tests/rendering/answer.md")),
    (
        "prose",
        "Some words of an answer, with **bold** ones, as agents write them to people who read.\nAnd more.\n\n",
    ),
    ("spans", "- `a` and **b** and [c](https://x.org/d) _e_ ||f||\n"),
    ("code", "```rust\nfn main() {\n    let a = vec![1, 2, 3]; // é\n    println!(\"{a:?}\");\n}\n```\n"),
    ("unicode", "Ответ: это **готово** ✓ – 文字と😀👩‍👩‍👧 …\n\n"),
];

/// So many bytes are rendered at a time, about.
const SIZE: usize = 50_000;

fn text(name: &str) -> String {
    let one = TEXTS.iter().find(|(other, _)| *other == name).map_or("", |(_, text)| *text);
    one.repeat(SIZE.div_ceil(one.len().max(1)))
}

fn names() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().map(|(name, _)| *name)
}

/// Reads markdown and keeps nothing.
fn parse_alone(text: &str) -> usize {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES;
    Parser::new_ext(text, options).map(black_box).count()
}

fn main() {
    println!("{:<10} {:>10} {:>10} {:>14}", "text", "parse us", "render us", "render / parse");
    for name in names() {
        let text = text(name);
        let parse = quickest(|| parse_alone(&text));
        let rendered = quickest(|| render(&text));
        println!(
            "{name:<10} {:>10} {:>10} {:>14.2}",
            parse.as_micros(),
            rendered.as_micros(),
            rendered.as_secs_f64() / parse.as_secs_f64()
        );
    }
    divan::main();
}

fn quickest<T>(mut work: impl FnMut() -> T) -> Duration {
    let times = (0..REPEATS).map(|_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

#[divan::bench(args = names())]
fn parsing(bencher: Bencher<'_, '_>, name: &str) {
    let text = text(name);
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| parse_alone(&text));
}

#[divan::bench(args = names())]
fn rendering(bencher: Bencher<'_, '_>, name: &str) {
    let text = text(name);
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| render(&text));
}

#[divan::bench(args = names())]
fn cutting_too(bencher: Bencher<'_, '_>, name: &str) {
    let text = text(name);
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| render_parts("", &text, "", MAX_TEXT));
}
