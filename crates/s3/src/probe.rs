//! The store probe: does the store honour `If-None-Match: *`? Everything rests on that, and some do not.

use bytes::Bytes;
use futures::future::join_all;

use super::client::Client;
use super::error::S3Error;
use super::object::PutOptions;
use contract::{Key, UploadId};

/// How many writers race for one key.
pub const PROBE_RACERS: usize = 16;

/// Why a store was found unfit, or could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// More than one writer won, or none. The message names the store and what to set.
    #[error(
        "the store at {endpoint} does not honour conditional writes: {winners} PUTs with \
         If-None-Match: * to one fresh key of bucket {bucket:?} succeeded, where exactly one may. Versions would \
         overwrite each other, so nothing is written. Point AWS_ENDPOINT_URL_S3 at a store that does (AWS S3, \
         Cloudflare R2, SeaweedFS, MinIO), or turn conditional writes on there"
    )]
    Unfit {
        /// The endpoint as configured.
        endpoint: String,
        /// The bucket.
        bucket: String,
        /// How many writers were told that they won.
        winners: usize,
    },
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] S3Error),
}

/// Lets 16 writers race for one fresh key; exactly one may win, and a late one must lose. Removes the key afterwards.
///
/// A lost answer could make a writer lose against itself, so a race in which nobody seems to have won is run again.
/// A writer that got no usable answer says nothing either way: R2 takes one write a second to a key and throttles the
/// others.
pub async fn probe(client: Client<'_>) -> Result<(), ProbeError> {
    let mut winners = 0;
    for _ in 0..3 {
        let key = Key::Probe(UploadId::random().to_string()).to_string();
        let race = (0..PROBE_RACERS).map(|racer| {
            let body = Bytes::from(format!("racer {racer}"));
            let (key, options) = (&key, PutOptions::if_absent());
            async move { client.put(key, body, &options).await }
        });
        let outcomes = join_all(race).await;
        winners = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let failure = outcomes.into_iter().find_map(|outcome| match outcome {
            Ok(_) | Err(S3Error::PreconditionFailed) => None,
            Err(error) => Some(error),
        });
        match failure {
            Some(error) if winners == 0 || !error.is_transient() => return Err(error.into()),
            _ => {}
        }
        let late = client.put(&key, Bytes::from_static(b"late"), &PutOptions::if_absent()).await;
        client.delete(&key).await?;
        match late {
            Ok(_) => winners += 1,
            Err(S3Error::PreconditionFailed) => {}
            Err(error) => return Err(error.into()),
        }
        if winners != 0 {
            break;
        }
    }
    if winners == 1 {
        return Ok(());
    }
    let bucket = client.bucket();
    Err(ProbeError::Unfit { endpoint: bucket.endpoint.to_string(), bucket: bucket.name.clone(), winners })
}
