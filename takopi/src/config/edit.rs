//! Changing the file as a person would: what is not touched stays as it was written, comments and order included.

mod list;

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};
use takopi_api::config::{ConfigError, ConfigTable};
use toml_edit::{Decor, DocumentMut, InlineTable, Item, Key, Table, TableLike, Value};

use super::file::{self, OnDisk};
use super::key_path::KeyPath;
use super::load::Reader;
use super::migrate;
use super::model::Config;
use super::setting::Setting;

/// A file that is looked into and changed. It is written by [`Self::save`] only.
#[derive(Clone)]
pub struct Document {
    path: PathBuf,
    /// The text that was read.
    original: String,
    document: DocumentMut,
}

/// What stands under a key.
#[derive(Debug, Clone)]
pub enum Found {
    /// A value.
    Setting(Setting),
    /// A table.
    Table,
    /// Nothing.
    Nothing,
}

/// What became of taking a key out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// It was there and is no more.
    Done,
    /// It was not there.
    NotSet,
}

impl Document {
    /// Opens a file; `None` if there is none.
    ///
    /// # Errors
    /// [`ConfigError`] if it can not be read or is not TOML.
    pub fn open(path: &Path) -> Result<Option<Self>, ConfigError> {
        match OnDisk::read(path) {
            OnDisk::Missing => Ok(None),
            OnDisk::Text(text) => Self::parse(path, &text).map(Some),
            OnDisk::Unreadable(why) => Err(ConfigError::new("", why)),
        }
    }

    /// As [`Self::open`], with what is old in the file brought to its newest form.
    ///
    /// # Errors
    /// As [`Self::open`], and if it can not be brought there.
    pub fn open_migrated(path: &Path) -> Result<Option<Self>, ConfigError> {
        let Some(mut document) = Self::open(path)? else { return Ok(None) };
        let table = ConfigTable::from_toml(path, document.original.as_str())?;
        if let Some(migrated) = migrate::migrate(&table, &document.original)? {
            document.document = Self::parse(path, &migrated.text)?.document;
        }
        Ok(Some(document))
    }

