//! A change of a file, as codex tells it before it asks.

use std::collections::BTreeMap;

use takopi_api::event::{ChangeKind, FileChange};

use super::message::Change;

/// One file of a change.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Patch {
    pub(super) path: String,
    moved_to: Option<String>,
    kind: ChangeKind,
    /// The hunks of a file that is changed; the content of one that is new or goes.
    text: String,
}

/// Changes that were begun, by the item that makes them.
#[derive(Debug, Default)]
pub(super) struct Patches(BTreeMap<ItemKey, Vec<Patch>>);

/// An item. Models may number theirs anew in each thread.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ItemKey {
    thread: String,
    item: String,
}

impl ItemKey {
    fn new(thread: &str, item: &str) -> Self {
        Self { thread: thread.to_owned(), item: item.to_owned() }
    }
}

impl Patches {
    pub(super) fn begin(&mut self, thread: &str, item: &str, changes: &[Change<'_>]) {
        self.0.insert(ItemKey::new(thread, item), changes.iter().map(Patch::new).collect());
    }

    /// A change is another one now. What comes of one that has not begun may be a piece of it, as the model writes it.
    pub(super) fn update(&mut self, thread: &str, item: &str, changes: &[Change<'_>]) {
        if let Some(patches) = self.0.get_mut(&ItemKey::new(thread, item)) {
            *patches = changes.iter().map(Patch::new).collect();
        }
    }

    pub(super) fn end(&mut self, thread: &str, item: &str) {
        self.0.remove(&ItemKey::new(thread, item));
    }

    /// The files of a change; none if nobody knows of it.
    pub(super) fn of(&self, thread: &str, item: &str) -> &[Patch] {
        self.0.get(&ItemKey::new(thread, item)).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Patch {
    pub(super) fn new(change: &Change<'_>) -> Self {
        let kind = change.kind.fields();
        // Older versions name the kind as a text.
        let name = if kind.kind.is_present() { kind.kind.text() } else { change.kind.text().into() };
        let moved_to = kind.moved_to.is_present().then(|| kind.moved_to.text().into_owned());
        let diff = change.diff.text();
        Self {
            path: change.path.text().into_owned(),
            text: moved_to.as_deref().map_or(&*diff, |path| without_move(&diff, path)).to_owned(),
            moved_to,
            kind: match &*name {
                "add" => ChangeKind::Add,
                "delete" => ChangeKind::Delete,
                _ => ChangeKind::Update,
            },
        }
    }

    pub(super) fn change(&self) -> FileChange {
        FileChange { path: self.path.clone(), kind: self.kind }
    }

    /// The files that it touches.
    pub(super) fn paths(&self) -> impl Iterator<Item = String> {
        std::iter::once(self.path.clone()).chain(self.moved_to.clone())
    }

    /// The change as a unified diff.
    pub(super) fn unified(&self) -> String {
        let Self { path, moved_to, text, .. } = self;
        let (old, new) = match self.kind {
            ChangeKind::Add => ("/dev/null", path.as_str()),
            ChangeKind::Delete => (path.as_str(), "/dev/null"),
            ChangeKind::Update => (path.as_str(), moved_to.as_deref().unwrap_or(path)),
        };
        let lines = text.lines().count();
        let body = match self.kind {
            ChangeKind::Add => format!("@@ -0,0 +1,{lines} @@\n{}", marked('+', text)),
            ChangeKind::Delete => format!("@@ -1,{lines} +0,0 @@\n{}", marked('-', text)),
            ChangeKind::Update if text.is_empty() || text.ends_with('\n') => text.clone(),
            ChangeKind::Update => format!("{text}\n"),
        };
        format!("--- {old}\n+++ {new}\n{body}")
    }
}

/// Codex says below the hunks of a file where it goes, which is no line of a diff.
fn without_move<'a>(diff: &'a str, path: &str) -> &'a str {
    let hunks = diff.strip_suffix(path).and_then(|diff| diff.strip_suffix("\n\nMoved to: "));
    hunks.unwrap_or(diff)
}

fn marked(mark: char, text: &str) -> String {
    text.lines().map(|line| format!("{mark}{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use takopi_api::jsonl::Wire;

    use super::*;

    fn check(change: &str, expected: &str) {
        assert_eq!(Patch::new(&Change::read(change).unwrap()).unified(), expected);
    }

    #[test]
    fn every_change_is_shown_as_a_diff() {
        check(
            r#"{"path":"a","kind":{"type":"add"},"diff":"x\ny\n"}"#,
            "--- /dev/null\n+++ a\n@@ -0,0 +1,2 @@\n+x\n+y\n",
        );
        check(
            r#"{"path":"a","kind":{"type":"delete"},"diff":"x"}"#,
            "--- a\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n",
        );
        check(
            r#"{"path":"a","kind":{"type":"update","move_path":"b"},"diff":"@@ -1 +1 @@\n-x\n+y"}"#,
            "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n",
        );
        check(
            r#"{"path":"a","kind":{"type":"update","move_path":"b"},"diff":"@@ -1 +1 @@\n-x\n+y\n\n\nMoved to: b"}"#,
            "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n",
        );
        check(
            r#"{"path":"a","kind":{"type":"update","move_path":"b"},"diff":"\n\nMoved to: b"}"#,
            "--- a\n+++ b\n",
        );
        // What only looks so is a part of the change.
        check(
            r#"{"path":"a","kind":{"type":"update","move_path":"b"},"diff":"@@ x\n\nMoved to: c"}"#,
            "--- a\n+++ b\n@@ x\n\nMoved to: c\n",
        );
        check(
            r#"{"path":"a","kind":{"type":"update"},"diff":"@@ x\n\nMoved to: b"}"#,
            "--- a\n+++ a\n@@ x\n\nMoved to: b\n",
        );
        check(r#"{"path":"a","kind":"add","diff":"x\n"}"#, "--- /dev/null\n+++ a\n@@ -0,0 +1,1 @@\n+x\n");
        check(r#"{"path":7,"kind":[]}"#, "--- 7\n+++ 7\n");
    }
}
