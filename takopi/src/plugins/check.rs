//! Three lists that check each other: what the features and the wrapper binary promise, what the linker kept as
//! distributions, and the rows.

use std::collections::BTreeSet;

use takopi_api::plugin::{Backend, Distribution};

use super::linked::Linked;
use crate::bundled::Known;

/// What does not fit; empty if all is well.
#[must_use]
pub fn mismatches(bundled: &[(Known, &Distribution)], linked: &Linked, rows: &[&Backend]) -> Vec<String> {
    let linked_names: BTreeSet<&str> =
        linked.distributions().iter().map(|distribution| distribution.name).collect();
    let offered: BTreeSet<&str> =
        rows.iter().filter_map(|row| row.distribution).map(|distribution| distribution.name).collect();
    let mut found = Vec::new();
    for (known, distribution) in bundled {
        if !linked_names.contains(distribution.name) {
            found.push(format!(
                "feature {}: {} is not among the linked distributions",
                known.feature, distribution.name
            ));
        }
        let has_row = rows.iter().any(|row| {
            row.kind().as_str() == known.kind()
                && row.id == known.id()
                && row.distribution.is_some_and(|from| from.name == distribution.name)
        });
        if !has_row {
            let (kind, id) = (known.kind(), known.id());
            found
                .push(format!("feature {}: {} registers no {kind} `{id}`", known.feature, distribution.name));
        }
    }
    for distribution in linked.wrapped() {
        if !linked.distributions().contains(distribution) {
            found.push(format!(
                "bundled by the wrapper: {distribution} is not among the linked distributions"
            ));
        }
    }
    for row in rows {
        let (kind, id) = (row.kind(), row.id);
        match row.distribution {
            None => found.push(format!("{kind} {id}: registered without a distribution")),
            Some(from) if !linked_names.contains(from.name) => {
                found.push(format!("{kind} {id}: {} is not among the linked distributions", from.name));
            }
            Some(_) => {}
        }
    }
    for name in linked_names.difference(&offered) {
        found.push(format!("{name}: linked, but registers no backend"));
    }
    found
}

#[cfg(test)]
mod tests {
    use takopi_api::engine::{Availability, EngineBackend};
    use takopi_api::plugin::Constructor;

    use super::*;

    static ACME: Distribution = Distribution::new("takopi-engine-acme", "1.0.0", "");
    static OTHER: Distribution = Distribution::new("other", "1.0.0", "");
    const FEATURE: Known = Known { feature: "engine-acme" };

    fn row(id: &'static str) -> Backend {
        Backend::new(
            id,
            Constructor::Engine(|| {
                EngineBackend::new("x", Availability::Embedded, |_| unreachable!("never built"))
            }),
        )
    }

    #[test]
    fn a_complete_build_has_no_mismatch() {
        let acme = row("acme").distribution(&ACME);
        assert!(mismatches(&[(FEATURE, &ACME)], &Linked::new(vec![&ACME]), &[&acme]).is_empty());
        assert!(mismatches(&[], &Linked::default(), &[]).is_empty());
    }

    #[test]
    fn each_list_is_held_against_the_others() {
        let acme = row("acme").distribution(&ACME);
        let check = |bundled: &[(Known, &Distribution)],
                     linked: &[&'static Distribution],
                     rows: &[&Backend],
                     part: &str| {
            let found = mismatches(bundled, &Linked::new(linked.to_vec()), rows);
            assert!(found.iter().any(|line| line.contains(part)), "{part} not in {found:?}");
        };
        check(&[(FEATURE, &ACME)], &[], &[&acme], "feature engine-acme: takopi-engine-acme is not among");
        check(&[(FEATURE, &ACME)], &[&ACME], &[], "registers no engine `acme`");
        check(
            &[(FEATURE, &ACME)],
            &[&ACME],
            &[&row("acme")],
            "engine acme: registered without a distribution",
        );
        check(&[], &[&ACME, &OTHER], &[&acme], "other: linked, but registers no backend");
        let other = row("acme").distribution(&OTHER);
        check(&[], &[&ACME], &[&other], "engine acme: other is not among the linked");
    }

    #[test]
    fn a_wrapper_is_held_to_what_it_promises() {
        let acme = row("acme").distribution(&ACME);
        let mut linked = Linked::new(vec![&ACME]);
        linked.promise(&ACME);
        assert!(mismatches(&[], &linked, &[&acme]).is_empty());
        linked.promise(&OTHER);
        let expected = "bundled by the wrapper: other 1.0.0 is not among the linked distributions";
        assert_eq!(mismatches(&[], &linked, &[&acme]), [expected]);
    }
}
