//! The store probe: does the store honour `If-None-Match: *`? Everything rests on that, and some do not.

use bytes::Bytes;
use futures::future::join_all;

use super::client::Client;
use super::error::S3Error;
use super::object::PutOptions;
use crate::contract::{Key, UploadId};

/// How many writers race for one key.
pub const PROBE_RACERS: usize = 16;

/// Why a store was found unfit, or could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// More than one writer won, or none. The message names the store and what to set.
    #[error(
        "the store at {endpoint} does not honour conditional writes: {winners} of {PROBE_RACERS} racing PUTs with \
         If-None-Match: * to one fresh key of bucket {bucket:?} succeeded, where exactly one must. Versions would \
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

/// Lets 16 writers race for one fresh key; exactly one may win. Removes the key afterwards.
///
/// A lost answer could make a writer lose against itself, so a race in which nobody seems to have won is run again.
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
        client.delete(&key).await?;
        winners = 0;
        for outcome in outcomes {
            match outcome {
                Ok(_) => winners += 1,
                Err(S3Error::PreconditionFailed) => {}
                Err(error) => return Err(error.into()),
            }
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
