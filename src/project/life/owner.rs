//! Whose the project is, and whose account lists it.

use super::super::call::Caller;
use super::super::records::{Records, Single};
use crate::object::SqlError;

/// What a caller may do with this project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::project) enum Standing {
    /// Nobody has the name.
    Free,
    /// It is the caller's.
    Theirs,
    /// It is somebody else's.
    Foreign,
}

/// Who the project belongs to, as `caller` sees it. One found in the bucket belongs to the admin.
pub(in crate::project) fn standing(records: Records<'_>, caller: &Caller) -> Result<Standing, SqlError> {
    if !records.exist()? {
        return Ok(Standing::Free);
    }
    let total = records.single_number(Single::Total)?.unwrap_or(0);
    Ok(match records.single(Single::Owner)? {
        Some(owner) if owner == caller.user => Standing::Theirs,
        Some(_) => Standing::Foreign,
        None if total == 0 => Standing::Free,
        None if caller.admin => Standing::Theirs,
        None => Standing::Foreign,
    })
}

/// Makes the project `owner`'s, and gives whose it was. The accounts follow: [`account_due`], [`former`].
pub(in crate::project) fn assign(records: Records<'_>, owner: &str) -> Result<Option<String>, SqlError> {
    let before = records.single(Single::Owner)?;
    let lister = lister(records)?;
    records.set_single(Single::Owner, owner)?;
    records.clear_single(Single::Admin)?;
    if lister.as_deref() != Some(owner) {
        next_turn(records)?;
        records.clear_single(Single::Registered)?;
        let mut former = former(records)?;
        former.retain(|user| user != owner && lister.as_ref() != Some(user));
        former.extend(lister);
        set_former(records, &former)?;
    }
    Ok(before)
}

/// Remembers the admin who uses a project without an owner, so that their account lists it. True if that is news.
pub(in crate::project) fn meet_admin(records: Records<'_>, caller: &Caller) -> Result<bool, SqlError> {
    if standing(records, caller)? != Standing::Theirs
        || records.single(Single::Owner)?.is_some()
        || records.single(Single::Admin)?.is_some()
    {
        return Ok(false);
    }
    records.set_single(Single::Admin, &caller.user)?;
    Ok(true)
}

/// Whether any account lists the project that should not, or the other way round.
pub(super) fn accounts_are_due(records: Records<'_>) -> Result<bool, SqlError> {
    Ok(account_due(records)?.is_some() || !former(records)?.is_empty())
}

/// The user whose account ought to list the project and does not yet.
pub(in crate::project) fn account_due(records: Records<'_>) -> Result<Option<String>, SqlError> {
    if records.single(Single::Registered)?.is_some() { Ok(None) } else { lister(records) }
}

/// The turn in which an account is asked something: in a later one its answer no longer counts, since calls pass each
/// other on their way.
pub(in crate::project) fn turn(records: Records<'_>) -> Result<u64, SqlError> {
    Ok(records.single_number(Single::ListingTurn)?.unwrap_or(0))
}

fn next_turn(records: Records<'_>) -> Result<(), SqlError> {
    records.set_single(Single::ListingTurn, turn(records)? + 1)
}

/// `user`'s account lists the project, as it was asked to in that turn. Should the project have been given away
/// meanwhile, that is undone; should they have got it back, they are asked again.
pub(in crate::project) fn listed(records: Records<'_>, user: &str, asked_in: u64) -> Result<(), SqlError> {
    if lister(records)?.as_deref() == Some(user) {
        let counts = turn(records)? == asked_in;
        return if counts { records.set_single(Single::Registered, 1) } else { Ok(()) };
    }
    next_turn(records)?;
    let mut former = former(records)?;
    former.retain(|other| other != user);
    former.push(user.to_owned());
    set_former(records, &former)
}

/// The users whose accounts may list the project and should not any more.
pub(in crate::project) fn former(records: Records<'_>) -> Result<Vec<String>, SqlError> {
    let Some(list) = records.single(Single::FormerOwners)? else { return Ok(Vec::new()) };
    serde_json::from_str(&list).map_err(|error| SqlError(format!("the former owners: {error}")))
}

/// `user`'s account lists the project no more, as it was asked to in that turn. Should they have got it back meanwhile,
/// it is listed again; should it have come and gone, they are asked again.
pub(in crate::project) fn taken_off(records: Records<'_>, user: &str, asked_in: u64) -> Result<(), SqlError> {
    if lister(records)?.as_deref() == Some(user) {
        next_turn(records)?;
        records.clear_single(Single::Registered)?;
    } else if turn(records)? != asked_in {
        return Ok(());
    }
    let mut former = former(records)?;
    former.retain(|other| other != user);
    set_former(records, &former)
}

/// A name whose only upload was withdrawn is free again.
pub(super) fn release_name(records: Records<'_>) -> Result<(), SqlError> {
    let unused = records.single_number(Single::Total)?.unwrap_or(0) == 0;
    if unused && records.single(Single::Registered)?.is_none() {
        records.clear_single(Single::Owner)?;
    }
    Ok(())
}

/// Whose account ought to list the project: its owner's, or that of the admin who uses one without.
fn lister(records: Records<'_>) -> Result<Option<String>, SqlError> {
    match records.single(Single::Owner)? {
        Some(owner) => Ok(Some(owner)),
        None => records.single(Single::Admin),
    }
}

fn set_former(records: Records<'_>, users: &[String]) -> Result<(), SqlError> {
    match users {
        [] => records.clear_single(Single::FormerOwners),
        users => records.set_single(Single::FormerOwners, serde_json::json!(users)),
    }
}
