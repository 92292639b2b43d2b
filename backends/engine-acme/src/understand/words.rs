//! Taking texts apart by words: prefixes, quotes, and a word that is left out. It knows no job.

/// More words than a request to acme has.
const MANY_WORDS: usize = 10;

pub(super) fn is_long(text: &str) -> bool {
    text.split_whitespace().nth(MANY_WORDS).is_some()
}

/// A text in lower case without what stands around and between its words.
pub(super) fn plain(text: &str) -> String {
    let text = text.trim().trim_end_matches(['.', '?', '!', ' ']);
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// What follows a word, in whatever case it is written; only whole words count.
pub(super) fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    let ends = rest.chars().next().is_none_or(|next| next.is_whitespace() || next == ',');
    (start.eq_ignore_ascii_case(prefix) && ends).then(|| rest.trim_start())
}

/// What stands before a last word, in whatever case it is written.
pub(super) fn strip_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let text = text.trim_end().trim_end_matches(['.', '!', '?']);
    let (rest, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    let begins = rest.ends_with(|last: char| last.is_whitespace() || last == ',');
    (end.eq_ignore_ascii_case(suffix) && begins).then(|| rest.trim_end().trim_end_matches(','))
}

/// What stands between quotes, if the whole text does.
pub(super) fn unquote(text: &str) -> Option<&str> {
    const QUOTES: [(char, char); 5] = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’')];
    let text = text.trim().trim_end_matches(['?', '.']);
    QUOTES.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(*open)?.strip_suffix(*close)?;
        (!inner.is_empty()).then_some(inner)
    })
}

/// A text without a word, and whether the word was in it.
pub(super) fn without_word(text: &str, word: &str) -> (String, bool) {
    let is_word = |piece: &str| piece.trim_matches([',', '.', '!', '?', ':']).eq_ignore_ascii_case(word);
    let mut rest = String::with_capacity(text.len());
    let mut found = false;
    // Pieces keep their white space: a text that is to be written stays as it is.
    for piece in text.split_inclusive(char::is_whitespace) {
        if is_word(piece.trim_end()) {
            found = true;
        } else {
            rest.push_str(piece);
        }
    }
    (rest, found)
}

/// `TEXT to FILE`, split at the last `to` or `into`.
pub(super) fn split_file(text: &str) -> Option<(&str, &str)> {
    let lower = text.to_ascii_lowercase();
    let (at, joint) = [" to ", " into ", "\nto ", "\ninto "]
        .iter()
        .filter_map(|joint| lower.rfind(joint).map(|at| (at, joint)))
        .max_by_key(|(at, _)| *at)?;
    let content = text[..at].trim();
    let file = text[at + joint.len()..].trim();
    let file = strip_prefix(file, "the file").unwrap_or(file);
    let file = unquote(file).or_else(|| (!file.contains(char::is_whitespace)).then_some(file))?;
    let file = if file.ends_with("..") { file } else { file.trim_end_matches('.') };
    (!content.is_empty() && !file.is_empty()).then_some((content, file))
}
