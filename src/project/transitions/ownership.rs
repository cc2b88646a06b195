//! The owner of the project, and the account that lists it.

use crate::object::SqlError;
use crate::project::records::{Records, Single};
use crate::project::request::Caller;

/// The owner of the project, as a caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::project) enum Ownership {
    /// The name is free.
    Free,
    /// The project belongs to the caller.
    Own,
    /// The project belongs to another user.
    Other,
}

/// A project that was found in the bucket belongs to every admin.
pub(in crate::project) fn ownership(records: Records<'_>, caller: &Caller) -> Result<Ownership, SqlError> {
    if !records.exist()? {
        return Ok(Ownership::Free);
    }
    let total = records.single_number(Single::Total)?.unwrap_or(0);
    Ok(match records.single(Single::Owner)? {
        Some(owner) if owner == caller.user => Ownership::Own,
        Some(_) => Ownership::Other,
        None if total == 0 => Ownership::Free,
        None if caller.admin => Ownership::Own,
        None => Ownership::Other,
    })
}

/// Makes `owner` the owner, and returns the previous one. [`account_due`] and [`former_owners`] then name the accounts to
/// update.
pub(in crate::project) fn set_owner(records: Records<'_>, owner: &str) -> Result<Option<String>, SqlError> {
    let previous = records.single(Single::Owner)?;
    let listing = listing_account(records)?;
    records.set_single(Single::Owner, owner)?;
    records.clear_single(Single::Admin)?;
    if listing.as_deref() != Some(owner) {
        next_listing_generation(records)?;
        records.clear_single(Single::Registered)?;
        let mut former = former_owners(records)?;
        former.retain(|user| user != owner && listing.as_ref() != Some(user));
        former.extend(listing);
        set_former_owners(records, &former)?;
    }
    Ok(previous)
}

/// Records the first admin who uses a project without an owner, so that this admin's account lists it. True if it was not
/// recorded before.
pub(in crate::project) fn record_first_admin(records: Records<'_>, caller: &Caller) -> Result<bool, SqlError> {
    if ownership(records, caller)? != Ownership::Own
        || records.single(Single::Owner)?.is_some()
        || records.single(Single::Admin)?.is_some()
    {
        return Ok(false);
    }
    records.set_single(Single::Admin, &caller.user)?;
    Ok(true)
}

/// Whether an account must list the project, or must stop listing it.
pub(super) fn accounts_are_due(records: Records<'_>) -> Result<bool, SqlError> {
    Ok(account_due(records)?.is_some() || !former_owners(records)?.is_empty())
}

/// The user whose account must list the project and does not yet.
pub(in crate::project) fn account_due(records: Records<'_>) -> Result<Option<String>, SqlError> {
    if records.single(Single::Registered)?.is_some() { Ok(None) } else { listing_account(records) }
}

/// The generation in which an account is asked. Its answer no longer counts in a later one, because calls to accounts can
/// overtake each other.
pub(in crate::project) fn listing_generation(records: Records<'_>) -> Result<u64, SqlError> {
    Ok(records.single_number(Single::ListingTurn)?.unwrap_or(0))
}

fn next_listing_generation(records: Records<'_>) -> Result<(), SqlError> {
    records.set_single(Single::ListingTurn, listing_generation(records)? + 1)
}

/// `user`'s account lists the project, as it was asked to in `generation`. If the project has been transferred since, the
/// account must stop listing it. If the user has got it back since, the account is asked again.
pub(in crate::project) fn listed(records: Records<'_>, user: &str, generation: u64) -> Result<(), SqlError> {
    if listing_account(records)?.as_deref() == Some(user) {
        let counts = listing_generation(records)? == generation;
        return if counts { records.set_single(Single::Registered, 1) } else { Ok(()) };
    }
    next_listing_generation(records)?;
    let mut former = former_owners(records)?;
    former.retain(|other| other != user);
    former.push(user.to_owned());
    set_former_owners(records, &former)
}

/// The users whose accounts may list the project and must not.
pub(in crate::project) fn former_owners(records: Records<'_>) -> Result<Vec<String>, SqlError> {
    let Some(list) = records.single(Single::FormerOwners)? else { return Ok(Vec::new()) };
    serde_json::from_str(&list).map_err(|error| SqlError(format!("the former owners: {error}")))
}

/// `user`'s account no longer lists the project, as it was asked to in `generation`. If the user has got the project back
/// since, the account must list it again. If the project came and went since, the account is asked again.
pub(in crate::project) fn unlisted(records: Records<'_>, user: &str, generation: u64) -> Result<(), SqlError> {
    if listing_account(records)?.as_deref() == Some(user) {
        next_listing_generation(records)?;
        records.clear_single(Single::Registered)?;
    } else if listing_generation(records)? != generation {
        return Ok(());
    }
    let mut former = former_owners(records)?;
    former.retain(|other| other != user);
    set_former_owners(records, &former)
}

/// Frees a name whose only upload was withdrawn.
pub(super) fn free_name_if_unused(records: Records<'_>) -> Result<(), SqlError> {
    let unused = records.single_number(Single::Total)?.unwrap_or(0) == 0;
    if unused && records.single(Single::Registered)?.is_none() {
        records.clear_single(Single::Owner)?;
    }
    Ok(())
}

/// The user whose account must list the project: the owner, or the admin who uses a project without one.
fn listing_account(records: Records<'_>) -> Result<Option<String>, SqlError> {
    match records.single(Single::Owner)? {
        Some(owner) => Ok(Some(owner)),
        None => records.single(Single::Admin),
    }
}

fn set_former_owners(records: Records<'_>, users: &[String]) -> Result<(), SqlError> {
    match users {
        [] => records.clear_single(Single::FormerOwners),
        users => records.set_single(Single::FormerOwners, serde_json::json!(users)),
    }
}