    /// Reads the text of a file, which need not exist.
    ///
    /// # Errors
    /// [`ConfigError`] if it is not TOML.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        match text.parse() {
            Ok(document) => Ok(Self { path: path.to_owned(), original: text.to_owned(), document }),
            // The other parser says the same, with the place.
            Err(error) => Err(ConfigTable::from_toml(path, text)
                .err()
                .unwrap_or_else(|| ConfigError::new("", format!("this is not TOML: {}", error.message())))),
        }
    }

    /// The text as it would be written.
    #[must_use]
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// What stands under a key.
    ///
    /// # Errors
    /// [`ConfigError`] if something above the key is no table.
    pub fn get(&self, key: &KeyPath) -> Result<Found, ConfigError> {
        let mut item = self.document.as_item();
        for (depth, part) in key.parts().enumerate() {
            let Some(table) = item.as_table_like() else {
                return Err(no_table(key, depth, item.type_name()));
            };
            match table.get(part) {
                None | Some(Item::None) => return Ok(Found::Nothing),
                Some(inner) => item = inner,
            }
        }
        if item.is_table_like() {
            return Ok(Found::Table);
        }
        Ok(Setting::of_item(item).map_or(Found::Nothing, Found::Setting))
    }

    /// Every value with its key, the keys of each table sorted. Empty tables have none.
    #[must_use]
    pub fn leaves(&self) -> Vec<(KeyPath, Setting)> {
        let mut leaves = Vec::new();
        collect_leaves(self.document.as_table(), &[], &mut leaves);
        leaves
    }

    /// Sets a value. Tables above it are made where they are missing.
    ///
    /// # Errors
    /// [`ConfigError`] if something above the key is no table, if a whole table would be lost, or if another key has
    /// taken the place of this one.
    pub fn set(&mut self, key: &KeyPath, setting: &Setting) -> Result<(), ConfigError> {
        if let Some(today) = migrate::successor(key) {
            return Err(ConfigError::new(key.to_string(), format!("today's key is `{today}`")));
        }
        let (table, place) = self.table_of(key)?;
        let mut value = setting.to_value();
        match table.get_mut(key.name()) {
            None | Some(Item::None) => {
                insert(table, &Key::new(key.name()), Item::Value(value), place);
            }
            Some(Item::Value(old)) => {
                // A list that only gets longer keeps its lines and comments.
                if !list::grow(old, &value) {
                    // Blanks and the comment behind the old value belong to the line.
                    *value.decor_mut() = old.decor().clone();
                    *old = value;
                }
            }
            Some(_) => return Err(ConfigError::new(key.to_string(), "this is a table; set one of its keys")),
        }
        Ok(())
    }

    /// Sets every value of a table below these keys.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn set_all(&mut self, above: &[&str], table: Map<String, Json>) -> Result<(), ConfigError> {
        for (name, value) in table {
            match value {
                Json::Object(inner) => self.set_all(&[above, &[&name]].concat(), inner)?,
                value => {
                    if let Some(setting) = Setting::of_json(value) {
                        self.set(&KeyPath::new(above.iter().copied(), &name), &setting)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes out a key, and every table above it that is left empty.
    ///
    /// # Errors
    /// [`ConfigError`] if something above the key is no table.
    pub fn unset(&mut self, key: &KeyPath) -> Result<Unset, ConfigError> {
        if matches!(self.get(key)?, Found::Nothing) {
            return Ok(Unset::NotSet);
        }
        let before = self.text();
        take(self.document.as_table_mut(), key.tables(), key.name());
        let kept = with_comments_kept(&before, &self.text());
        if let Ok(kept) = Self::parse(&self.path, &kept)
            && kept.shown() == self.shown()
        {
            self.document = kept.document;
        }
        Ok(Unset::Done)
    }

    /// Moves a value to another key with the comments that stand at it, unless that key has a value.
    pub(super) fn rename(&mut self, from: &KeyPath, to: &KeyPath) -> Result<(), ConfigError> {
        let Some((key, item)) = take(self.document.as_table_mut(), from.tables(), from.name()) else {
            return Ok(());
        };
        let (table, place) = self.table_of(to)?;
        if !table.contains_key(to.name()) {
            let mut renamed = Key::new(to.name());
            *renamed.leaf_decor_mut() = key.leaf_decor().clone();
            insert(table, &renamed, item, place);
        }
        Ok(())
    }

    /// Writes the file, if it is a configuration as a whole that takopi can use.
    ///
    /// `key` is what was changed: an error about it has no place in the file yet.
    ///
    /// # Errors
    /// [`ConfigError`] if it is none, or if it can not be written. The file is then as it was.
    pub fn save(&self, reader: &Reader, key: &KeyPath) -> Result<Config, ConfigError> {
        let text = self.text();
        let config = reader.parse(&text).map_err(|mut error| {
            if error.key == key.to_string() {
                error.location = None;
                return error;
            }
            // What was wrong before stands where it stood.
            let before = reader.parse(&self.original).err();
            before.filter(|before| before.message == error.message).unwrap_or(error)
        })?;
        file::replace(&self.path, &text).map_err(|error| ConfigError::new("", error.to_string()))?;
        Ok(config)
    }

    /// All that the file says, without how it is written.
    fn shown(&self) -> Vec<(KeyPath, String)> {
        self.leaves().into_iter().map(|(key, setting)| (key, setting.to_string())).collect()
    }

    /// The table of a key, made where it is missing.
    fn table_of(&mut self, key: &KeyPath) -> Result<(&mut dyn TableLike, Place), ConfigError> {
        let mut place = Place::Lines;
        let mut table: &mut dyn TableLike = self.document.as_table_mut();
        for (depth, part) in key.tables().iter().enumerate() {
            if !table.contains_key(part) {
                let new = new_table(place, table.is_dotted());
                insert(table, &Key::new(part), new, place);
            }
            let (kind, is_value) =
                table.get(part).map_or(("none", false), |item| (item.type_name(), item.is_value()));
            if is_value {
                place = Place::Inline;
            }
            let inner = table.get_mut(part).and_then(Item::as_table_like_mut);
            table = inner.ok_or_else(|| no_table(key, depth + 1, kind))?;
        }
        Ok((table, place))
    }
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Its keys have lines of their own.
    Lines,
    /// All of it is one value.
    Inline,
}

fn new_table(place: Place, is_dotted: bool) -> Item {
    if place == Place::Inline {
        return Item::Value(Value::InlineTable(InlineTable::new()));
    }
    let mut table = Table::new();
    // Only the innermost table needs a header.
    table.set_implicit(true);
    table.set_dotted(is_dotted);
    Item::Table(table)
}

fn insert(table: &mut dyn TableLike, key: &Key, mut item: Item, place: Place) {
    if place == Place::Inline {
        item.make_value();
    }
    match (place, item.as_value_mut()) {
        (Place::Inline, Some(value)) => {
            // A comment would swallow the rest of the line. The blank before the bracket stays before the bracket.
            value.decor_mut().clear();
            let last =
                table.iter_mut().last().and_then(|(_, item)| item.as_value_mut()).map(Value::decor_mut);
            if let Some(last) = last
                && let Some(blank) = last.suffix().cloned()
            {
                last.set_suffix("");
                *value.decor_mut() = Decor::new(" ", blank);
            }
            table.insert(key.get(), item);
        }
        _ => {
            table.insert(key.get(), item);
            if let Some(mut inserted) = table.key_mut(key.get()) {
                *inserted.leaf_decor_mut() = key.leaf_decor().clone();
            }
        }
    }
}

/// Takes a key out of the tables that lead to it, and those of them that are left empty.
fn take(table: &mut dyn TableLike, tables: &[String], name: &str) -> Option<(Key, Item)> {
    let Some((next, tables)) = tables.split_first() else {
        let key = table.key(name)?.clone();
        return Some((key, table.remove(name)?));
    };
    let inner = table.get_mut(next)?.as_table_like_mut()?;
    let taken = take(inner, tables, name)?;
    if inner.is_empty() {
        table.remove(next);
    }
    Some(taken)
}

fn collect_leaves(table: &dyn TableLike, above: &[&str], leaves: &mut Vec<(KeyPath, Setting)>) {
    let mut entries: Vec<(&str, &Item)> = table.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    for (name, item) in entries {
        match item.as_table_like() {
            Some(inner) => collect_leaves(inner, &[above, &[name]].concat(), leaves),
            None => {
                let path = KeyPath::new(above.iter().copied(), name);
                leaves.extend(Setting::of_item(item).map(|setting| (path, setting)));
            }
        }
    }
}

/// `depth` parts of the key lead to something else than a table.
fn no_table(key: &KeyPath, depth: usize, kind: &str) -> ConfigError {
    let parent = KeyPath::of_parts(key.parts().take(depth)).map(|parent| parent.to_string());
    let message = format!("expected a table, found a value of type {kind}");
    ConfigError::new(parent.unwrap_or_default(), message)
}

/// The text after keys were taken out, with the comments that stood above them but did not belong to them: those with a
/// blank line between, such as the one at the head of a file.
fn with_comments_kept(before: &str, after: &str) -> String {
    let [old, new] = [before, after].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    let is_same = |(old, new): &(&&str, &&str)| old == new;
    let head = old.iter().zip(&new).take_while(is_same).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(is_same).count();
    if head + tail < new.len() {
        // A line was changed, not taken out: nothing stood above it that went with it.
        return after.to_owned();
    }
    let gone = &old[head..old.len() - tail];
    let is_blank = |line: &&str| line.trim().is_empty();
    let is_comment = |line: &&str| line.trim_start().starts_with('#');
    let above = gone.iter().take_while(|line| is_blank(line) || is_comment(line)).count();
    let detached = gone[..above].iter().rposition(is_blank).unwrap_or_default();
    let kept = gone[..detached].iter().rposition(is_comment).map_or(0, |last| last + 1);
    // What they are detached by is kept once.
    let blank = new.get(head).is_some_and(|next| kept > 0 && !is_blank(next)).then_some(&"\n");
    let lines = new[..head].iter().chain(&gone[..kept]).chain(blank).chain(&new[head..]);
    // What was set off from a first key that is gone is set off from nothing.
    lines.skip_while(|line| head == 0 && is_blank(line)).copied().collect()
}

/// It may hold secrets.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
