//! Who may put files into projects and get them from there.

use takopi_api::error::Error;
use takopi_api::message::{ChatKind, IncomingMessage};
use takopi_api::transport::{People, Role};

use super::super::conversation::Link;
use super::super::settings::FileSettings;

/// Refuses those who may not: who is not listed; where nobody is, who does not administer the group.
pub(in super::super) async fn may_transfer(
    link: &Link,
    settings: &FileSettings,
    message: &IncomingMessage,
) -> Result<(), Error> {
    if !settings.is_enabled {
        return Err(Error::new("files are switched off here")
            .hint(format!("`files.enabled = true` in [transports.{}] switches them on", link.id)));
    }
    if link.access.people == People::Local {
        return Ok(());
    }
    let Some(sender) = &message.sender else {
        return Err(Error::new("who you are is not known here, and files are not for everybody"));
    };
    if !settings.allowed.is_empty() {
        let is_listed = settings.allowed.iter().any(|id| id == sender.id.as_str());
        return if is_listed {
            Ok(())
        } else {
            Err(Error::new("you are not among those who may transfer files"))
        };
    }
    if message.chat == ChatKind::Private {
        return Ok(());
    }
    match link.outgoing.role(&message.address.channel, &sender.id).await {
        Ok(Role::Admin) => Ok(()),
        Ok(_) => Err(Error::new("only administrators of this chat may transfer files")),
        Err(error) => {
            Err(Error::new(format!("whether you administer this chat could not be asked: {error}")))
        }
    }
}
