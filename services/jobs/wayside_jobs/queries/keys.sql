-- Idempotency keys of any request. Times are the database's; `$n` are values.

-- name: take_key
-- Take a key ($1 scope, $2 caller, $3 key, $4 request hash); no row when it is taken. Waits for who is taking it.
INSERT INTO idempotency_keys (scope, caller, key, request_hash) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING key;

-- name: read_answer
-- What a key ($1 scope, $2 caller, $3 key) was used for, and what was answered.
SELECT request_hash, status, answer FROM idempotency_keys WHERE scope = $1 AND caller = $2 AND key = $3;

-- name: keep_answer
-- Keep the answer ($4 status, $5 body) to a request with a key ($1 scope, $2 caller, $3 key).
UPDATE idempotency_keys SET status = $4, answer = $5::text::json WHERE scope = $1 AND caller = $2 AND key = $3;
