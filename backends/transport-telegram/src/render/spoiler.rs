//! Spoilers: `||hidden||`, which no markdown parser knows. They are found in a paragraph that is written, when its other
//! entities are known: a spoiler begins and ends in the same one.

use std::cmp::Reverse;

use super::EntityKind;
use super::clean;
use super::page::{Place, Span};

const MARK: &str = "||";

/// Takes the marks of spoilers out of the text from a place on, and adds spoilers to the entities, of which those from the
/// `first` on are there. Says whether there were any.
pub(super) fn reveal(text: &mut String, start: Place, all: &mut Vec<Span>, first: usize) -> bool {
    let spans = &mut all[first..];
    spans.sort_by_key(|span| (span.start.byte, Reverse(span.end.byte)));
    let pairs = pairs(text, start.byte, spans);
    if pairs.is_empty() {
        return false;
    }
    let moved = |Place { byte, unit }: Place| {
        let (opened, closed) =
            (pairs.partition_point(|pair| pair.0 < byte), pairs.partition_point(|pair| pair.1 < byte));
        let gone = MARK.len() * (opened + closed);
        Place { byte: byte - gone, unit: unit - gone }
    };
    let spoilers = all.len();
    let mut kept = String::with_capacity(text.len() - start.byte);
    let mut here = start;
    let mut index = first;
    for &(opens, closes) in &pairs {
        kept.push_str(&text[here.byte..opens]);
        let begin = opens + MARK.len();
        let mut begin = Place { byte: begin, unit: here.unit + clean::units(&text[here.byte..begin]) };
        kept.push_str(&text[begin.byte..closes]);
        let end = Place { byte: closes, unit: begin.unit + clean::units(&text[begin.byte..closes]) };
        while index < spoilers && all[index].start.byte < closes {
            if is_code(&all[index]) && all[index].start.byte >= begin.byte {
                let Span { start, end, .. } = all[index];
                all.push(Span { start: begin, end: start, kind: EntityKind::Spoiler });
                begin = end;
            }
            index += 1;
        }
        all.push(Span { start: begin, end, kind: EntityKind::Spoiler });
        here = Place { byte: closes + MARK.len(), unit: end.unit + MARK.len() };
    }
    kept.push_str(&text[here.byte..]);
    text.truncate(start.byte);
    text.push_str(&kept);
    for span in &mut all[first..] {
        span.start = moved(span.start);
        span.end = moved(span.end);
    }
    // Between two codes there may be blanks alone.
    let mut seen = spoilers;
    for index in spoilers..all.len() {
        if all[index].trim(text) {
            all.swap(seen, index);
            seen += 1;
        }
    }
    all.truncate(seen);
    true
}

const fn is_code(span: &Span) -> bool {
    matches!(span.kind, EntityKind::Code | EntityKind::Pre { .. })
}

/// The marks that belong together, none of these pairs in another one. The entities must be sorted.
fn pairs(text: &str, from: usize, spans: &[Span]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    // The entities around a mark, as indexes, each with the mark that opens a spoiler in it.
    let mut around: Vec<(usize, Option<usize>)> = Vec::new();
    let mut open_outside = None;
    let mut next = 0;
    for at in marks(text, from) {
        while let Some(span) = spans.get(next).filter(|span| span.start.byte <= at) {
            pop_ended(&mut around, spans, span.start.byte);
            around.push((next, None));
            next += 1;
        }
        pop_ended(&mut around, spans, at);
        let inner = around.last().map(|&(index, _)| &spans[index]);
        let is_torn = inner.is_some_and(|span| span.end.byte < at + MARK.len())
            || spans.get(next).is_some_and(|span| span.start.byte < at + MARK.len());
        if is_torn || inner.is_some_and(is_code) {
            continue;
        }
        let before = text[from..at].chars().next_back();
        let behind = text[at + MARK.len()..].chars().next();
        let open = around.last_mut().map_or(&mut open_outside, |(_, open)| open);
        match *open {
            Some(opens) if flanks(behind, before) => {
                *open = None;
                // A spoiler around others hides them all.
                pairs.truncate(pairs.partition_point(|&(other, _)| other < opens));
                pairs.push((opens, at));
            }
            None if flanks(before, behind) => *open = Some(at),
            _ => {}
        }
    }
    pairs
}

fn pop_ended(around: &mut Vec<(usize, Option<usize>)>, spans: &[Span], at: usize) {
    while around.pop_if(|(index, _)| spans[*index].end.byte <= at).is_some() {}
}

/// `a || b` and `a||b` are text: a mark has the end of a word outside of it, and something that is seen inside.
fn flanks(outside: Option<char>, inside: Option<char>) -> bool {
    !outside.is_some_and(char::is_alphanumeric) && inside.is_some_and(|c| !c.is_whitespace())
}

/// Where two bars stand, no more and no fewer.
fn marks(text: &str, from: usize) -> impl Iterator<Item = usize> {
    let mut at = from;
    std::iter::from_fn(move || {
        loop {
            at += text[at..].find(MARK)?;
            let run = text[at..].bytes().take_while(|&byte| byte == b'|').count();
            let found = at;
            at += run;
            if run == MARK.len() {
                return Some(found);
            }
        }
    })
}
