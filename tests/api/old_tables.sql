-- The tables of a `Project` object as the first release wrote them, with rows in every phase.
CREATE TABLE versions (
    version INTEGER PRIMARY KEY, phase TEXT NOT NULL, promised INTEGER NOT NULL DEFAULT 0,
    origin TEXT NOT NULL, parent INTEGER, user TEXT, upload_id TEXT, request_id TEXT, sha256 TEXT,
    size INTEGER NOT NULL, accepted_at INTEGER NOT NULL, queued_at INTEGER, attempt INTEGER, claimed_at INTEGER,
    finished_at INTEGER, metadata TEXT, moved_from INTEGER, moved_to INTEGER, report TEXT, script TEXT);
CREATE INDEX versions_by_phase ON versions (phase, version);
CREATE INDEX versions_by_move ON versions (moved_to) WHERE moved_to IS NOT NULL;
CREATE TABLE idempotency (
    user TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (user, key));
CREATE INDEX idempotency_by_version ON idempotency (version);
CREATE INDEX idempotency_by_time ON idempotency (at);
CREATE TABLE single_values (name TEXT PRIMARY KEY, value TEXT NOT NULL);
-- Completed, with every column that an upload and a report fill.
INSERT INTO versions VALUES (1, 'completed', 0, 'upload', NULL, 'local', '1111111111111111', 'aaaaaaaaaaaaaaaa',
    '8ff436def1451285599a1b1ad70800493b8dcafde2912e1a38345633054e4c26', 5, 1700000000000, 1700000001000, 1, 1700000002000,
    1700000003000, '{"part":"bracket","holes":[1,2]}', NULL, NULL,
    '{"format":1,"project":"demo","version":1,"outcome":"completed","finished_at":"2023-11-14T22:13:23.000Z","files":[]}',
    NULL);
-- Another writer's script, which has taken the number of the upload that is version 4 now.
INSERT INTO versions VALUES (2, 'queued', 0, 'hand', NULL, NULL, NULL, NULL, NULL, 9, 1700000004000, 1700000005000, NULL,
    NULL, NULL, NULL, NULL, 4, NULL, NULL);
-- Claimed in the third attempt.
INSERT INTO versions VALUES (3, 'running', 0, 'retry', 1, 'local', '3333333333333333', 'cccccccccccccccc',
    '8ff436def1451285599a1b1ad70800493b8dcafde2912e1a38345633054e4c26', 5, 1700000006000, 1700000007000, 3, 1700000008000,
    NULL, NULL, NULL, NULL, NULL, NULL);
-- In the middle of a delivery: the bucket has taken the script, and the answer was lost.
INSERT INTO versions VALUES (4, 'stored', 1, 'upload', NULL, 'local', '4444444444444444', 'dddddddddddddddd',
    '8ff436def1451285599a1b1ad70800493b8dcafde2912e1a38345633054e4c26', 5, 1700000009000, NULL, NULL, NULL, NULL, NULL, 2,
    NULL, NULL, 'x = 1');
-- Kept for the bucket.
INSERT INTO versions VALUES (5, 'stored', 1, 'ai', 4, 'local', '5555555555555555', 'eeeeeeeeeeeeeeee',
    '8ff436def1451285599a1b1ad70800493b8dcafde2912e1a38345633054e4c26', 5, 1700000010000, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, 'x = 1');
INSERT INTO single_values VALUES ('project', 'demo'), ('owner', 'local'), ('next', '6'), ('total', '5'), ('registered', '1'),
    ('due', '1700000011000'), ('quiet', '0'), ('flat_version', '1'), ('flat_verified', '1'), ('listing_turn', '2');
