//! Files that a bot sends and gets.

use super::Answer;
use crate::bot_api::files::Attachment;
use crate::bot_api::message::MediaKind;
use crate::bot_api::params::Params;
use crate::bot_api::refusal::Refusal;
use crate::bot_api::state::State;
use crate::bot_api::world::World;

/// The largest file that a bot may send, and the largest picture.
const UPLOAD: usize = 50 * 1024 * 1024;
const PICTURE: usize = 10 * 1024 * 1024;

pub(super) fn get(state: &mut State, params: &Params) -> Answer {
    state.world.files.ready(&params.text("file_id"))
}

/// The file that a call carries under a name, points to, or knows by its id.
pub(super) fn given(
    world: &mut World,
    params: &Params,
    kind: MediaKind,
    name: &str,
    source: &str,
) -> Result<String, Refusal> {
    let part = source.strip_prefix("attach://").unwrap_or(name);
    let Some(upload) = params.file(part) else {
        if source.is_empty() || source.starts_with("attach://") {
            return Err(Refusal::bad(format!("there is no {name} in the request")));
        }
        let known = world.files.get(source).is_some();
        let wrong = || Refusal::bad("wrong file identifier/HTTP URL specified");
        return known.then(|| source.to_owned()).ok_or_else(wrong);
    };
    if upload.bytes.is_empty() {
        return Err(Refusal::bad("file must be non-empty"));
    }
    if upload.bytes.len() > UPLOAD {
        return Err(Refusal::too_large());
    }
    if kind == MediaKind::Photo && upload.bytes.len() > PICTURE {
        return Err(Refusal::bad("file is too big for a photo; the maximum size is 10485760 bytes"));
    }
    let mime = upload.mime.as_deref().unwrap_or("application/octet-stream");
    Ok(world.files.add(Attachment::new(&upload.name, mime, upload.bytes.clone())))
}
