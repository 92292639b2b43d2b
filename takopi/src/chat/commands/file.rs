//! `/file`: puts files of a message into the project, and gets files and folders out of it. All stay inside the run's
//! folder.

use std::path::PathBuf;

use takopi_api::error::Error;
use takopi_api::message::{Body, MessageKind, OutgoingMessage};

use super::super::directives;
use super::super::files::{Existing, Put, Target, get as read, inside, may_transfer};
use super::super::settings::FileSettings;
use super::{Answer, Use, say, usage};
use crate::project::Context;

pub(super) async fn handle(used: Use) -> Answer {
    if !used.link.outgoing.capabilities().files {
        return say("this chat takes no files");
    }
    let (word, rest) = used.args.split_once(char::is_whitespace).unwrap_or((used.args.as_str(), ""));
    match word.to_lowercase().as_str() {
        "put" => put(&used, rest.trim()).await,
        "get" if !rest.trim().is_empty() => get(&used, rest.trim()).await,
        _ => usage("file"),
    }
}

/// Whose files are meant, and which.
struct Meant {
    root: PathBuf,
    context: Context,
    /// What was typed, without the project and the branch.
    typed: String,
}

impl Use {
    fn files(&self) -> &FileSettings {
        &self.snapshot.settings(&self.link.id).files
    }

    /// The folder of a run here, or of the project and branch that are named first.
    async fn meant(&self, typed: &str) -> Result<Meant, Error> {
        may_transfer(&self.link, self.files(), &self.message).await?;
        let found =
            directives::parse(typed, &*self.snapshot).map_err(|error| Error::new(error.to_string()))?;
        let surround = self.inner.surround(&self.place).await?;
        let (context, _) = self.context_of(&surround, &found)?;
        self.inner.bind_directed(&self.link, &self.place, &self.snapshot, &found, context.as_ref()).await?;
        let (root, context) = self.inner.project_root(&self.snapshot, context).await?;
        Ok(Meant { root, context, typed: found.prompt })
    }
}

async fn put(used: &Use, args: &str) -> Answer {
    if used.message.files.is_empty() {
        return say("send the file together with `/file put`");
    }
    let Meant { root, context, typed } = used.meant(args).await?;
    let mut existing = Existing::Keep;
    let mut path = None;
    for word in typed.split_whitespace() {
        match word {
            "--force" => existing = Existing::Replace,
            flag if flag.starts_with("--") => return usage("file"),
            word if path.is_none() => path = Some(word),
            _ => return usage("file"),
        }
    }
    let target = match path {
        None => Target::Folder(used.files().uploads.to_string_lossy().into_owned()),
        Some(folder) if folder.ends_with('/') || used.message.files.len() > 1 => {
            // Also `./`, which is the project itself.
            inside(folder, &used.files().denied)?;
            Target::Folder(folder.to_owned())
        }
        Some(path) => Target::Path(path.to_owned()),
    };
    let put = Put::all(&used.link, used.files(), &root, &used.message.files, &target, existing).await;
    say(put.told(&context.to_string())?)
}

async fn get(used: &Use, args: &str) -> Answer {
    let Meant { root, typed, .. } = used.meant(args).await?;
    if typed.is_empty() {
        return usage("file");
    }
    let rules = used.files().denied.clone();
    let relative = inside(&typed, &rules)?;
    let got = tokio::task::spawn_blocking(move || read(&root, &relative, &rules))
        .await
        .map_err(|error| Error::new(error.to_string()))??;
    Ok(Some(OutgoingMessage::new(MessageKind::Notice, Body::markdown(got.said)).file(got.file)))
}
